"""The school that backfills and reconciliations ask."""

from collections.abc import AsyncIterator

import pytest

from tests.canvas.school import School


@pytest.fixture
async def school() -> AsyncIterator[School]:
    """A small Canvas that computes with the scales of accounts and courses."""
    async with School(account_level_scales=True) as canvas:
        yield canvas
