"""How much is stored about people, as the decoder decides it."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from consumer.ingest.decode import Rules, decode
from consumer.ingest.person_names import sortable_name
from consumer.ingest.records import Accepted, Ignored, Verdict
from consumer.ingest.tables import TABLE_OF_EVENT, TABLE_OF_SNAPSHOT, TABLES
from consumer.settings import People
from tests.samples import NOON, NOW, TENANT, Event, accepted, event, iso, payload, raw, verdicts

EVERY: tuple[People, ...] = ("off", "ids", "names")
OFF, IDS, NAMES = (Rules(people=people) for people in EVERY)
ABOUT_PEOPLE = sorted(name for name, table in TABLE_OF_EVENT.items() if table.model.about_people)


def snapshot(table: str, rules: Rules, **members: Any) -> Verdict:
    """The verdict on what REST told of the user, enrolment or other object of the payload, with these members."""
    body = payload("user_created" if table == "canvas_user" else f"{table}_created")["body"] | members
    metadata = {"event_name": f"{table}_backfilled", "event_time": iso(NOON), "root_account_uuid": TENANT}
    (verdict,) = decode(raw({"metadata": metadata, "body": body}, 1, "canvas:school.example"), rules, NOW)
    return verdict


def names(value: Event, rules: Rules = NAMES) -> Any:
    """What the event tells of names."""
    told = accepted(value, rules).names
    return None if told is None else orjson.loads(told)


@pytest.mark.parametrize("name", ABOUT_PEOPLE)
def test_off_ignores_every_event_about_people_and_counts_it_by_name(name: str) -> None:
    """Also one that would be refused: nothing of it goes to quarantine."""
    told = event(name, at=NOON)
    for value in (told, told | {"body": {"user_id": "none"}}):
        (verdict,) = verdicts(value, OFF)
        assert isinstance(verdict, Ignored)
        assert (verdict.event_name, verdict.event_time) == (name, NOON)


def test_off_ignores_what_rest_told_of_people_too_and_nothing_else() -> None:
    """Sections, assignments and results are about no person, or known by uuid alone."""
    for table in ("canvas_user", "enrollment"):
        assert TABLE_OF_SNAPSHOT[f"{table}_backfilled"].model.about_people
        assert isinstance(snapshot(table, OFF), Ignored)
        assert isinstance(snapshot(table, IDS), Accepted)
    assert isinstance(snapshot("course_section", OFF), Accepted)
    for name in TABLE_OF_EVENT.keys() - set(ABOUT_PEOPLE):
        assert accepted(event(name), OFF) == accepted(event(name), IDS) == accepted(event(name), NAMES)


@pytest.mark.parametrize("name", ABOUT_PEOPLE)
def test_a_version_is_the_same_with_names_and_without(name: str) -> None:
    """Order, hash, columns and counted names of unknown members: replaying with another setting adds no version."""
    told = event(name, nickname="Addie", email="ada@example.edu")
    without, with_names = accepted(told, IDS), accepted(told, NAMES)
    assert without.key == with_names.key
    assert without.key.version_hash != accepted(event(name), IDS).key.version_hash, "unknown members are in the hash"
    assert without.values == with_names.values
    assert without.unknown == with_names.unknown
    assert sorted(without.unknown) == ["email", "nickname"]


def test_names_tell_no_version_from_another() -> None:
    """What is stored must not depend on whether somebody may know the name."""
    told = accepted(event("user_updated"))
    renamed = accepted(event("user_updated", name="Ada Byrne", short_name=..., user_login="ada", user_sis_id=...))
    assert told.key == renamed.key
    sorted_otherwise, not_told = (snapshot("canvas_user", IDS, **more) for more in ({"sortable_name": "Byrne, Ada"}, {}))
    assert isinstance(sorted_otherwise, Accepted)
    assert isinstance(not_told, Accepted)
    assert sorted_otherwise.key == not_told.key


@pytest.mark.parametrize("name", ABOUT_PEOPLE)
def test_with_ids_no_value_of_a_name_or_unknown_member_is_kept(name: str) -> None:
    """An accepted version is all that the database ever hears."""
    personal: dict[str, Any] = {"email": "ada@example.edu", "nested": {"pronouns": ["she"]}}
    told = event(name, name="Ada Byrne", user_name="Ada Byrne", user_login="abyrne", user_sis_id="S-1001", **personal)
    kept = accepted(told, IDS)
    assert kept.extra is None
    assert kept.names is None
    for word in ("Ada", "abyrne", "S-1001", "ada@example.edu", "she"):
        assert word not in str(kept.row)
    extra = accepted(told, NAMES).extra
    assert extra is not None
    assert personal.items() <= orjson.loads(extra).items()


def test_no_kind_about_people_has_nested_members() -> None:
    """What is unknown within them would stay in their columns."""
    assert [name for name, table in TABLES.items() if table.model.about_people and table.json] == []


def test_results_are_no_kind_of_that_setting() -> None:
    """They name students by uuid alone; what their unknown members say is kept out of sight at each setting."""
    told = event("learning_outcome_result_updated", login="abyrne")
    assert accepted(told, IDS).extra == accepted(told, OFF).extra == accepted(told, NAMES).extra == '{"login":"abyrne"}'


def test_an_event_tells_the_names_of_its_body() -> None:
    """Sortable made of the name; the login and SIS id where there are any."""
    assert names(event("user_updated", at=NOON)) == {
        "event_time": "2025-03-20T12:00:00.000000+00:00",
        "name": "Ada Maria Byrne-Osei",
        "short_name": "Ada Byrne",
        "sortable_name": "Byrne-Osei, Ada Maria",
        "login": "abyrne",
        "sis_user_id": "S-1001",
    }
    few = names(event("user_updated", at=NOON, short_name=..., user_login=..., user_sis_id=None))
    assert (few["short_name"], few["login"], few["sis_user_id"]) == ("Ada Maria Byrne-Osei", None, None)


def test_what_is_no_name_tells_none_and_refuses_nothing() -> None:
    """Whether an event is understood must not depend on the setting."""
    for wrong in (7, "", "  ", ..., ["Ada"], "A" * 256):
        told = event("user_updated", name=wrong)
        assert names(told) is None
        assert accepted(told, IDS).key == accepted(told, NAMES).key
    assert names(event("user_updated", user_login=7, short_name="B" * 256)) | {"event_time": ""} == {
        "event_time": "",
        "name": "Ada Maria Byrne-Osei",
        "short_name": "Ada Maria Byrne-Osei",
        "sortable_name": "Byrne-Osei, Ada Maria",
        "login": None,
        "sis_user_id": "S-1001",
    }


def test_rest_tells_the_sortable_name_itself() -> None:
    """Somebody may have set another than Canvas would make; in an event the member is unknown."""
    told = snapshot("canvas_user", NAMES, name="Ludwig van Beethoven", sortable_name="van Beethoven, Ludwig")
    assert isinstance(told, Accepted)
    assert told.names is not None
    assert orjson.loads(told.names)["sortable_name"] == "van Beethoven, Ludwig"
    assert told.unknown == ()
    posted = event("user_updated", name="Ludwig van Beethoven", sortable_name="van Beethoven, Ludwig")
    assert names(posted)["sortable_name"] == "Beethoven, Ludwig van"
    assert accepted(posted).unknown == ("sortable_name",)


def test_no_repr_shows_a_name() -> None:
    """Whatever prints a version, in a log or an error, shows where its record is."""
    assert repr(accepted(event("user_updated"), NAMES)) == "Accepted(canvas_user, topic-0@0)"


def test_text_orders_tellings_by_time() -> None:
    """The database compares `event_time` as text."""
    times = [datetime(99, 1, 1, tzinfo=UTC), NOON, NOON.replace(microsecond=1000), NOON.replace(second=1)]
    told = [names(event("user_updated", at=time))["event_time"] for time in times]
    assert told == sorted(told)
    assert len({len(time) for time in told}) == 1


SORTABLE = {
    "Ada Byrne": "Byrne, Ada",
    "Ada Maria Byrne-Osei": "Byrne-Osei, Ada Maria",
    "  Ada   Maria\tByrne ": "Byrne, Ada Maria",
    "Ada": "Ada",
    "": "",
    "Byrne, Ada": "Byrne, Ada",
    "Byrne,Ada": "Byrne, Ada",
    "Byrne-Osei , Ada Maria": "Byrne-Osei, Ada Maria",
    "Ada,": "Ada,",
    ", Ada": ", Ada",
    "John Doe Sr.": "Doe, John Sr.",
    "John Doe, Jr": "Doe, John Jr",
    "John Doe esquire": "Doe, John esquire",
    "Doe, John, III": "Doe, John III",
    "Doe, John III": "Doe, John III",
    "Smith, Jr.": "Smith, Jr.",
    "John Jr.": "John Jr.",
    "Jr.": "Jr.",
    "John VII": "VII, John",
    "Ho, Chi, Minh": "Ho, Chi Minh",
    "Doe, John, ": "Doe, John",
    "Ludwig van Beethoven": "Beethoven, Ludwig van",
    "محمد علي": "علي, محمد",
    "משה כהן, Jr": "כהן, משה Jr",
    "山田 太郎": "太郎, 山田",
    "山田　太郎": "山田　太郎",
}
"""What Ruby printed for Canvas' own code."""


@pytest.mark.parametrize("name", SORTABLE)
def test_a_sortable_name_is_made_as_canvas_makes_it(name: str) -> None:
    """Suffixes stay behind the given names, a comma is believed, and blanks are those of ASCII."""
    assert sortable_name(name) == SORTABLE[name]
