"""`outcomes erase`, from the request to the receipt: afterwards nothing that this project holds tells of the person."""

import asyncio
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson
import zstandard

from consumer.ingest.records import RawRecord
from consumer.sources.archive import Archive
from consumer.sources.files import source_of
from consumer.sources.finding import find
from consumer.sources.storage import MANIFEST, Folder
from consumer.store.postgres import connect
from tests.acceptance.running import outcomes, outcomes_json
from tests.postgres.test_objects import dump
from tests.samples import TENANT, event, result

ADA = {
    "user_id": "21070000000987654",
    "uuid": "xyzAdaUuid4711",
    "name": "Adá Byrne-Quist",
    "user_login": "abyrne",
    "user_sis_id": "S-77401",
}
UUID, LOCAL = ADA["uuid"], "987654"
WORDS = (UUID, LOCAL, "Adá Byrne-Quist", "Ad\\u00e1 Byrne-Quist", "Byrne-Quist, Ad", "abyrne", "S-77401")
"""By which somebody could find her."""


def _events() -> list[bytes]:
    own_pages = event("learning_outcome_group_created")
    own_pages["metadata"] |= {"context_type": "User", "context_id": ADA["user_id"], "root_account_id": "21070000000000001"}
    asked = result(3, user_uuid="another")
    asked["metadata"] |= {"user_id": ADA["user_id"], "user_login": "abyrne"}
    told: list[Any] = [
        event("user_created", **ADA),
        event("enrollment_created", user_id=ADA["user_id"], user_uuid=UUID, user_name=ADA["name"]),
        event("enrollment_state_created", enrollment_id="21070000000009001"),
        event("enrollment_created", enrollment_id="5", user_id="6", user_uuid="a parent", associated_user_id=ADA["user_id"]),
        event("submission_created", submission_id="91", user_id=ADA["user_id"]),
        event("rubric_assessed", artifact_id="91"),
        result(1, user_uuid=UUID, surprise=ADA["name"]),
        result(2, user_uuid="another", seen_by=UUID),
        event("learning_outcome_created", author={"user_id": ADA["user_id"]}),
        {"metadata": {"event_name": "logged_in"}, "body": {"uuid": UUID}},
        own_pages,
        asked,
        event("course_created"),
    ]
    broken = f'{{"metadata": {{"event_name": "user_updated"}}, "body": {{"name": "{ADA["name"]}"'
    return [*(json.dumps(one).encode() for one in told), broken.encode(), b'{"body": {"uuid": "another"']


def _captured(folder: Path, events: Iterable[bytes]) -> None:
    archive = Archive(Folder(folder))
    archive.append((RawRecord("topic", 0, number, value), 0) for number, value in enumerate(events))
    archive.complete()
    archive.close()


def _lines(folder: Path) -> list[bytes]:
    packed = [path.read_bytes() for path in sorted(folder.glob("*/*.zst"))]
    return [line for one in packed for line in zstandard.ZstdDecompressor().decompressobj().decompress(one).splitlines()]


def _found(texts: Iterable[str]) -> list[str]:
    """What of her is in these texts, as a word of its own, with what is around it."""
    words = re.compile("|".join(rf"(?<![0-9A-Za-z]){re.escape(word)}" for word in WORDS))
    return [text[max(0, one.start() - 60) : one.end() + 20] for text in texts for one in words.finditer(text)]


async def test_after_an_erasure_nothing_tells_of_the_person(database: str, another_database: str, tmp_path: Path) -> None:
    """Neither a dump, nor what commands said, nor captured files that were rewritten; nor what is read again, nor a restore."""
    events, folder, receipt, kept = _events(), tmp_path / "captured", tmp_path / "receipt.json", tmp_path / "erased.json"
    here = {"DATABASE_URL": database, "OUTCOMES_PEOPLE": "names", "OUTCOMES_ERASED_LIST": str(kept)}
    _captured(folder, events)
    restored = here | {"DATABASE_URL": another_database}
    for variables in (here, restored):
        code, _, said = await outcomes("replay", str(folder), **variables)
        assert code == 0, said
    assert len(_found(await asyncio.to_thread(dump, database, "--data-only"))) > 10
    code, out, err = await outcomes("erase", "--student", UUID, "--to", str(receipt), **here)
    assert code == 0, err
    books = await outcomes_json("replay", str(folder), "--again", **here)
    code, _, line = await outcomes("migrate", **restored)
    assert (code, f"{kept}: 11 suppressions were missing" in line) == (0, True), line
    code, _, wrong = await outcomes("erase", "--files", str(folder), "--dry-run", **here)
    assert (code, "go with a person: --student or --user" in " ".join(wrong.split())) == (2, True)
    code, _, wrong = await outcomes("erase", "--files", str(folder / "nowhere"), **here)
    assert (code, "no folder that `outcomes capture` has filled" in wrong) == (2, True)
    code, rewritten, more = await outcomes("erase", "--files", str(folder), **here)
    assert (code, rewritten) == (0, "1 files rewritten, 8 records taken out, 5 left without a mention\n"), more

    dumped = [row for dsn in (database, another_database) for row in await asyncio.to_thread(dump, dsn, "--data-only")]
    captured = [line.decode() for line in _lines(folder)]
    texts = [*dumped, *captured, said, out, err, more, receipt.read_text(encoding="utf-8"), kept.read_text(encoding="utf-8")]
    assert _found(texts) == []
    assert len(captured) == len(events) - 8
    _, entry = (orjson.loads(line) for line in (folder / MANIFEST).read_bytes().splitlines())
    assert entry["source"] == source_of(*find([str(folder)]))
    assert (entry["records"], entry["positions"]) == (len(captured), [["topic", 0, 0, len(events)]])
    assert books["erased"] == 8
    connection = await connect(database)
    assert await connection.fetchval("SELECT count(*) FROM learning_outcome_result") == 2
    assert await connection.fetchval("SELECT count(*) FROM quarantine WHERE state = 'open'") == 1 + 1
    await connection.close()
    told = json.loads(receipt.read_bytes())
    assert (told["root_account_uuid"], len(told["digests"]), told["dry_run"]) == (TENANT, 2, False)
    assert told["rows"]["learning_outcome_result"] == 1
    assert receipt.stat().st_mode & 0o077 == 0
