"""What of the tenant a viewer sees: asked for each course and account that a request is about."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import orjson

from consumer.rights.viewer import Sight, Viewer
from consumer.serve.read_pool import ReadPool
from consumer.serve.sql import sql


async def sights_of_courses(pool: ReadPool, viewer: Viewer, ids: Collection[int]) -> dict[int, Sight]:
    """How much is seen of these courses; those of which nothing is are left out."""
    above = await _above(pool, viewer, "Course", ids)
    seen = {id_: viewer.course(id_, above.get(id_, ())) for id_ in ids}
    return {id_: sight for id_, sight in seen.items() if sight is not None}


async def sight_of_account(pool: ReadPool, viewer: Viewer, id_: int) -> Sight | None:
    """How much is seen of an account; None: nothing."""
    above = await _above(pool, viewer, "Account", [id_])
    return viewer.account(above.get(id_, ()))


async def sees_place(pool: ReadPool, viewer: Viewer, context_type: str | None, context_id: int | None) -> bool:
    """Whether outcomes and groups of a place are theirs: of a course or account of theirs, of one above, or of no place."""
    if viewer.sees_all or context_id is None:
        return True
    if context_type == "Course":
        return bool(await sights_of_courses(pool, viewer, [context_id]))
    if context_type != "Account" or await sight_of_account(pool, viewer, context_id) is not None:
        return True
    above = [
        *(await pool.fetch(sql("accounts_above"), viewer.tenant, "Course", list(viewer.courses))),
        *(await pool.fetch(sql("accounts_above"), viewer.tenant, "Account", list(viewer.accounts))),
    ]
    return any(context_id in row["accounts"] for row in above)


async def students_in(pool: ReadPool, of_course: Sequence[Any], sight: Sight) -> frozenset[str]:
    """All names by which results call the students of some sections. `of_course`: tenant, course and moment."""
    names: set[str] = set()
    for row in await pool.fetch(sql("gradebook_students"), *of_course):
        if any(sight.shows(one["course_section_id"]) for one in orjson.loads(row["enrollments"] or "[]")):
            names |= {row["key"], *row["uuids"], f"id:{row['user_id']}"}
    return frozenset(names)


async def _above(pool: ReadPool, viewer: Viewer, kind: str, ids: Collection[int]) -> Mapping[int, Collection[int]]:
    """Nothing is asked for somebody who has no right to an account."""
    if not viewer.accounts or viewer.sees_all:
        return {}
    return {row["id"]: row["accounts"] for row in await pool.fetch(sql("accounts_above"), viewer.tenant, kind, ids)}
