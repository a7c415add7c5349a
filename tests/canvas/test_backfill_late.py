"""Events that are older than a snapshot and read after it: the worker lags behind the backfill, or starts after it."""

import json
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from consumer.canvas.examining.examined import Finding
from consumer.canvas.examining.examiner import Examiner
from consumer.canvas.observations import Objects, Observation
from tests.canvas.content import ALGEBRA, ANN, EQUATIONS, EVIDENCE, FRACTIONS, GRAPHS, HIGH, PHONICS, ROOT, Row
from tests.canvas.filling import (
    BEFORE,
    LINKS,
    SHARD,
    counts,
    deliver,
    differences,
    feed_of,
    fill,
    group_event,
    link_event,
    outcome_event,
    query,
    result_event,
    rollups,
    state,
)
from tests.canvas.school import School

SCALES = "outcome_proficiency"
"""A scale has a negative id until the feed shows it, and both ids from then on."""


@pytest.mark.parametrize("own", [True, False])
async def test_a_feed_that_is_read_after_the_backfill_leaves_the_same_projection(
    database: str, another_database: str, own: bool
) -> None:
    """The next backfill adds the members that REST does not show, once: uuids of students, methods, artifacts, global ids."""
    async with School(account_level_scales=not own) as school:
        feed = feed_of(school)
        await deliver(another_database, *feed)
        await fill(another_database, school)
        await fill(database, school)
        await deliver(database, *feed)
        await fill(database, school)
        found, expected = await state(database), await state(another_database)
        assert counts(await fill(database, school), "written") == {}
    assert {table: rows for table, rows in found.items() if table != SCALES} == {
        table: rows for table, rows in expected.items() if table != SCALES
    }
    beside = "SELECT id, artifact_type, artifact_id, attempt, created_at FROM learning_outcome_result ORDER BY id"
    assert await query(database, beside) == await query(another_database, beside)
    ids = "SELECT global_id, account_uuid FROM course ORDER BY id"
    assert await query(database, ids) == await query(another_database, ids)
    users = "SELECT user_id, user_uuid FROM user_identity ORDER BY 1"
    assert await query(database, users) == await query(another_database, users)
    assert await rollups(database, ALGEBRA) == await rollups(another_database, ALGEBRA)


async def test_what_a_late_worker_reads_is_added_by_the_next_backfill(database: str, school: School) -> None:
    """An outcome got another name and another method: REST shows only the name, and the event with both is older."""
    await deliver(database, *feed_of(school)[:-1])  # without a method of the account
    await fill(database, school)
    school.outcomes[EQUATIONS] |= {"title": "Equality", "calculation_method": "latest", "calculation_int": None}
    late = outcome_event(school, EQUATIONS, datetime.now(UTC))
    await fill(database, school)
    await deliver(database, late)
    statement = f"SELECT title, calculation_method, calculation_int, event_name FROM learning_outcome WHERE id = {EQUATIONS}"
    assert (await query(database, statement))[0][1] == "decaying_average"
    done = await differences(database, school)
    (one,) = [finding.as_json() for finding in done.differences if finding.kind != "rollup"]
    assert (one["kind"], one["id"]) == ("stale", EQUATIONS)
    assert one["members"]["calculation_method"] == {"ours": "decaying_average", "canvas": "latest"}
    assert counts(await fill(database, school), "written") == {"learning_outcome": 1}
    assert await query(database, statement) == [("Equality", "latest", None, "learning_outcome_backfilled")]
    assert counts(await fill(database, school), "written") == {}


async def test_rest_overrides_late_events(database: str, school: School) -> None:
    """Late events add only members that REST does not show, and no dependent member whose first member has changed."""
    await fill(database, school)
    school.outcomes[EQUATIONS]["title"] = "Equality"
    await fill(database, school)
    row = school.outcomes[EQUATIONS]
    await deliver(
        database,
        outcome_event(
            school, EQUATIONS, title="Older", short_description="Older", context_id=str(HIGH), context_uuid="OF HIGH"
        ),
        result_event(school, 801, score=1.0, percent=0.2, user_uuid="SOMEBODY"),
    )
    await fill(database, school)
    statement = "SELECT title, short_description, context_id, context_uuid, extra::text FROM learning_outcome WHERE id = $1"
    assert row["context_id"] == ROOT
    assert await query(database, statement, EQUATIONS) == [("Equality", "Equality", ROOT, None, '{"icon": "sun"}')]
    result = "SELECT score, percent, user_uuid FROM learning_outcome_result WHERE id = 801"
    assert await query(database, result) == [(school.results[801]["score"], school.results[801]["percent"], "SOMEBODY")]


