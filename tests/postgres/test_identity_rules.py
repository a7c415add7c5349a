"""Who is who: uuids that change their user, users who are merged and split, users of other shards, one test each."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from consumer.store.postgres import connect
from tests.postgres.test_mastery_rules import SHARD
from tests.postgres.test_roster_rules import ANA, BO, CHI, Institution
from tests.postgres.writing import write
from tests.samples import event, iso

ELSEWHERE = 2108 * 10**13 + ANA
"""A user of another shard, with Ana's local id."""


@pytest.fixture
async def school(database: str) -> AsyncIterator[Institution]:
    """An empty projection to tell."""
    connection = await connect(database)
    yield Institution(connection)
    await connection.close()


# Uuids


async def test_a_uuid_that_goes_to_another_user_and_comes_back_was_whose_it_was_in_between(school: Institution) -> None:
    """Results count for whoever had it when they were made, and each row is called as its user was at that moment."""
    await school.outcome("average")
    made = {}
    for user, uuid in ((ANA, "ana"), (BO, "bo")):
        await school.user(user, uuid)
        await school.enrol(user)
    for id_, holder in enumerate((ANA, BO, ANA, BO, ANA), start=1):
        await school.user(holder, "ana")
        await school.work(id_, id_ / 5, "ana")
        made[id_] = school.now()
    expected = {
        1: {"ana": {1: "1.00"}, "bo": {}},
        2: {f"id:{ANA}": {1: "1.00"}, "ana": {1: "2.00"}},
        3: {"ana": {1: "2.00"}, "bo": {1: "2.00"}},
        4: {f"id:{ANA}": {1: "2.00"}, "ana": {1: "3.00"}},
        5: {"ana": {1: "3.00"}, "bo": {1: "3.00"}},
    }
    assert {id_: await school.rows(at=at) for id_, at in made.items()} == expected
    assert await school.rows() == expected[5]
    assert await school.asked_for("ana") == "3.00"


async def test_a_uuid_that_came_back_is_one_row_of_somebody_without_an_enrolment_too(school: Institution) -> None:
    await school.outcome("average")
    for id_, holder in enumerate((ANA, BO, ANA), start=1):
        await school.user(holder, "ana")
        await school.work(id_, id_ / 5, "ana")
    assert await school.rows() == {"ana": {1: "2.00"}, f"id:{BO}": {1: "2.00"}}


async def test_a_uuid_that_a_user_has_again_is_the_users_own(school: Institution) -> None:
    """Of several uuids of one user that was told last, whatever was told first; an enrolment tells it too."""
    await school.enrol(ANA)
    for uuid in ("another", "ana", "another"):
        await school.enrol(ANA, course=8, section=80, user_uuid=uuid)
        row = (await school.roster())[ANA]
        assert row["user_uuid"] == uuid
        assert sorted((*row["past_uuids"], uuid)) == ["ana", "another"]


@pytest.mark.parametrize("blank", ["", " "])
async def test_a_blank_uuid_is_nobodys(school: Institution, blank: str) -> None:
    """Neither a result's, nor a user's, nor an enrolment's."""
    await school.outcome()
    for user in (ANA, BO):
        await school.tell("user_updated", user_id=str(SHARD + user), uuid=blank, workflow_state="registered")
        await school.enrol(user, user_uuid=blank)
    await school.work(1, 0.4, blank)
    assert await school.rows() == {f"id:{ANA}": {}, f"id:{BO}": {}}
    assert await school.connection.fetchval("SELECT count(*) FROM user_identity") == 0


# Merges


async def test_merges_are_followed_to_the_last_user(school: Institution) -> None:
    """In whatever order REST tells them."""
    await school.enrol(ANA)
    await school.merged(BO, CHI)
    await school.merged(ANA, BO)
    roster = await school.roster()
    assert {user: row["standing"] for user, row in roster.items()} == {ANA: "left", CHI: "enrolled"}
    assert roster[ANA]["merged_into_user_id"] == BO


async def test_of_merges_in_a_circle_the_oldest_no_longer_holds(school: Institution) -> None:
    """Its user was there again when the others were merged."""
    await school.enrol(ANA)
    await school.enrol(BO, section=71)
    await school.merged(ANA, BO)
    await school.merged(BO, CHI)
    await school.merged(CHI, ANA)
    assert await school.standing() == {ANA: "enrolled", BO: "left"}
    assert (await school.roster())[ANA]["sections"] == [70, 71]


async def _rest_tells_no_merge(school: Institution) -> None:
    await school.rest("user_merge", user_id=str(ANA))


async def _the_user_is_told_again(school: Institution) -> None:
    await school.user(ANA)


async def _an_enrolment_is_told_again(school: Institution) -> None:
    await school.enrol(ANA, course=8, section=80)


@pytest.mark.parametrize("split", [_rest_tells_no_merge, _the_user_is_told_again, _an_enrolment_is_told_again])
async def test_whatever_is_newer_than_a_merge_and_tells_of_the_user_undoes_it(school: Institution, split: Any) -> None:
    """The enrolments are the user's again. No event tells of a split itself."""
    await school.user(ANA)
    await school.user(BO)
    await school.enrol(ANA)
    before = await school.standing()
    await school.merged(ANA, BO)
    merged = school.now()
    assert await school.standing() == {ANA: "left", BO: "enrolled"}
    await split(school)
    assert await school.standing() == before == {ANA: "enrolled"}
    assert (await school.roster())[ANA]["merged_into_user_id"] is None
    assert await school.standing(at=merged) == {ANA: "left", BO: "enrolled"}
    await school.merged(ANA, BO)
    assert await school.standing() == {ANA: "left", BO: "enrolled"}


