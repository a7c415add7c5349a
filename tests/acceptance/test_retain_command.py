"""`outcomes retain`, as a process."""

from tests.acceptance.running import outcomes, outcomes_json
from tests.postgres.writing import write
from tests.samples import event


async def test_retain_tells_what_would_go_and_what_went(database: str) -> None:
    """For people and for machines; an earlier moment is a usage error from then on."""
    years = [f"{year}-05-01T00:00:00Z" for year in (2022, 2023, 2024)]
    await write(database, *(event("learning_outcome_result_updated", at=at, id="1", result_context_id="7") for at in years))
    here = {"DATABASE_URL": database}
    code, out, err = await outcomes("retain", "--since", "2024", "--dry-run", **here)
    assert code == 0, err
    lines = dict(line.split(": ", 1) for line in out.splitlines() if "_version: " in line)
    assert lines.pop("learning_outcome_result_version").startswith("1 versions would be retired, 1 stand for them; ")
    assert set(lines.values()) == {"nothing to retire"}
    done = await outcomes_json("retain", "--since", "2024", "--drop", **here)
    assert (done["since"], done["dry_run"], done["dropped"]) == (2024, False, True)
    retired = {table["table"]: table["retired"] for table in done["tables"] if table["retired"]}
    assert retired == {"learning_outcome_result_version": 1}
    code, out, err = await outcomes("status", "--no-lag", **here)
    assert code == 0, err
    assert "History begins at 2024-01-01: what was before has been retired." in out
    code, out, err = await outcomes("gradebook", "--course", "7", "--at", "2023-06-01", **here)
    assert (code, err) == (2, "outcomes: history begins at 2024-01-01: what was before has been retired\n")
    code, out, err = await outcomes("retain", "--since", "2023", **here)
    assert (code, err) == (2, "outcomes: history before 2024 is retired already: history from 2023 on cannot come back\n")
