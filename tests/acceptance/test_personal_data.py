"""Where names, logins and work of an institution's people are when its events went in: where the setting says, if anywhere."""

import json
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp

from consumer.ingest.batch import Partition
from consumer.ingest.decode import Rules
from consumer.store.postgres import connect
from tests.acceptance.running import outcomes, outcomes_json, running, send, until
from tests.postgres.writing import write
from tests.samples import NOON, NOW, Event, event, iso, result

PEOPLE = {
    501: ("Zephyrine Quillfeather", "Zephy", "zquill.login", "SIS-ZQ-7731"),
    502: ("Balthasar Ottokar von Wrede", "Balto", "bwrede.login", "SIS-BW-4410"),
    503: ("Nimue Ashgrove Jr.", "Nim", "nashgrove.login", "SIS-NA-0092"),
}
NAMES = [word for person in PEOPLE.values() for word in (*person, *person[0].split()[:2])]
UNKNOWN = ["zq-7@mail.example", "they/them-zq", "Called Zq By Some"]
"""What members say that no model knows, or are called."""
ELSEWHERE = ["Quillfeather-Maiden", "essay about quokkas", "https://work.example/zq", "teacher-oxana@mail.example"]
"""What is stored at no setting: the name in an enrolment, a student's work, the login of whoever clicked."""


def person(id_: int, *, minute: int = 0, **members: Any) -> Event:
    """A user's event, with what Canvas tells of a person, and more."""
    name, short_name, login, sis = PEOPLE[id_]
    told = {"user_id": str(21070000000000000 + id_), "uuid": f"uuid-{id_}", "name": name, "short_name": short_name}
    at = NOON + timedelta(minutes=minute)
    return event("user_updated", at=at, **told | {"user_login": login, "user_sis_id": sis} | members)


def institution() -> list[Event | list[Event] | bytes]:
    """Users, enrolments and submissions, renamed and told twice, and poison of every kind that holds names."""
    users = [person(id_) for id_ in PEOPLE]
    more: dict[str, Any] = {"email": UNKNOWN[0], "nested": {"pronouns": [UNKNOWN[1]]}}
    enrollment = event("enrollment_updated", at=NOON, user_name=ELSEWHERE[0], **more)
    strange: dict[str, Any] = {UNKNOWN[0]: 1, UNKNOWN[2]: 2}
    work: dict[str, Any] = {"body": ELSEWHERE[1], "url": ELSEWHERE[2], "grade": ELSEWHERE[1]}
    submission = event("submission_updated", at=NOON, **work, **more)
    told: list[Event | list[Event] | bytes] = [
        *users,
        person(501, minute=1, name="Zephyrine Ottokar", **more),
        users[:2],
        event("user_created", at=NOON, user_id="21070000000000501", name="Zephyrine Quillfeather"),
        enrollment,
        event("enrollment_created", at=NOON, enrollment_id="7", **more),
        event("enrollment_state_updated", at=NOON, **more),
        event("enrollment_state_created", at=NOON),
        submission,
        event("submission_created", at=NOON),
        result(1, user_uuid="uuid-501"),
        event("course_section_updated", at=NOON),
        event("user_updated", at=NOON, user_id="9", **strange),
    ]
    poison: list[Event | list[Event] | bytes] = [
        person(501, created_at="Zephyrine"),
        person(501, uuid=7),
        person(501, user_id="zquill.login"),
        person(501, workflow_state="Zephyrine Quillfeather" * 20),
        person(501, workflow_state="refused"),
        person(502, name="Balthasar\0"),
        person(503) | {"metadata": person(503)["metadata"] | {"event_time": iso(NOW + timedelta(days=3650))}},
        person(503) | {"metadata": person(503)["metadata"] | {"event_name": "Zephyrine Quillfeather came"}},
        person(503) | {"metadata": person(503)["metadata"] | {"event_name": "user_logged_in"}},
        person(503) | {"body": "Nimue Ashgrove Jr."},
        event("enrollment_updated", type="Zephyrine Quillfeather" * 20),
        event("submission_updated", submitted_at=ELSEWHERE[1]),
        [person(501), person(502, uuid=["Balthasar"])],
        json.dumps(person(501)).encode()[:-40],
        b"Zephyrine Quillfeather, zquill.login\n",
    ]
    for value in (*told, *poison):
        for one in value if isinstance(value, list) else [value] if isinstance(value, dict) else []:
            one["metadata"] |= {"user_login": ELSEWHERE[3], "user_sis_id": "SIS-ZQ-7731"}
    return told + poison


async def tables(dsn: str) -> dict[str, str]:
    """Every table of ours as text, by name; quarantine without the bytes that Canvas sent."""
    connection = await connect(dsn)
    try:
        names = await connection.fetch(
            "SELECT oid::regclass::text AS name FROM pg_class WHERE relnamespace::regnamespace::text LIKE 'outcomes%' "
            "AND relkind IN ('r', 'p', 'm')"
        )
        found = {}
        for (name,) in names:
            shown = "to_jsonb(t) - 'raw'" if name == "quarantine" else "t"
            found[name] = "\n".join(row[0] for row in await connection.fetch(f"SELECT ({shown})::text FROM {name} t"))
        return found
    finally:
        await connection.close()


def told_by(texts: dict[str, str], words: Iterable[str]) -> dict[str, list[str]]:
    """Which of the words are in which text, in whatever case."""
    found = {name: [word for word in words if word.lower() in text.lower()] for name, text in texts.items()}
    return {name: there for name, there in found.items() if there}


