"""What people are called, by whoever asks."""

from collections.abc import AsyncIterator

import pytest

from consumer.query.people import Person, name_order, people_of
from consumer.store.postgres import Connection, connect
from tests.samples import NOON, TENANT

UUID = "elXwFPr6uKGaiVxchQSsqV6YZy5HBtlq8O2vqMXM"

IN_ORDER = [
    "Aero, Yves",
    "Ærø, Zita",
    "de la Cruz, Ana",
    "Lukasz, Ola",
    "Łukasz, Ola",
    "O, Ben",
    "O'Brien, Ada",
    "Odegard, Lee",
    "Ödegård, Lee",
    "Smith Jones, Cy",
    "Smith-Jones, Ann",
    "smith, bob",
    "Smith, Bob",
    "Smithe, Al",
    "Student 2",
    "Student 10",
    "Иванов, Пётр",
    "עברית",
    "محمد, علي",
    "王, 伟",
]
"""As ICU with Canvas' settings (`und-u-kn-true`) has them."""


@pytest.fixture
async def connection(database: str) -> AsyncIterator[Connection]:
    opened = await connect(database)
    yield opened
    await opened.close()


async def called(connection: Connection, user_id: int, name: str, sortable_name: str | None = None) -> None:
    """The name is stored."""
    await connection.execute(
        "INSERT INTO person_name (root_account_uuid, user_id, name, short_name, sortable_name, login, sis_user_id, told_at)"
        " VALUES ($1, $2, $3, $3, $4, 'login', 'S-1', $5)",
        TENANT,
        user_id,
        name,
        sortable_name,
        NOON,
    )


async def labels(connection: Connection, *users: tuple[int | None, str | None], tenant: str = TENANT) -> list[str]:
    return [person.label for person in await people_of(connection, tenant, users)]


async def test_whoever_may_read_names_sees_them_and_everybody_else_sees_pseudonyms(connection: Connection) -> None:
    """The same question of the same people; nothing of a name reaches a plain reader."""
    await called(connection, 7, "Ana Ö. Paz", "Paz, Ana Ö.")
    [named] = await people_of(connection, TENANT, [(7, UUID)])
    assert named.label == "Ana Ö. Paz"
    assert named.known_name is not None
    assert (named.known_name.sortable_name, named.known_name.login, named.known_name.sis_user_id) == (
        "Paz, Ana Ö.",
        "login",
        "S-1",
    )
    await connection.execute("SET ROLE outcomes_people")
    assert await people_of(connection, TENANT, [(7, UUID)]) == [named]
    await connection.execute("SET ROLE outcomes_reader")
    [nameless] = await people_of(connection, TENANT, [(7, UUID)])
    assert nameless == Person(7, UUID, named.code)
    assert nameless.label == nameless.pseudonym == f"student {named.code}"


async def test_people_stand_in_canvas_order(connection: Connection) -> None:
    """By sortable name, where one is known, else by name; equal names by user id; those without a name come last."""
    for index, name in enumerate(reversed(IN_ORDER), start=100):
        await called(connection, index, f"{index} is no sortable name", name)
    await called(connection, 3, "Smith, Bob")
    found = await people_of(connection, TENANT, [(None, UUID), *((user_id, None) for user_id in (*range(100, 120), 3))])
    sortable = [(known.sortable_name or known.name) if (known := person.known_name) else None for person in found]
    expected = [*IN_ORDER]
    expected.insert(expected.index("Smith, Bob"), "Smith, Bob")
    assert sortable == [*expected, None]
    assert [person.user_id for person in found if person.known_name and person.known_name.sortable_name is None] == [3]
    assert found[expected.index("Smith, Bob")].user_id == 3


def test_numbers_in_names_count_by_their_value() -> None:
    """Zeros in front change nothing, however long the number."""
    long = "A 9" + "0" * 40
    assert sorted(["A b", long, "A 10", "A 002 c", "A 2 b"], key=name_order) == ["A 2 b", "A 002 c", "A 10", long, "A b"]
    assert name_order("A 02") == name_order("A 2")


async def test_a_pseudonym_stays_the_same_and_is_another_ones_nowhere(connection: Connection) -> None:
    """It hangs on the user id alone where that is known, tells all apart who are asked for, and holds no plain id."""
    some = await people_of(connection, TENANT, [(user_id, None) for user_id in range(1, 1001)])
    codes = {person.user_id: person.code for person in some}
    assert len(set(codes.values())) == 1000
    [one] = await people_of(connection, TENANT, [(7, UUID)])
    assert len(one.code) == 4
    assert codes[7].startswith(one.code)
    assert [person.code for person in some] == sorted(codes.values())
    assert await labels(connection, (None, "id:7")) == [one.label]
    assert await labels(connection, (None, UUID)) != [one.label]
    assert await labels(connection, (7, UUID), tenant="another") != [one.label]


async def test_who_has_no_id_yet_has_a_pseudonym_by_the_uuid(connection: Connection) -> None:
    """And no name of somebody else."""
    await called(connection, 7, "Ana")
    assert (await labels(connection, (7, None), (None, UUID)))[0] == "Ana"
    [person] = await people_of(connection, TENANT, [(None, UUID)])
    assert person.label == f"student {person.code}"