async def test_what_rest_once_showed_stays_when_it_is_hidden(database: str) -> None:
    """Criteria and methods, once account-level scales hide them; the feed's are older. Also if one request is refused."""
    async with School(account_level_scales=False) as school:
        await deliver(database, *feed_of(school))
        school.outcomes[EQUATIONS] |= {"points_possible": 9.0, "calculation_method": "latest", "calculation_int": None}
        await fill(database, school)
        school.fail("forbidden", path="outcomes/")
        assert counts(await fill(database, school), "written") == {}
        school.account_level_scales = True
        assert counts(await fill(database, school), "written") == {}
    statement = "SELECT rubric_criterion ->> 'points_possible', calculation_method FROM learning_outcome WHERE id = $1"
    assert await query(database, statement, EQUATIONS) == [("9", "latest")]


async def test_parts_of_a_criterion_that_rest_cannot_tell_come_late_too(database: str, another_database: str) -> None:
    """Even if its points have changed since."""
    statement = "SELECT rubric_criterion::text FROM learning_outcome WHERE id = $1"
    async with School(account_level_scales=False) as school:
        feed = feed_of(school)
        school.outcomes[EQUATIONS] |= {"points_possible": 9.0}
        await fill(database, school)
        await deliver(database, *feed)
        await fill(database, school)
        await deliver(another_database, *feed)
        await fill(another_database, school)
    ((found,),), ((expected,),) = (
        await query(database, statement, EQUATIONS),
        await query(another_database, statement, EQUATIONS),
    )
    assert json.loads(found) == json.loads(expected)
    assert json.loads(found)["description"] == "Equations"


async def test_an_event_of_a_link_beats_what_was_inferred_of_it(database: str, school: School) -> None:
    """It was not moved, but deleted, and a new one created: both events come after the backfill."""
    await deliver(database, *feed_of(school))
    await fill(database, school)
    at = next(at for at, row in enumerate(school.links) if (row["context_id"], row["outcome_id"]) == (ALGEBRA, EQUATIONS))
    gone = link_event(school, at, datetime.now(UTC), workflow_state="deleted")
    school.groups[390] = school.groups[school.links[at]["group_id"]] | {"id": 390, "parent_id": school.links[at]["group_id"]}
    school.links[at]["group_id"] = 390
    made = link_event(school, at, datetime.now(UTC), learning_outcome_link_id="990")
    await fill(database, school)
    statement = (
        "SELECT id, learning_outcome_group_id, workflow_state FROM learning_outcome_link WHERE id IN (990, $1) ORDER BY id"
    )
    assert await query(database, statement, LINKS + at) == [(LINKS + at, 390, "active")]
    await deliver(database, gone, made)
    await fill(database, school)
    assert await query(database, statement, LINKS + at) == [
        (LINKS + at, 304, "deleted"),
        (990, 390, "active"),
    ]