def names_removed(log: str) -> list[int]:
    """Of how many people, each time."""
    return [line["people"] for line in map(json.loads, log.splitlines()) if line["event"] == "names_removed"]


async def refusing(dsn: str) -> None:
    """One user's version is refused by the database itself."""
    connection = await connect(dsn)
    await connection.execute("ALTER TABLE canvas_user_version ADD CONSTRAINT no_such_state CHECK (workflow_state <> 'refused')")
    await connection.close()


async def test_with_ids_no_name_is_anywhere(
    database: str, kafka_bootstrap: str, topic: Callable[..., Awaitable[str]], free_port: int
) -> None:
    """Neither in tables nor in logs, metrics and messages. Only the bytes of what was refused hold some, for the writer."""
    await refusing(database)
    before = [person(502), person(503, email=UNKNOWN[0])]  # written when the setting was another one
    await write(database, *before, partition=Partition("earlier", 0), rules=Rules(people="names"))
    name, values = await topic(partitions=1), institution()
    await send(kafka_bootstrap, name, [json.dumps(value).encode() if isinstance(value, list) else value for value in values])
    variables = {
        "DATABASE_URL": database,
        "KAFKA_BOOTSTRAP_SERVERS": kafka_bootstrap,
        "OUTCOMES_TOPIC": name,
        "OUTCOMES_GROUP_ID": name,
        "OUTCOMES_HTTP_HOST": "127.0.0.1",
        "OUTCOMES_HTTP_PORT": str(free_port),
        "OUTCOMES_LOG_LEVEL": "debug",
    }
    events = sum(len(value) if isinstance(value, list) else 1 for value in values)

    async def metrics() -> str | None:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{free_port}") as session:
            try:
                text = await (await session.get("/metrics")).text()
            except aiohttp.ClientError:
                return None
        counts = [float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith("outcomes_events_total{")]
        return text if sum(counts) == events else None

    async with running("worker", **variables) as worker:
        page = await until(metrics)
        code, out, err = await worker.end()
    assert code == 0, err
    assert '"event":"batch"' in err.replace(" ", "")
    assert names_removed(err) == [2]
    shown = await tables(database) | {"metrics": page, "output": out, "log": err}
    assert told_by(shown, [*NAMES, *UNKNOWN, *ELSEWHERE]) == {}
    assert "uuid-501" in shown["canvas_user"], "the search finds what is there"
    assert "email" in shown["unknown_member"], "names of unknown members are counted"
    assert "(personal)" in shown["unknown_member"]
    connection = await connect(database)
    kept = await connection.fetch("SELECT reason FROM quarantine WHERE strpos(encode(raw, 'escape'), 'Zephyrine') > 0")
    assert {"not_json", "refused_by_database", "bad_type"} <= {row["reason"] for row in kept}, "nothing that was sent is lost"
    await connection.close()


async def test_with_names_they_are_in_their_tables_alone_and_go_with_the_setting(database: str, tmp_path: Path) -> None:
    """Names in person_name, unknown members in unknown_value; after one command with another setting the search finds none."""
    await refusing(database)
    lines = [value if isinstance(value, bytes) else json.dumps(value).encode() for value in institution()]
    file = tmp_path / "events.ndjson"
    file.write_bytes(b"\n".join(line.rstrip() for line in lines))
    variables = {"DATABASE_URL": database, "OUTCOMES_LOG_LEVEL": "debug", "OUTCOMES_LOG_FORMAT": "json"}
    code, out, err = await outcomes("replay", str(file), **variables, OUTCOMES_PEOPLE="names")
    assert code == 0, err
    shown = await tables(database)
    assert told_by(shown, NAMES).keys() == {"person_name"}
    assert told_by(shown, UNKNOWN).keys() == {"unknown_value"}
    assert set(NAMES) - {"Zephyrine Quillfeather", "Quillfeather"} <= set(told_by(shown, NAMES)["person_name"])
    assert told_by(shown | {"output": out, "log": err}, ELSEWHERE) == {}
    assert told_by({"output": out, "log": err}, [*NAMES, *UNKNOWN]) == {}

    code, out, err = await outcomes("replay", str(file), **variables)
    assert names_removed(err) == [4]
    everywhere = await tables(database) | {"output": out, "log": err}
    assert told_by(everywhere, [*NAMES, *UNKNOWN, *ELSEWHERE]) == {}


async def test_what_is_off_is_counted_and_stored_nowhere(database: str, tmp_path: Path) -> None:
    """Not even ids of users: only results tell of people then, by uuid. And `ids` later brings in what was ignored."""
    file = tmp_path / "events.ndjson"
    told = [person(501), event("enrollment_updated"), event("submission_updated"), result(1, user_uuid="uuid-of-result")]
    file.write_text("\n".join(map(json.dumps, told)))
    off = {"DATABASE_URL": database, "OUTCOMES_PEOPLE": "off"}
    first = await outcomes_json("replay", str(file), **off)
    assert (first["applied"], first["ignored"]) == (1, 3)
    shown = await tables(database)
    of_people = ("canvas_user", "enrollment", "enrollment_state", "submission", "user_identity", "person_name")
    assert {name: shown[name] for name in of_people} == dict.fromkeys(of_people, "")
    assert "user_updated" in shown["ignored_event"]
    assert "uuid-of-result" in shown["learning_outcome_result"]
    again = await outcomes_json("replay", "--again", str(file), DATABASE_URL=database)
    assert (again["applied"], again["duplicate"]) == (3, 1)
