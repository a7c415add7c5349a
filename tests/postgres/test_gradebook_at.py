"""`gradebook_at`: a course's students and outcomes, all pairs, for analysts."""

import random
from collections.abc import AsyncIterator
from typing import Any

import pytest

from consumer.store.postgres import connect
from tests.postgres.test_roster_rules import ANA, BO, CHI, Institution
from tests.postgres.writing import write
from tests.samples import TENANT

CELLS = """
SELECT user_id, user_uuid, standing, learning_outcome_id, title, score::float, mastery, level
  FROM gradebook_at($1, 7, $2, NULL, $3) ORDER BY user_uuid, learning_outcome_id
"""
NAMES = "SELECT DISTINCT user_uuid, name, sortable_name FROM gradebook_at($1, 7) ORDER BY 1"

NAME = "INSERT INTO person_name (root_account_uuid, user_id, name, sortable_name, told_at) VALUES ($1, $2, $3, $4, now())"


@pytest.fixture
async def school(database: str) -> AsyncIterator[Institution]:
    """Ana and Bo are enrolled in course 7, Chi has left, and no event told of dee's enrolment. Outcome 2 has no result."""
    made = Institution(await connect(database))
    await made.outcome("latest", title="Genes")
    await made.outcome("latest", title="Cells", learning_outcome_id="2")
    link = {"learning_outcome_id": "2", "context_type": "Course", "context_id": "7", "workflow_state": "active"}
    await made.tell("learning_outcome_link_updated", learning_outcome_link_id="2", **link)
    for user in (ANA, BO, CHI):
        await made.enrol(user)
    for id_, uuid in enumerate(("ana", "chi", "dee"), start=1):
        await made.work(id_, 0.8, uuid)
    await made.enrol(CHI, "deleted")
    yield made
    await made.connection.close()


async def cells(school: Institution, at: Any = None, scale_at: Any = None) -> list[tuple[Any, ...]]:
    """The rows."""
    return [tuple(row) for row in await school.connection.fetch(CELLS, TENANT, at, scale_at)]


async def test_a_gradebook_has_all_pairs_of_students_and_outcomes(school: Institution) -> None:
    """With nulls for what is not assessed; who has left has no row; whose enrolment was never told is marked."""
    assert await cells(school) == [
        (ANA, "ana", "enrolled", 1, "Genes", 4, True, 1),
        (ANA, "ana", "enrolled", 2, "Cells", None, None, None),
        (BO, "bo", "enrolled", 1, "Genes", None, None, None),
        (BO, "bo", "enrolled", 2, "Cells", None, None, None),
        (None, "dee", "unknown", 1, "Genes", 4, True, 1),
        (None, "dee", "unknown", 2, "Cells", None, None, None),
    ]


async def test_a_gradebook_is_that_of_its_moment_and_of_the_scale_that_was_asked_for(school: Institution) -> None:
    """Students, scores, titles."""
    before = school.now()
    await school.enrol(BO, "deleted")
    await school.scale(8, 6, 0)
    await school.outcome("latest", title="Heredity")
    assert {row[1] for row in await cells(school, before)} == {"ana", "bo", "dee"}
    assert {row[1] for row in await cells(school)} == {"ana", "dee"}
    assert (await cells(school, before))[0][4:] == ("Genes", 4, True, 1)
    assert (await cells(school, before, school.now()))[0][4:] == ("Genes", 6.4, True, 2)
    assert (await cells(school))[0][4:] == ("Heredity", 6.4, True, 2)


async def test_names_are_there_for_those_who_may_read_them(school: Institution) -> None:
    """For others they are null: the question is no error."""
    await school.connection.execute(NAME, TENANT, ANA, "Ana Lee", "Lee, Ana")
    told = [tuple(row) for row in await school.connection.fetch(NAMES, TENANT)]
    assert told == [("ana", "Ana Lee", "Lee, Ana"), ("bo", None, None), ("dee", None, None)]
    await school.connection.execute("SET ROLE outcomes_reader")
    told = [tuple(row) for row in await school.connection.fetch(NAMES, TENANT)]
    assert told == [("ana", None, None), ("bo", None, None), ("dee", None, None)]


async def test_who_is_known_without_an_enrolment_has_a_user_id_and_a_name(school: Institution) -> None:
    """The id is that of the user who had the uuid at that moment, also before anybody had told of it."""
    before = school.now()
    await school.user(504, "dee")
    await school.connection.execute(NAME, TENANT, 504, "Dee", "Dee")
    assert [row for row in await cells(school) if row[1] == "dee"] == [
        (504, "dee", "unknown", 1, "Genes", 4, True, 1),
        (504, "dee", "unknown", 2, "Cells", None, None, None),
    ]
    assert ("dee", "Dee", "Dee") in [tuple(row) for row in await school.connection.fetch(NAMES, TENANT)]
    moved = school.now()
    await school.user(505, "dee")
    assert {row[0] for row in await cells(school) if row[1] == "id:504"} == {504}, "the uuid is another user's now"
    assert {row[0] for row in await cells(school, moved) if row[1] == "dee"} == {504}
    assert {row[0] for row in await cells(school, before) if row[1] == "dee"} == {504}


async def test_a_gradebook_does_not_depend_on_arrival(school: Institution, another_database: str) -> None:
    """All events again, in another order and some of them twice."""
    before = school.now()
    await school.enrol(BO, "deleted")
    await school.scale(8, 6, 0)
    shuffled = [*school.told, *school.told[::2]]
    random.Random(17).shuffle(shuffled)
    await write(another_database, *shuffled)
    other = Institution(await connect(another_database))
    for at, scale_at in ((None, None), (before, None), (before, school.now())):
        assert await cells(school, at, scale_at) == await cells(other, at, scale_at)
    await other.connection.close()
