"""Relations that analysts ask: paths of outcomes, accounts below an account, what changed, and how fresh it all is."""

import random
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from consumer.store.postgres import connect
from tests.postgres.test_mastery_rules import School
from tests.postgres.writing import write
from tests.samples import NOON, TENANT, event

GROUPS = "learning_outcome_group_updated"
LINKS = "learning_outcome_link_updated"
PATHS = "SELECT learning_outcome_id, context_type, titles, path FROM outcome_path WHERE root_account_uuid = $1 ORDER BY 1, 4"
PATHS_AT = "SELECT path FROM outcome_path_at($1, 'Course', 7, $2) ORDER BY 1"
BELOW = "SELECT id, distance, path FROM account_descendants($1, $2, $3)"
CHANGES = """
SELECT event_time, before_since, score_before, score, workflow_state_before, workflow_state, user_uuid_before, user_uuid
  FROM result_change WHERE root_account_uuid = $1 ORDER BY id, event_time
"""
CHANGED = """
SELECT user_uuid, score_before::float, score::float, mastery_before, mastery, level_before, level, results_before, results
  FROM mastery_change($1, 7, $2, $3, NULL, $4) ORDER BY 1
"""
ALL = (
    "SELECT * FROM outcome_path ORDER BY learning_outcome_link_id",
    "SELECT * FROM outcome_path_at($1, 'Course', 7, '2025-03-20T12:09:30Z') ORDER BY learning_outcome_link_id",
    "SELECT * FROM account_descendants($1, 1)",
    "SELECT * FROM account_descendants($1, 1, '2025-03-20T12:03:30Z')",
    CHANGES,
    "SELECT * FROM mastery_change($1, 7, '2025-03-20T12:05:00Z') ORDER BY user_uuid, learning_outcome_id",
    "SELECT root_account_uuid, table_name, event_time FROM feed_freshness ORDER BY table_name",
)


@pytest.fixture
async def school(database: str) -> AsyncIterator[School]:
    """No event yet."""
    made = School(await connect(database))
    yield made
    await made.connection.close()


async def rows(school: School, question: str, *arguments: Any) -> list[tuple[Any, ...]]:
    """The answer, for the tenant."""
    return [tuple(row) for row in await school.connection.fetch(question, *([TENANT] if "$1" in question else []), *arguments)]


async def group(school: School, id_: int, title: str, parent: int | None, **members: Any) -> None:
    """A group of course 7."""
    above = ... if parent is None else str(parent)
    told = {"learning_outcome_group_id": str(id_), "title": title, "parent_outcome_group_id": above}
    await school.tell(GROUPS, **(told | {"context_type": "Course", "context_id": "7", "workflow_state": "active"} | members))


async def link(school: School, id_: int, outcome: int, group_: int, **members: Any) -> None:
    """A link of course 7."""
    told = {"learning_outcome_link_id": str(id_), "learning_outcome_id": str(outcome), "learning_outcome_group_id": str(group_)}
    await school.tell(LINKS, **(told | {"context_type": "Course", "context_id": "7", "workflow_state": "active"} | members))


async def test_an_outcome_has_a_path_for_each_group_that_holds_it(school: School) -> None:
    """Without the root group, as Canvas shows paths; as text too."""
    await school.outcome(title="Genes")
    await group(school, 1, "Biology", None)
    await group(school, 2, "Cells", 1)
    await link(school, 1, 1, 2)
    await link(school, 2, 1, 1)
    assert await rows(school, PATHS) == [
        (1, "Course", ["Cells", "Genes"], "Cells > Genes"),
        (1, "Course", ["Genes"], "Genes"),
    ]
    before = school.now()
    await group(school, 2, "Living cells", 1)
    await link(school, 2, 1, 1, workflow_state="deleted")
    assert [row[3] for row in await rows(school, PATHS)] == ["Living cells > Genes"]
    assert await rows(school, PATHS_AT, None) == [("Living cells > Genes",)]
    assert await rows(school, PATHS_AT, before) == [("Cells > Genes",), ("Genes",)]