@pytest.mark.parametrize("of", ["the link", "another one"])
async def test_an_event_that_comes_between_two_pages_moves_nothing(
    database: str, school: School, monkeypatch: pytest.MonkeyPatch, of: str
) -> None:
    """It shows the position meanwhile: nothing is missing, nothing is inferred, and nothing fails."""
    await deliver(database, *feed_of(school))
    await fill(database, school)
    at = next(at for at, row in enumerate(school.links) if (row["context_id"], row["outcome_id"]) == (ALGEBRA, EQUATIONS))
    school.groups[390] = school.groups[school.links[at]["group_id"]] | {"id": 390, "parent_id": school.links[at]["group_id"]}
    await deliver(database, group_event(school, 390))
    school.links[at]["group_id"] = 390
    changed = {} if of == "the link" else {"learning_outcome_link_id": "990"}
    shown = link_event(school, at, datetime.now(UTC), **changed)
    taking, come = Examiner.take, list[bool]()

    async def meanwhile(self: Examiner, seen: Observation, *memory: Any, **options: Any) -> list[Finding]:
        found = await taking(self, seen, *memory, **options)
        if isinstance(seen, Objects) and seen.table == "learning_outcome_link" and seen.context == ("Course", ALGEBRA):
            if not come:
                await deliver(database, shown)
            come.append(True)
        return found

    monkeypatch.setattr(Examiner, "take", meanwhile)
    school.page_size = 1
    done = await differences(database, school)
    assert (come != [], done.report.troubles) == (True, [])
    assert {one.kind for one in done.differences} <= {"extra"}
    assert all(one.key["id"] == LINKS + at for one in done.differences)


async def test_a_late_student_is_one_and_not_two(database: str, school: School) -> None:
    """With results from REST only, results from both, and one that the feed updated."""
    await fill(database, school)
    await deliver(database, *feed_of(school), result_event(school, 801, datetime.now(UTC)))
    await fill(database, school)
    ann = school.users[ANN]["uuid"]
    assert {user for user, _ in await rollups(database, ALGEBRA) if user.endswith(str(ANN))} == {ann}
    assert await query(database, "SELECT global_id FROM account WHERE id = $1", HIGH) == [(SHARD + HIGH,)]


def _changed(chance: Random, school: School) -> None:
    """Edits the school without an event."""
    outcome = school.outcomes[chance.choice([FRACTIONS, EQUATIONS, EVIDENCE, PHONICS, GRAPHS])]
    result = school.results[chance.choice(list(school.results))]
    method, number = chance.choice([("latest", None), ("n_mastery", 3), ("decaying_average", 70), ("highest", None)])
    changes: list[tuple[Row, Row]] = [
        (outcome, {"title": outcome["title"] + "!", "description": chance.choice([None, "new"])}),
        (outcome, {"calculation_method": method, "calculation_int": number}),
        (outcome, {"points_possible": 9.0, "ratings": [*outcome["ratings"][:2], {"description": "None", "points": 0.0}]}),
        (outcome, {"context_type": "Account", "context_id": HIGH}),
        (result, chance.choice([{"score": 1.5, "percent": 0.3}, {"score": None, "percent": None, "mastery": None}])),
        (result, {"submitted_or_assessed_at": "2025-04-01T10:00:00Z"}),
        (school.courses[ALGEBRA], {"name": "Algebra!"}),
        (school.accounts[HIGH], {"name": "High!"}),
    ]
    for row, members in chance.sample(changes, chance.randint(1, 5)):
        row.update(members)


@pytest.mark.parametrize("seed", range(4))
async def test_in_any_order_feed_and_backfills_end_with_the_same_projection(
    database: str, another_database: str, seed: int
) -> None:
    """A feed that lost events, in parts and shuffled, with backfills between them and one at the end."""
    chance = Random(seed)
    async with School(account_level_scales=chance.random() < 0.5, page_size=chance.choice([1, 2, 100])) as school:
        school.scales = {}
        feed = feed_of(school)
        _changed(chance, school)
        feed += [event for event in feed_of(school, BEFORE + timedelta(hours=1)) if chance.random() < 0.5]
        _changed(chance, school)
        await deliver(another_database, *feed)
        await fill(another_database, school)
        chance.shuffle(feed)
        at = 0
        while at < len(feed):
            size = chance.randint(1, len(feed))
            await deliver(database, *feed[at : at + size])
            at += size
            if chance.random() < 0.5:
                await fill(database, school)
        would = counts(await fill(database, school, writing=False), "written")
        assert counts(await fill(database, school), "written") == would
        assert counts(await fill(database, school), "written") == {}
    assert await state(database) == await state(another_database)
    for table in ("learning_outcome_result", "learning_outcome", "course"):
        beside = f"SELECT to_jsonb(t) - '{{event_name,event_time,version_hash}}'::text[] FROM {table} AS t ORDER BY id"
        assert await query(database, beside) == await query(another_database, beside)
