"""What analysts lean on: names of arguments, tenants that are not there, levels, the scale of another moment."""

import random
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from consumer.store.postgres import connect
from tests.postgres.test_mastery_rules import School
from tests.postgres.writing import write
from tests.samples import NOON, TENANT

ARGUMENTS = """
SELECT proname, proargnames[1:pronargs] AS names, proargtypes::regtype[] AS types, pronargs - pronargdefaults AS required
  FROM pg_proc
 WHERE pronamespace = 'outcomes'::regnamespace AND prokind = 'f'
 ORDER BY proname
"""
OTHER_NAMES = {
    "root_account_uuid",
    "course",
    "account",
    "student",
    "user",
    "outcome",
    "learning_outcome_id",
    "moment",
    "context",
}


@pytest.fixture
async def school(database: str) -> AsyncIterator[School]:
    """Outcome 1 of 5 points, mastery from 3, by its own criterion; ana at 4 in course 7."""
    made = School(await connect(database))
    await made.outcome("latest")
    await made.result(1, 0.8)
    yield made
    await made.connection.close()


async def test_an_argument_has_one_name_in_all_functions(school: School) -> None:
    """The tenant is `tenant` everywhere, a course `course_id`, and comes first. Moments may be left out: then it is now."""
    functions = await school.connection.fetch(ARGUMENTS)
    assert {row["proname"] for row in functions} >= {"outcome_rollup_at", "course_at", "effective_grading_standard"}
    for row in functions:
        assert not OTHER_NAMES & {*(row["names"] or ())}, row["proname"]
        assert "tenant" not in (row["names"] or ())[1:], row["proname"]
        assert not {"at", "known_at", "scale_at"} & {*(row["names"] or ())[: row["required"]]}, row["proname"]


async def test_a_tenant_that_is_not_known_is_an_error_in_every_function(school: School) -> None:
    """And not an empty answer, null too; the sentence says where those are that exist. Views answer with what there is."""
    asked = [row for row in await school.connection.fetch(ARGUMENTS) if "tenant" in (row["names"] or ())]
    assert len(asked) > 15
    for row in asked:
        others = "".join(f", {'1' if kind == 'bigint' else 'NULL'}::{kind}" for kind in row["types"][1:])
        question = f"SELECT count(*) FROM outcomes.{row['proname']}($1{others})"
        for tenant in ("nobody", *([None] if row["proname"] != "effective_grading_standard" else [])):
            what = "no tenant is given" if tenant is None else "tenant nobody is not known here"
            with pytest.raises(asyncpg.NoDataFoundError, match=rf"^{what}; .* FROM outcomes\.feed_freshness "):
                await school.connection.fetchval(question, tenant)
        await school.connection.fetchval(question, TENANT)
        await school.connection.fetchval(question.replace("1::bigint", "NULL::bigint"), TENANT)
    assert await school.connection.fetchval("SELECT array_agg(DISTINCT root_account_uuid) FROM feed_freshness") == [TENANT]


async def test_a_rollup_tells_its_level_and_the_scale_that_was_used(school: School) -> None:
    """Levels are counted from the lowest; without an account-level scale the outcome's own criterion is used."""

    async def told(relation: str) -> tuple[Any, ...]:
        question = f"SELECT rating, level, level_points, outcome_proficiency_id FROM {relation}"
        (row,) = await school.connection.fetch(question, TENANT)
        return tuple(row)

    now = "outcome_rollup_at($1, 7, NULL)", "outcome_rollup WHERE root_account_uuid = $1", "outcome_rollup_at($1, 7, now())"
    for relation in now:
        assert await told(relation) == ("Own none", 1, 0, None)
    await school.scale(4, 3, 1, scale=31)
    for relation in now:
        assert await told(relation) == ("Mastery", 2, 3, 31)
    await school.result(1, 0.1)
    assert await told(now[0]) == (None, 0, None, 31)


async def _judged(school: School, at: Any, scale_at: Any) -> list[Any]:
    score = "SELECT score, mastery, level, mastery_points FROM outcome_rollup_at($1, 7, $2, NULL, $3)"
    whole = "SELECT mean, mastered FROM course_outcome_summary_of($1, 7, $2, NULL, $3)"
    found = [await school.connection.fetchrow(question, TENANT, at, scale_at) for question in (score, whole)]
    return [value for row in found if row for value in row]


async def test_two_dates_are_compared_on_one_scale(school: School) -> None:
    """scale_at chooses scale and method; which results count stays as at says. Without it they are those of at."""
    first = school.now()
    await school.scale(8, 6, 0)
    await school.result(2, 0.5)
    second = school.now()
    assert await _judged(school, first, None) == [4, True, 1, 3, 4, 1]
    assert await _judged(school, second, None) == [4, False, 1, 6, 4, 0]
    assert await _judged(school, first, second) == [Decimal("6.4"), True, 2, 6, Decimal("6.4"), 1]
    assert await _judged(school, second, first) == [Decimal("2.5"), False, 1, 3, Decimal("2.5"), 0]
    assert await _judged(school, None, first) == [Decimal("2.5"), False, 1, 3, Decimal("2.5"), 0]


async def test_the_outcomes_own_criterion_is_that_of_scale_at_too(school: School) -> None:
    """An outcome that was not known then keeps the criterion that it had."""
    before, first = NOON - timedelta(days=1), school.now()
    await school.outcome("latest", points=10, mastery=9)
    assert await _judged(school, first, school.now()) == [8, False, 1, 9, 8, 0]
    assert await _judged(school, school.now(), first) == [4, True, 1, 3, 4, 1]
    assert await _judged(school, first, before) == [4, True, 1, 3, 4, 1]


async def test_what_is_judged_by_another_moment_does_not_depend_on_arrival(school: School, another_database: str) -> None:
    """All events again, in another order and some of them twice."""
    await school.scale(8, 6, 0)
    await school.result(2, 0.5)
    await school.outcome("highest", points=10, mastery=9)
    await school.scale(4, 3, 0, workflow_state="deleted")
    shuffled = [*school.told, *school.told[::2]]
    random.Random(17).shuffle(shuffled)
    await write(another_database, *shuffled)
    other = School(await connect(another_database))
    moments = [NOON + timedelta(minutes=minute) for minute in range(8)]
    for at in moments:
        for scale_at in moments:
            assert await _judged(school, at, scale_at) == await _judged(other, at, scale_at)
    await other.connection.close()
