"""The school that backfills and reconciliations read."""

from collections.abc import AsyncIterator

import pytest

from tests.canvas.school import School


@pytest.fixture
async def school() -> AsyncIterator[School]:
    """A small Canvas with account-level scales."""
    async with School(account_level_scales=True) as canvas:
        yield canvas
