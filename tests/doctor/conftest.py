"""What both files of tests need."""

import asyncio
import uuid
from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

import pytest

from tests.conftest import execute


@pytest.fixture
def login(database: str) -> Iterator[str]:
    """The address of the database for a login of the role outcomes_reader."""
    name = f"doctor_{uuid.uuid4().hex[:12]}"
    asyncio.run(execute(database, f"CREATE ROLE {name} LOGIN PASSWORD 'secret' IN ROLE outcomes_reader"))
    address = urlsplit(database)
    yield urlunsplit(address._replace(netloc=f"{name}:secret@{address.netloc.rpartition('@')[2]}"))
    asyncio.run(execute(database, f"DROP ROLE {name}"))
