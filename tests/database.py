"""A real PostgreSQL for tests: one server for the whole run, one database on it, and a programme of its own for each test that asks.

The server is ours, or the one that DATABASE_URL_TEST names (an owner's URL; databases are made on it and dropped).
"""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import sql

from huibao.db.embedded import Embedded
from huibao.db.migrate import create_programme, migrate

#: When everything in a test's database was made.
MADE_AT: Final = datetime(2025, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Programme:
    """A programme with all its tables and nothing in them, in the database at `url`."""

    url: str
    code: str

    @property
    def schema(self) -> str:
        return f"p_{self.code}"


MakeProgramme = Callable[..., Programme]


@contextmanager
def server(version: int = 18, binaries: Path | None = None) -> Iterator[Embedded]:
    """A server with data of its own, which are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="huibao-") as folder:
        Path(folder).chmod(0o711)  # the server's user passes through it
        made = Embedded(Path(folder) / "pg", version, binaries)
        made.start()
        try:
            yield made
        finally:
            made.stop()


@contextmanager
def new_database(server_url: str, name: str) -> Iterator[str]:
    """The URL of a new, empty database beside the one at `server_url`; it is dropped afterwards."""
    name = f"{name}_{os.getpid()}"  # runs at the same time on one server do not meet
    drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    create = sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'").format(sql.Identifier(name))
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(drop)
        connection.execute(create)
    try:
        yield urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))
    finally:
        with psycopg.connect(server_url, autocommit=True) as connection:
            connection.execute(drop)


@pytest.fixture(scope="session")
def pg() -> Iterator[Embedded]:
    """Our own server, for the whole run; a test that hurts its server makes one with `server()`."""
    with server() as made:
        yield made


@pytest.fixture(scope="session")
def pg_url(request: pytest.FixtureRequest) -> str:
    """The owner's URL of some database of the server for tests."""
    if given := os.environ.get("DATABASE_URL_TEST"):
        return given
    ours: Embedded = request.getfixturevalue("pg")
    return ours.url()


@pytest.fixture(scope="session")
def owner_url(pg_url: str) -> Iterator[str]:
    """The owner's URL of a database that has the shared tables."""
    with new_database(pg_url, "huibao_test") as url:
        migrate(url, MADE_AT)
        yield url


_CODES: Final = count(900001)


@pytest.fixture
def programme(owner_url: str) -> MakeProgramme:
    """Makes programmes: `programme()` is a new one with every table, in some 30 ms."""

    def make(name: str = "测试", scheme: str = "test", area: str = "9900") -> Programme:
        code = str(next(_CODES))
        create_programme(owner_url, code, name, scheme, area, MADE_AT)
        return Programme(owner_url, code)

    return make