async def test_what_was_deleted_has_no_path(school: School) -> None:
    """A link, its group, its outcome; a link stays gone where its outcome was deleted and came back."""
    await school.outcome(title="Genes")
    await group(school, 1, "Biology", None)
    await link(school, 1, 1, 1)
    await link(school, 1, 1, 1, workflow_state="deleted")
    assert await rows(school, PATHS) == []
    await link(school, 2, 1, 1)
    await group(school, 1, "Biology", None, workflow_state="deleted")
    assert await rows(school, PATHS) == []
    await group(school, 1, "Biology", None)
    assert len(await rows(school, PATHS)) == 1
    await school.outcome(title="Genes", workflow_state="deleted")
    assert await rows(school, PATHS) == []
    await school.outcome(title="Genes")
    assert await rows(school, PATHS) == []


async def test_groups_that_hold_each_other_end(school: School) -> None:
    """Old data has such cycles; a group or outcome that no event has told is left out of the path."""
    await school.outcome(title="Genes")
    await group(school, 1, "Biology", 2)
    await group(school, 2, "Cells", 1)
    await link(school, 1, 1, 2)
    await link(school, 2, 1, 9)
    await link(school, 3, 8, 1)
    assert [row[3] for row in await rows(school, PATHS)] == ["Biology > Cells > Genes", "Genes", "Cells > Biology"]


async def test_the_accounts_below_an_account_are_those_of_the_moment(school: School) -> None:
    """Itself first, each below its parent; where accounts hold each other, each is told once."""
    for id_, parent in ((1, None), (2, 1), (3, 2), (4, 1)):
        await school.account(id_, parent)
    before = school.now()
    await school.account(3, 4)
    assert [row[:2] for row in await rows(school, BELOW, 1, before)] == [(1, 0), (2, 1), (3, 2), (4, 1)]
    assert [row[:2] for row in await rows(school, BELOW, 1, None)] == [(1, 0), (2, 1), (4, 1), (3, 2)]
    assert [row[0] for row in await rows(school, BELOW, 4, None)] == [4, 3]
    assert await rows(school, BELOW, 9, None) == await rows(school, BELOW, 1, NOON) == []
    await school.account(4, 3)
    assert [row[0] for row in await rows(school, BELOW, 4, None)] == [4, 3]


async def test_the_accounts_below_an_account_that_no_event_told_are_there(school: School) -> None:
    """A feed may have begun after the events of the root account: its id is enough to ask with."""
    await school.account(2, 1)
    await school.account(3, 2)
    assert await rows(school, BELOW, 1, None) == [
        (1, 0, ""),
        (2, 1, "School of Biology"),
        (3, 2, "School of Biology > School of Biology"),
    ]


async def test_each_change_of_a_result_is_told_with_before_and_after(school: School) -> None:
    """The first state too; an event that says the same again is no change."""
    await school.result(1, 0.4)
    await school.result(1, 0.4)
    await school.result(1, 0.8)
    await school.result(1, 0.8, user_uuid="bo")
    await school.result(1, 0.8, user_uuid="bo", workflow_state="deleted")
    at = [NOON + timedelta(minutes=minute) for minute in range(6)]
    assert await rows(school, CHANGES) == [
        (at[1], None, None, 2, None, "active", None, "ana"),
        (at[3], at[2], 2, 4, "active", "active", "ana", "ana"),
        (at[4], at[3], 4, 4, "active", "active", "ana", "bo"),
        (at[5], at[4], 4, 4, "active", "deleted", "bo", "bo"),
    ]
    assert await rows(school, "SELECT event_name, course_id FROM result_change WHERE root_account_uuid = $1 AND score = 2") == [
        ("learning_outcome_result_updated", 7)
    ]


