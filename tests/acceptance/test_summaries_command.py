"""`outcomes summaries`, as a process."""

from tests.acceptance.running import outcomes, outcomes_json
from tests.postgres.writing import write
from tests.samples import result


async def test_what_is_out_of_date_is_computed_once(database: str) -> None:
    """For people and for machines; `database` proves that it is right."""
    await write(database, result(1, result_context_id="7"), result(2, result_context_id="8"))
    here = {"DATABASE_URL": database}
    assert await outcomes_json("summaries", "refresh", **here) == {"computed": 2, "out_of_date": 0}
    await write(database, result(1, minute=1, result_context_id="7"))
    assert await outcomes("summaries", "refresh", **here) == (0, "computed 1 courses\n", "")
