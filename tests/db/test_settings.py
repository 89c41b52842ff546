"""Which database the environment names, and our own where it names none."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from huibao.db.embedded import Embedded, default_folder
from huibao.db.settings import data_folder, database_url, open_database


@pytest.fixture
def place() -> Iterator[Path]:
    """A short path whose parents the server's user may pass."""
    folder = Path(tempfile.mkdtemp(prefix="huibao-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize(("set_to", "url"), [
    (None,                     None),
    ("",                       None),
    ("postgresql://h/huibao",  "postgresql://h/huibao"),
])
def test_the_url_of_the_environment(set_to: str | None, url: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    if set_to is not None:
        monkeypatch.setenv("DATABASE_URL", set_to)
    assert database_url() == url


def test_the_folder_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUIBAO_DATA", "/data/here")
    assert data_folder() == Path("/data/here")
    monkeypatch.setenv("HUIBAO_DATA", "")
    assert data_folder() == default_folder()


def test_a_given_database_is_opened_as_it_is(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://h/huibao")
    monkeypatch.setenv("HUIBAO_DATA", str(place / "pg"))
    assert open_database() == "postgresql://h/huibao"
    assert list(place.iterdir()) == []


def test_our_own_is_started_where_none_is_given(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("HUIBAO_DATA", str(place / "pg"))
    try:
        url = open_database()
        assert open_database() == url
        with psycopg.connect(url) as connection:
            assert connection.info.dbname == "huibao"
    finally:
        Embedded(place / "pg").stop()