async def test_who_has_another_rollup_than_at_a_moment_is_told_with_before_and_after(school: School) -> None:
    """New scores, other ones, scores that are gone; who has the same is not told."""
    await school.outcome("latest")
    for id_, student in enumerate(("ana", "bo", "chi"), start=1):
        await school.result(id_, 0.8, user_uuid=student)
    since = school.now()
    await school.result(4, 0.2)
    await school.result(2, 0.8, user_uuid="bo", workflow_state="deleted")
    await school.result(5, 0.6, user_uuid="dee")
    assert await rows(school, CHANGED, since, None, None) == [
        ("ana", 4, 1, True, False, 1, 1, 1, 2),
        ("bo", 4, None, True, None, 1, None, 1, None),
        ("dee", None, 3, None, True, None, 1, None, 1),
    ]
    assert await rows(school, CHANGED, school.now(), None, None) == []
    since_ever = await rows(school, CHANGED, None, None, None)
    assert [row[:3] for row in since_ever] == [("ana", None, 1), ("chi", None, 4), ("dee", None, 3)]
    assert await rows(school, CHANGED, since, since + timedelta(minutes=1), None) == [("ana", 4, 1, True, False, 1, 1, 1, 2)]


async def test_a_change_of_the_scale_is_no_change_on_one_scale(school: School) -> None:
    """With scale_at only the results count."""
    await school.outcome("latest")
    await school.result(1, 0.8)
    since = school.now()
    await school.scale(8, 6, 0)
    assert await rows(school, CHANGED, since, None, None) == [("ana", 4, 6.4, True, True, 1, 2, 1, 1)]
    for scale_at in (since, school.now()):
        assert await rows(school, CHANGED, since, None, scale_at) == []


async def test_freshness_tells_the_newest_event_of_each_kind_and_tenant(school: School) -> None:
    """However late an older one comes; and when the feed's heart last beat, where it does."""
    await school.outcome()
    await school.result(1, 0.8)
    first = school.now()
    await write(school.connection, event("learning_outcome_result_updated", at=NOON - timedelta(days=1), id="2"))
    question = (
        "SELECT table_name, event_time, recorded_at, heartbeat_at FROM feed_freshness WHERE root_account_uuid = $1 ORDER BY 1"
    )
    recorded = "SELECT max(recorded_at) FROM {}_version WHERE event_time = $1"
    told = [
        (kind, at, await school.connection.fetchval(recorded.format(kind), at), None)
        for kind, at in (("learning_outcome", first - timedelta(minutes=1)), ("learning_outcome_result", first))
    ]
    assert await rows(school, question) == told
    await write(school.connection, event("heartbeat", at=NOON + timedelta(hours=1)))
    assert {row[3] for row in await rows(school, question)} == {NOON + timedelta(hours=1)}


async def test_what_analysts_ask_does_not_depend_on_arrival(school: School, another_database: str) -> None:
    """All events again, in another order and some of them twice."""
    await school.account(1, None)
    await school.account(2, 1)
    await school.account(3, 1)
    await school.account(3, 2)
    await school.outcome("latest", title="Genes")
    await group(school, 1, "Biology", 2)
    await group(school, 2, "Cells", 1)
    await group(school, 1, "Life", None)
    await link(school, 1, 1, 2)
    for percent in (0.2, 0.2, 0.8):
        await school.result(1, percent)
        await school.result(2, percent, user_uuid="bo")
    await school.scale(8, 6, 0)
    await school.result(2, 0.8, user_uuid="bo", workflow_state="deleted")
    shuffled = [*school.told, *school.told[::2]]
    random.Random(17).shuffle(shuffled)
    await write(another_database, *shuffled)
    other = School(await connect(another_database))
    for question in ALL:
        found = await rows(school, question)
        assert found, question
        assert found == await rows(other, question), question
    await other.connection.close()


async def test_the_reader_may_ask_all_of_it(school: School) -> None:
    await school.account(1, None)
    await school.outcome("latest")
    await school.result(1, 0.8)
    await school.connection.execute("SET ROLE outcomes_reader")
    for question in ALL:
        await rows(school, question)
