"""Settings and secrets: read once, made once, and nobody else's to read."""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from threading import get_ident

import pytest

from huibao.app import settings
from huibao.app.secrets import Secrets
from huibao.core.clock import FileClock, SystemClock

START = datetime(2026, 3, 2, tzinfo=UTC)
URL = "postgresql://nobody@nowhere/none"


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing set but what keeps a test from starting a server."""
    for name in ("HUIBAO_LANES", "HUIBAO_OUTSIDE", "HUIBAO_CLOCK", "HUIBAO_DATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATABASE_URL", URL)
    monkeypatch.setenv("HUIBAO_SECRETS", str(tmp_path / "secrets.json"))


@pytest.mark.parametrize(("given", "lanes", "outside_url"), [
    ({},                                            4,  settings.OUTSIDE),
    ({"HUIBAO_LANES": ""},                          4,  settings.OUTSIDE),
    ({"HUIBAO_LANES": "7"},                         7,  settings.OUTSIDE),
    ({"HUIBAO_OUTSIDE": "http://127.0.0.1:1/"},     4,  "http://127.0.0.1:1"),
    ({"HUIBAO_LANES": "1", "HUIBAO_OUTSIDE": ""},   1,  settings.OUTSIDE),
])
def test_settings_are_read_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, given: Mapping[str, str], lanes: int, outside_url: str
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    read = settings.read()
    assert (read.database_url, read.lanes, read.outside_url) == (URL, lanes, outside_url)
    assert isinstance(read.clock, SystemClock)


@pytest.mark.parametrize("lanes", ["0", "-1", "abc", "1.5", " "])
def test_lanes_that_are_no_number_are_refused(monkeypatch: pytest.MonkeyPatch, lanes: str) -> None:
    monkeypatch.setenv("HUIBAO_LANES", lanes)
    with pytest.raises(settings.SettingWrong, match="HUIBAO_LANES"):
        settings.read()


def test_a_clock_that_processes_share(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    clock = FileClock(tmp_path / "clock", START)
    monkeypatch.setenv("HUIBAO_CLOCK", str(tmp_path / "clock"))
    read = settings.read()
    assert read.clock.now() == START
    clock.set(datetime(2027, 1, 1, tzinfo=UTC))
    assert read.clock.now() == clock.now()


def test_settings_cannot_change_under_the_program() -> None:
    read = settings.read()
    with pytest.raises(AttributeError):
        read.lanes = 9  # type: ignore[misc]
    assert settings.read().secrets == read.secrets


def test_secrets_lie_beside_the_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("HUIBAO_SECRETS")
    monkeypatch.setenv("HUIBAO_DATA", str(tmp_path / "home" / "pg"))
    settings.read()
    assert (tmp_path / "home" / "secrets.json").exists()


def test_no_secret_is_shown(tmp_path: Path) -> None:
    read = settings.read()
    kept = json.loads((tmp_path / "secrets.json").read_text("utf-8"))
    shown = repr(read.secrets)
    assert shown == "Secrets(current=1)"
    assert not any(kept[name] in shown for name in ("index_key", "token_secret", "channel_secret"))


# ── secrets ──────────────────────────────────────────────────────────────────────────────────────────────────────────

def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "secrets.json"
    before = os.umask(0)
    try:
        Secrets.open(path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["secrets.json"]


def test_new_secrets_are_all_different_and_long_enough(tmp_path: Path) -> None:
    made = [Secrets.open(tmp_path / str(n)) for n in range(3)]
    keys = [key for one in made for key in (one.master_keys[1], one.index_key, one.token_secret, one.channel_secret)]
    assert len(set(keys)) == len(keys) == 12
    assert [len(key) for key in keys[:4]] == [16, 32, 32, 32]
    assert made[0].current in made[0].keyring


def test_secrets_that_are_there_are_kept(tmp_path: Path) -> None:
    def exhausted(_: int) -> bytes:
        raise AssertionError("nothing is made")

    path = tmp_path / "secrets.json"
    first, text = Secrets.open(path), path.read_bytes()
    assert Secrets.open(path, exhausted) == first
    assert path.read_bytes() == text


def test_what_a_start_that_was_cut_short_left_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / f".secrets.json.{os.getpid()}.{get_ident()}").write_text('{"half": ')
    made = Secrets.open(tmp_path / "secrets.json")
    assert Secrets.open(tmp_path / "secrets.json") == made
    assert [entry.name for entry in tmp_path.iterdir()] == ["secrets.json"]


OPEN = ("import sys; from pathlib import Path; from huibao.app.secrets import Secrets; sys.stdin.read();"
        "one = Secrets.open(Path(sys.argv[1])); print(one.index_key.hex(), one.token_secret.hex(), one.master_keys[1].hex())")


def test_processes_that_make_them_at_once_end_up_with_the_same(tmp_path: Path) -> None:
    """Each waits for its input to end, so that all go at the same time."""
    path = tmp_path / "secrets.json"
    starting = [subprocess.Popen([sys.executable, "-c", OPEN, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    for one in starting:
        assert one.stdin is not None
        one.stdin.close()
        one.stdin = None
    said = [one.communicate()[0] for one in starting]
    assert [one.returncode for one in starting] == [0] * 4
    kept = json.loads(path.read_text("utf-8"))
    assert set(said) == {f"{kept['index_key']} {kept['token_secret']} {kept['master_keys']['1']}\n"}
    assert [entry.name for entry in tmp_path.iterdir()] == ["secrets.json"]
