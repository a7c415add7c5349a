"""A small run of what `make chaos` does at length."""

import asyncio

import pytest

from consumer.engines.kafka import can_run_locally
from tests.chaos import report
from tests.chaos.run import run
from tests.scratch import folder


@pytest.mark.timeout(240)
def test_kills_and_outages_by_chance_lose_double_and_set_back_nothing() -> None:
    """Of workers, intake and engines; the projection is that of an undisturbed run, and the books are exact."""
    if not can_run_locally():
        pytest.skip("a broker of one's own needs Java and Maven")
    with folder() as path:
        found = asyncio.run(run(4, events=5000, kills=8, outages=5, folder=path))
        assert report.wrong(found) == []
        assert found.right
    assert found.kills >= 8
    assert len(found.faults) >= 13
    assert all(fault.recovery_seconds is not None for fault in found.faults)
    assert found.looks > 0
    assert found.posted > 500
