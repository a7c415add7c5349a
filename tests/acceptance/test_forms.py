"""Files as other tools write them, and files of anything else, as `outcomes replay` meets them."""

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest

from consumer.store.postgres import connect
from tests.acceptance.running import outcomes, outcomes_json, started
from tests.samples import event, result

CASES = Path(__file__).parents[1] / "cases"
VALUES = ("float_ids2.ndjson", "minutes_event_time.ndjson", "pg_time_event_time.ndjson")
"""Plain events, whose values other tests look at."""
SET_ASIDE = {"log_then_json.txt": 3, "signed_webhook_bodies.txt": 3}
"""Records of a file that are no events: lines of a log, and what is signed."""


async def rows(dsn: str, query: str) -> list[Any]:
    """What the database answers."""
    connection = await connect(dsn)
    try:
        return [tuple(row) for row in await connection.fetch(query)]
    finally:
        await connection.close()


async def test_each_event_of_a_file_is_applied_once_and_nothing_else_is_made_of_it(database: str) -> None:
    """Whatever tool wrote it. What is signed lies in quarantine with the reason why it cannot be read."""
    paths = sorted(str(path) for path in CASES.iterdir() if path.name not in VALUES)
    summary = await outcomes_json("replay", *paths, DATABASE_URL=database)
    told: list[int] = []
    for file in summary["files"]:
        path = Path(file["label"])
        ids = _ids(path)
        told += ids
        assert (file["applied"], file["quarantined"]) == (len(ids), SET_ASIDE.get(path.name, 0)), path.name
        assert (file["consumed"], file["trouble"], file["understood"]) == (len(ids) + file["quarantined"], None, True), (
            path.name
        )
    assert len(summary["files"]) == len(paths) == 18
    assert sorted(told) == [id_ for (id_,) in await rows(database, "SELECT id FROM learning_outcome_result ORDER BY id")]
    signed = [row["message"] for row in await outcomes_json("quarantine", "list", DATABASE_URL=database)]
    assert sum("a signed payload (JWT)" in message for message in signed) == 3


def _ids(path: Path) -> list[int]:
    if path.name == "signed_webhook_bodies.txt":
        return []
    if path.name == "kinesis_lambda.json":
        return [1018, 1019]  # in base64
    return [int(id_) for id_ in re.findall(r'"id\\*"+: \\*"+(\d+)\\*"', path.read_text("utf-8", "replace")) if id_ != "1"]


NOTHING: dict[str, tuple[bytes, str]] = {
    "words.txt": (b"Lorem ipsum dolor sit amet 1 2 3\n" * 3_000, "not JSON"),
    "people.csv": (b"id,name\n" + b"".join(b"%d,somebody\n" % number for number in range(3_000)), "it looks like CSV"),
    "caliper.ndjson": (b'{"sensor": "s", "data": [{}]}\n' * 3_000, "a Caliper envelope"),
    "numbers.json": (b"[" + b"1," * 3_000 + b"2]", "a number where an event is expected"),
    "error.html": (b"<html>\n<body>502 Bad Gateway</body>\n</html>\n", "not JSON"),
    "half.json": (json.dumps(result(1)).encode()[:300], "not JSON"),
    "packed.gz": (gzip.compress(b"nothing\n" * 100), "not JSON"),
}
"""Files without an event, and what is said of them."""


async def test_a_file_in_which_nothing_is_understood_is_one_sentence_and_nothing_of_it_is_kept(
    database: str, tmp_path: Path
) -> None:
    """Each of several; the others are replayed. Nothing is set aside, and no position: a later version reads it again."""
    for name, (data, _) in NOTHING.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "good.ndjson").write_text(json.dumps(result(5)) + "\nand a line\n")
    for dry in ((), ("--dry-run",)):
        code, out, err = await outcomes("replay", str(tmp_path), "--json", *dry, DATABASE_URL=database)
        assert code == 1, err
        summary = json.loads(out)
        assert summary["consumed"] == 2 if not dry else summary["consumed"] in (0, 2)
        for file in summary["files"]:
            name = Path(file["label"]).name
            assert file["understood"] == (name == "good.ndjson")
            if name in NOTHING:
                assert NOTHING[name][1] in file["trouble"]
                assert "nothing in it was understood" in file["trouble"]
                assert "CSV" in file["trouble"].split("Readable forms: ")[1]
                assert "Lorem" not in file["trouble"]
                assert file["consumed"] == 0
        assert await rows(database, "SELECT count(*) FROM stream_position") == [(1,)]
        assert await rows(database, "SELECT count(*), min(position) FROM quarantine") == [(1, 2)]
    code, out, _ = await outcomes("replay", str(tmp_path / "half.json"), DATABASE_URL=database)
    assert (code, "half.json: nothing in it was understood" in out) == (1, True)


async def test_what_comes_late_in_a_file_is_understood_and_all_before_it_is_set_aside(database: str, tmp_path: Path) -> None:
    """The file is looked through once more, so that it need not be held; then it is read as any other."""
    file = tmp_path / "late.log"
    junk = b"".join(b"starting %d\n" % number for number in range(450))
    file.write_bytes(junk + json.dumps(event("course_created", course_id="0")).encode() + b"\n" + junk)
    small = {"DATABASE_URL": database, "OUTCOMES_BATCH_SIZE": "100"}
    summary = await outcomes_json("replay", str(file), **small)
    assert (summary["consumed"], summary["quarantined"]) == (901, 901)
    assert await rows(database, "SELECT next_position FROM stream_position") == [(902,)]
    assert (await outcomes_json("replay", str(file), **small))["consumed"] == 0


@pytest.mark.parametrize("text", [b"nothing at all\n" * 3, json.dumps(result(1)).encode()[:-20]])
async def test_stdin_without_an_event_ends_with_one_too(database: str, text: bytes) -> None:
    """Half a record and nothing else, too: whoever has cut it sees it at once."""
    async with started(("replay", "-"), {"DATABASE_URL": database}, stdin=text) as process:
        code, out, err = await process.end(None)
    assert code == 1, err
    assert "-: nothing in it was understood, and nothing of it is kept" in out
    assert (
        "Each of its 3 records was refused, most of them as " if text.count(b"\n") else "Its one record was refused as "
    ) in out
    assert await rows(database, "SELECT count(*) FROM quarantine") == [(0,)]
