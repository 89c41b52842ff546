"""One running service for all tests of the API: they buy for different people or under different keys."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.web.running import Desk, made


@pytest.fixture(scope="session")
def desk(owner_url: str) -> Iterator[Desk]:
    with asyncio.Runner() as runner:
        engine = made(owner_url)
        yield Desk(engine, runner)
        runner.run(engine.close())
