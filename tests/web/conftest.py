"""One running service for all tests of the API: they buy for different people or under different keys."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.web.running import Desk, made
from tests.web.wards import Ward, ward_of


@pytest.fixture(scope="session")
def desk(owner_url: str) -> Iterator[Desk]:
    with asyncio.Runner() as runner:
        engine = made(owner_url)
        yield Desk(engine, runner)
        runner.run(engine.close())


@pytest.fixture(scope="session")
def ward(pg_url: str) -> Iterator[Ward]:
    """One ward for all tests of the discharge desk: they settle for different people."""
    with ward_of(pg_url, "huibao_ward") as made_:
        yield made_
