"""What a person may see: by what was granted, and by what the person teaches."""

from collections.abc import AsyncIterator

import pytest

from consumer.errors import UsageError
from consumer.rights import grants
from consumer.rights.grants import Grant
from consumer.rights.viewer import Viewer
from consumer.serve.sql import sql
from consumer.store.postgres import Connection, connect
from tests.postgres.writing import write
from tests.samples import TENANT
from tests.serve import rights_school as school
from tests.serve.rights_school import BOTH, LEFT, LIMITED, TEACHER, WAITING, teaches, uuid_of
from tests.serve.serving import section


@pytest.fixture
async def connection(database: str) -> AsyncIterator[Connection]:
    """To the school, with the names of people."""
    await school.fill(database)
    made = await connect(database)
    yield made
    await made.close()


async def seen(
    connection: Connection, login: str | None = None, sis: str | None = None, uuid: str | None = None
) -> set[object]:
    """The scopes of a person's rights."""
    viewer = Viewer.of(await connection.fetch(sql("rights_of_person"), TENANT, login, sis, uuid))
    return set() if viewer is None else {(right.scope, right.scope_id, right.names) for right in viewer.rights}


async def test_a_teacher_sees_their_course_and_a_limited_one_their_section(connection: Connection) -> None:
    """Without any grant, with names, whether the login, the SIS id or the uuid is told."""
    for person, expected in ((TEACHER, ("course", 7, True)), (LIMITED, ("section", 72, True))):
        assert await seen(connection, f"login{person}@school") == {expected}
        assert await seen(connection, sis=f"SIS{person}") == {expected}
        assert await seen(connection, uuid=uuid_of(person)) == {expected}


async def test_only_an_active_enrolment_as_a_teacher_or_ta_shows_a_course(connection: Connection) -> None:
    """No student sees the course, nor who has left it or not yet come, nor whoever has no such login."""
    for person in (LEFT, WAITING, BOTH, 7101):
        assert await seen(connection, f"login{person}@school", f"SIS{person}", uuid_of(person)) == set()
    assert await seen(connection, "nobody@school", "", "id:7011") == set()


async def test_a_login_that_two_people_have_teaches_nothing(connection: Connection) -> None:
    """It does not say who somebody is."""
    await connection.execute("UPDATE person_name SET login = $1 WHERE user_id = 7101", f"LOGIN{TEACHER}@school")
    assert await seen(connection, f"login{TEACHER}@school") == set()
    assert await seen(connection, sis=f"SIS{TEACHER}") == {("course", 7, True)}


async def test_what_is_taught_follows_the_feed(connection: Connection) -> None:
    """A cross-listed section takes its teachers along; deleted sections, courses and people show nothing."""
    await write(connection, section(72, "Section72Mark", in_course=8, minute=5))
    rows = await connection.fetch(sql("rights_of_person"), TENANT, f"login{LIMITED}@school", None, None)
    assert [(row["scope"], row["scope_id"], row["course_id"]) for row in rows] == [("section", 72, 8)]
    await write(connection, section(72, "Section72Mark", in_course=8, minute=6, workflow_state="deleted"))
    assert await seen(connection, f"login{LIMITED}@school") == set()
    await write(connection, school.person(TEACHER, minute=7, workflow_state="deleted"))
    assert await seen(connection, f"login{TEACHER}@school") == set()


async def test_of_several_enrolments_each_counts(connection: Connection) -> None:
    """Limited to one section, and not limited by another enrolment."""
    await write(connection, teaches(70121, LIMITED, 71, limited=False, minute=3))
    assert await seen(connection, f"login{LIMITED}@school") == {("section", 72, True), ("course", 7, True)}


async def test_a_right_holds_from_its_grant_to_its_revocation(connection: Connection) -> None:
    """For the login however it is written, and for nobody else."""
    row = await grants.grant(connection, TENANT, "login", "Dean@School", Grant("account", 2, names=True))
    assert await seen(connection, "dean@school") == {("account", 2, True)}
    assert await seen(connection, sis="dean@school") == set()
    revoked = await grants.revoke(connection, row["id"])
    assert await grants.revoke(connection, row["id"]) == revoked
    assert await seen(connection, "dean@school") == set()
    assert [one["id"] for one in await grants.listed(connection, revoked=True)] == [row["id"]]
    assert await grants.listed(connection, revoked=False) == []


async def test_a_right_that_cannot_be_is_refused(connection: Connection) -> None:
    """Of nobody, of a token that is another tenant's, and to the operations of a course."""
    for kind, who, of in (
        ("login", " ", Grant("course", 7)),
        ("token", "99", Grant("course", 7)),
        ("login", "dean", Grant("course", 7, operations=True)),
    ):
        with pytest.raises(UsageError):
            await grants.grant(connection, TENANT, kind, who, of)  # type: ignore[arg-type]
    with pytest.raises(UsageError):
        await grants.revoke(connection, 99)


def test_a_login_differs_in_ascii_letters_alone() -> None:
    """A letter that only looks like another one, or becomes one in lower case, is another login."""
    assert grants.plain_login("Dean@EXAMPLE.edu") == "dean@example.edu"
    assert grants.plain_login("\N{KELVIN SIGN}im") != grants.plain_login("Kim")
