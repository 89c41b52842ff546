"""Databases for the simulation: one that a test runs a seed in, and two for many seeds side by side."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from huibao.db.migrate import migrate
from tests.database import MADE_AT, new_database


@pytest.fixture(scope="session")
def urls(pg_url: str) -> Iterator[list[str]]:
    """Two databases with the shared tables."""
    with ExitStack() as stack:
        made = [stack.enter_context(new_database(pg_url, f"huibao_simulation_{n}")) for n in range(2)]
        for url in made:
            migrate(url, MADE_AT)
        yield made