async def test_an_enrolment_that_is_newer_tells_that_a_deleted_user_is_there_again(school: Institution) -> None:
    """Canvas deletes the enrolments of whom it deletes first (`app/models/user.rb`)."""
    await school.enrol(ANA)
    await school.user(ANA, state="deleted")
    assert await school.standing() == {ANA: "left"}
    await school.enrol(ANA, "deleted", section=71)
    assert await school.standing() == {ANA: "left"}
    await school.enrol(ANA, section=72)
    assert await school.standing() == {ANA: "enrolled"}


# Shards


async def test_a_user_of_another_shard_is_not_the_one_with_the_same_local_id(school: Institution, database: str) -> None:
    """As outcomes of other shards, such users keep their whole id: in users, enrolments and submissions."""
    await school.outcome("latest")
    elsewhere: dict[str, Any] = {"user_id": str(ELSEWHERE), "user_uuid": "elsewhere"}
    await school.enrol(ANA)
    await school.enrol(ANA, section=71, enrollment_id=str(SHARD + 1), associated_user_id=str(ELSEWHERE), **elsewhere)
    await school.user(ANA)
    await write(database, event("user_updated", at=school.now(), user_id=str(ELSEWHERE), uuid="elsewhere"))
    await school.work(1, 0.4)
    await school.work(2, 0.8, "elsewhere", associated_asset_type="Assignment", associated_asset_id="56", artifact_id="1")
    work = {"submission_id": str(SHARD + 1), "assignment_id": str(SHARD + 56), **elsewhere}
    await school.tell("submission_updated", submitted_at=iso(school.now()), **work)
    assert {user: row["user_uuid"] for user, row in (await school.roster()).items()} == {ANA: "ana", ELSEWHERE: "elsewhere"}
    assert await school.rows() == {"ana": {1: "2.00"}, "elsewhere": {1: "4.00"}}
    for table, column in (("canvas_user", "id"), ("enrollment", "user_id"), ("submission", "user_id")):
        assert await school.connection.fetchval(f"SELECT max({column}) FROM {table}") == ELSEWHERE
    assert await school.connection.fetchval("SELECT max(associated_user_id) FROM enrollment") == ELSEWHERE


# Enrolments of no type


@pytest.mark.parametrize("type_", [..., "GhostEnrollment"])
async def test_an_enrolment_of_no_type_that_canvas_has_tells_nothing(school: Institution, type_: Any) -> None:
    """As if it had not been told; that of a teacher tells that somebody is no student."""
    await school.outcome()
    await school.work(1, 0.4)
    await school.enrol(ANA, type=type_)
    assert await school.standing() == {}
    assert await school.rows() == {"ana": {1: "2.00"}}
    await school.enrol(ANA, type="TeacherEnrollment", section=71)
    assert await school.rows() == {}


# When work was handed in


async def _handed_in(school: Institution, at: datetime, id_: int = 1, **members: Any) -> None:
    work = {"submission_id": str(SHARD + id_), "assignment_id": str(SHARD + 56), "user_id": str(SHARD + ANA)}
    await school.tell("submission_updated", **{**work, "submitted_at": iso(at), **members})


async def test_work_that_is_handed_in_again_after_it_was_assessed_is_not_what_was_assessed(school: Institution) -> None:
    """Of what was handed in before the last one counts, also where it was told late; of the next assessment the new one."""
    await school.outcome("latest")
    await school.user(ANA)
    asset = {"associated_asset_type": "Assignment", "artifact_type": "RubricAssessment"}
    noon = school.now()
    times = [noon + timedelta(days=day) for day in range(9)]
    await school.work(1, 0.4, associated_asset_id="56", artifact_id="10", assessed_at=iso(times[3]), **asset)
    await school.work(2, 0.8, associated_asset_id="57", artifact_id="11", assessed_at=iso(times[2]), **asset)
    newest = {"first": {"ana": {1: "4.00"}}, "second": {"ana": {1: "2.00"}}}
    assert await school.rows() == newest["second"]
    await _handed_in(school, times[1])
    assert await school.rows() == newest["first"]
    await _handed_in(school, times[5])
    assert await school.rows() == newest["first"]
    await school.work(1, 0.4, associated_asset_id="56", artifact_id="10", assessed_at=iso(times[6]), **asset)
    assert await school.rows() == newest["second"]
    await _handed_in(school, times[5], workflow_state="deleted")
    assert await school.rows() == newest["second"], "assessed on the sixth day"
    await _handed_in(school, times[1], 2)
    assert await school.rows() == newest["first"]


async def test_work_of_whoever_had_the_uuid_before_tells_nothing(school: Institution) -> None:
    await school.outcome("latest")
    await school.user(ANA)
    noon = school.now()
    await _handed_in(school, noon)
    await school.user(BO, "ana")
    asset = {"associated_asset_type": "Assignment", "artifact_type": "Submission"}
    await school.work(1, 0.4, associated_asset_id="56", assessed_at=iso(noon + timedelta(days=2)), **asset)
    await school.work(2, 0.8, associated_asset_id="57", assessed_at=iso(noon + timedelta(days=1)), **asset)
    assert await school.rows() == {"ana": {1: "2.00"}}
