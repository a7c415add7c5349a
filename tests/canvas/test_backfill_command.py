"""`backfill` and `status` show what a backfill did."""

import json

from tests.acceptance.running import outcomes
from tests.canvas.content import ROOT
from tests.canvas.filling import fill, variables_of
from tests.canvas.school import School


async def test_the_command_backfills_and_reports(database: str, school: School) -> None:
    """Exit code 0 and one JSON object; 1 and a sentence if a request was refused; 2 if no Canvas is named."""
    code, out, err = await outcomes("backfill", "--json", **variables_of(school, database))
    assert code == 0, err
    report = json.loads(out)
    assert report["tables"]["learning_outcome_result"]["written"] == 8
    assert report["consumed"] == report["applied"] > 20
    school.fail("forbidden", path="accounts/1/outcome_groups")
    code, out, err = await outcomes("backfill", "--account", "1", **variables_of(school, database))
    assert code == 1
    assert "may not see this" in out
    assert school.token not in out + err
    code, out, err = await outcomes("backfill", DATABASE_URL=database)
    assert code == 2
    assert "OUTCOMES_CANVAS_URL" in err
    assert len(err.strip().splitlines()) == 1


async def test_the_status_names_the_canvas_and_does_not_ask_kafka_for_its_lag(database: str, school: School) -> None:
    """Without Kafka: a request to it would be reported."""
    await fill(database, school)
    code, out, err = await outcomes("status", **variables_of(school, database))
    assert (code, err) == (0, "")  # without a remark that Kafka does not answer
    assert school.url in out
    assert "canvas:" not in out
    assert "not finished" not in out
    (run,) = json.loads((await outcomes("status", "--json", **variables_of(school, database)))[1])["backfills"]
    assert (run["scope"], run["steps"]) == (f"account:{ROOT}", 9)
    assert run["begun_at"] < run["finished_at"]
