"""CONTRIBUTING's steps for a new event, walked in a copy of the code."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from consumer.store.postgres import connect
from tests.acceptance.running import environment
from tests.forking import ROOT
from tests.samples import event

MODEL = '''

class CourseLantern(StatefulBody):
    """Sections of courses."""

    kind = "course_lantern"

    course_lantern_id: GlobalId
    """Global id of the section."""
    course_id: GlobalId | None = None
    """Global id of the course that the section belongs to."""
    name: Text
    """Name."""
    end_at: Time | None = None
    """When the section ends."""
'''
SHARD = 2107 * 10**13


def section(verb: str, time: str, name: str) -> dict[str, Any]:
    """An event as Canvas sends it, of section 7 of course 12."""
    metadata = event("course_created")["metadata"] | {"event_name": f"course_lantern_{verb}", "event_time": time}
    ids = {"course_lantern_id": str(SHARD + 7), "course_id": str(SHARD + 12)}
    body = {
        **ids,
        "name": name,
        "end_at": "2025-06-01T00:00:00Z",
        "updated_at": "2025-03-01T00:00:00Z",
        "workflow_state": "active",
    }
    return {"metadata": metadata, "body": body}


async def test_a_new_event_is_a_model_payloads_and_two_commands(empty_database: str, tmp_path: Path) -> None:
    """Then its rows have a history, its columns their meaning, and the simulator sends it."""
    for room in ("consumer", "migrations", "schemas"):
        shutil.copytree(ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    payloads = tmp_path / "tests" / "payloads"
    shutil.copytree(ROOT / "tests" / "payloads", payloads)
    variables = environment(DATABASE_URL=empty_database) | {"PYTHONPATH": str(tmp_path)}

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", *arguments], cwd=tmp_path, env=variables, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    with (tmp_path / "schemas" / "tenancy.py").open("a", encoding="utf-8") as file:
        file.write(MODEL)
    sent = [
        section("created", "2025-02-01T00:00:00.000Z", "Morning"),
        section("updated", "2025-03-01T00:00:01.000Z", "Evening"),
    ]
    for one in sent:
        (payloads / f"{one['metadata']['event_name']}.json").write_text(json.dumps(one), encoding="utf-8")
    run("schemas.publish")
    run("migrations.draft", "course_lantern")
    run("consumer", "migrate")
    (tmp_path / "captured.ndjson").write_text("".join(f"{json.dumps(one)}\n" for one in reversed(sent)), encoding="utf-8")
    assert json.loads(run("consumer", "replay", "captured.ndjson", "--json"))["applied"] == 1

    connection = await connect(empty_database)
    try:
        await connection.execute("SET search_path TO outcomes")
        rows = await connection.fetch("SELECT id, global_id, course_id, name FROM course_lantern")
        periods = await connection.fetch("SELECT name FROM course_lantern_history ORDER BY valid_from")
        then = await connection.fetchval(
            "SELECT name FROM course_lantern_at($1, 7, '2025-02-02')", sent[0]["metadata"]["root_account_uuid"]
        )
        meaning = await connection.fetchval(
            "SELECT col_description('course_lantern'::regclass, attnum) FROM pg_attribute "
            "WHERE attrelid = 'course_lantern'::regclass AND attname = 'course_id'"
        )
    finally:
        await connection.close()
    assert [tuple(row) for row in rows] == [(7, SHARD + 7, 12, "Evening")]
    assert [row["name"] for row in periods] == ["Morning", "Evening"]
    assert then == "Morning"
    assert meaning == "Local id of the course that the section belongs to."
    assert json.loads(run("consumer", "history", "course_lantern", "7", "--json"))["states"][-1]["name"] == "Evening"
    assert json.loads(run("consumer", "verify", "--json"))["holds"]
    assert "course_lantern_updated" in run("consumer", "simulate", "--events", "300")
