"""Backup and restore to a chosen instant: what was committed before is there, what came after is not, and nobody erased comes back.

One server is backed up while it is written to; each test restores into a folder of its own, or damages a copy of the home first.
"""

import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import psycopg
import pytest

from huibao.db import backup, restore
from huibao.db.backup import Home
from huibao.db.embedded import Embedded
from huibao.db.errors import BackupRefused
from tests import books
from tests.books import City, buy, run, small_city
from tests.database import server
from tests.journeys.office import programmes_of

KEYS: Final = {"1": "fingerprint-1"}


@dataclass(frozen=True, slots=True)
class Saved:
    """A server that was backed up, its home, a city on it, and what happened when."""

    server: Embedded
    home: Home
    city: City
    before: datetime
    written: int


@contextmanager
def writing(url: str) -> Iterator[list[int]]:
    """Somebody writes all the time; how many rows were acknowledged."""
    done: list[int] = []
    stop = threading.Event()

    def write() -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            while not stop.is_set():
                connection.execute("INSERT INTO meanwhile DEFAULT VALUES")
                done.append(1)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield done
    finally:
        stop.set()
        thread.join()


def now(one: Embedded) -> datetime:
    with psycopg.connect(one.url()) as connection:
        row = connection.execute("SELECT clock_timestamp()").fetchone()
    assert row is not None
    at: datetime = row[0]
    return at


@pytest.fixture(scope="module")
def saved() -> Iterator[Saved]:
    """Person 1 buys, the copy is taken under writers, person 2 buys; that is the instant. Then person 5 buys, and person 6 is erased."""
    with server() as made, tempfile.TemporaryDirectory(prefix="huibao-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        city = small_city(programmes_of(made.url()), "xizang")
        run(city, [buy(city, 1)])
        with psycopg.connect(made.url(), autocommit=True) as connection:
            connection.execute("CREATE TABLE meanwhile (id bigint GENERATED ALWAYS AS IDENTITY)")
        home = Home(folder / "backups")
        with writing(made.url()) as done:
            backup.take(made, home, KEYS)
        run(city, [buy(city, 1, 2)])
        before = now(made)
        run(city, [buy(city, 5)])
        with books.owner(city) as connection_of_owner:
            connection_of_owner.execute("DELETE FROM person_key WHERE person_id = 6")
        with psycopg.connect(made.url(), autocommit=True) as connection:
            backup.await_archived(connection, home)
        restore.note_erasures(made.url(), home)
        made.archiver.unlink()                         # the home stays as it is while it is copied
        yield Saved(made, home, city, before, len(done))


@contextmanager
def restored(saved: Saved, to: datetime | None, home: Home | None = None) -> Iterator[Embedded]:
    """The server that came of it, in an empty folder."""
    with tempfile.TemporaryDirectory(prefix="huibao-") as name:
        Path(name).chmod(0o711)
        made = Embedded(Path(name) / "pg")
        try:
            restore.restore(home or saved.home, made, to, KEYS)
            yield made
        finally:
            made.stop()


def there(one: Embedded, city: City) -> City:
    """The city as the restored server has it."""
    return City(one.url(), city.code, city.scheme, city.plan, city.clock)


def bought(city: City) -> list[tuple[int, ...]]:
    return books.rows(city, "SELECT insured_id FROM policy ORDER BY order_id, position")


@pytest.mark.clause("LZ-20")
def test_back_to_an_instant_with_exact_rows_and_books(saved: Saved) -> None:
    with restored(saved, saved.before) as one:
        city = there(one, saved.city)
        assert bought(city) == [(1,), (2,)]
        assert books.rows(city, "SELECT count(*) FROM public.meanwhile") == [(saved.written,)]
        assert books.verify(city) == []
        assert bought(saved.city) == [(1,), (2,), (5,)], "what is live is untouched"
        # It is a server like any other: it takes orders, survives a stop, and the chain goes on where it was.
        run(city, [buy(city, 5)])
        one.stop()
        one.start()
        assert bought(city) == [(1,), (2,), (5,)]
        assert books.verify(city) == []


def test_without_an_instant_everything_that_was_archived(saved: Saved) -> None:
    with restored(saved, None) as one:
        assert bought(there(one, saved.city)) == [(1,), (2,), (5,)]


@pytest.mark.clause("LZ-20")
def test_who_was_erased_stays_erased(saved: Saved) -> None:
    """The instant is before the erasure: the key is back, until the list is gone through."""
    with restored(saved, saved.before) as one:
        city = there(one, saved.city)
        assert books.rows(city, "SELECT count(*) FROM person_key WHERE person_id = 6") == [(1,)]
        assert restore.erase_again(one.url(), saved.home)[0] == 1
        assert books.rows(city, "SELECT count(*), count(*) FILTER (WHERE person_id = 6) FROM person_key") == [(6, 0)]
        assert restore.erase_again(one.url(), saved.home)[0] == 0
        assert books.verify(city) == []
        # Whoever notes from here on forgets nobody.
        assert restore.note_erasures(one.url(), saved.home).programmes[city.code] == [6]


# ── what is refused ──────────────────────────────────────────────────────────────────────────────────────────────────

def copy_of(saved: Saved, folder: Path) -> Home:
    return Home(Path(shutil.copytree(saved.home.path, folder / "copy")))


def refused(home: Home, to: datetime | None = None, keys: dict[str, str] | None = None, *, inside: str = "") -> str:
    """What is said; nothing is left in the folder."""
    with tempfile.TemporaryDirectory(prefix="huibao-") as name:
        folder = Path(name) / "pg"
        if inside:
            folder.mkdir()
            (folder / inside).touch()
        with pytest.raises(BackupRefused) as said:
            restore.restore(home, Embedded(folder), to, KEYS if keys is None else keys)
        assert [file.name for file in folder.iterdir()] == [inside] if inside else not folder.exists()
    return said.value.en


def flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def test_a_folder_that_holds_something_is_left_alone(saved: Saved) -> None:
    assert "is not empty, and a restore overwrites nothing" in refused(saved.home, inside="precious")


def test_an_instant_before_the_first_copy(saved: Saved) -> None:
    assert "the oldest copy was finished at" in refused(saved.home, saved.home.bases()[0].finished_at - timedelta(seconds=1))


def test_an_instant_that_the_log_does_not_reach(saved: Saved) -> None:
    with tempfile.TemporaryDirectory(prefix="huibao-") as name:
        Path(name).chmod(0o711)
        one = Embedded(Path(name) / "pg")
        with pytest.raises(BackupRefused, match="the archived log does not reach"):
            restore.restore(saved.home, one, now(saved.server) + timedelta(days=1), KEYS)
        assert list(one.folder.iterdir()) == [], "another instant can be tried there"


def test_other_keys(saved: Saved) -> None:
    assert "these are not the keys of this backup" in refused(saved.home, keys={"1": "another"})
    assert "these are not the keys of this backup" in refused(saved.home, keys={"2": "fingerprint-1"})


#: What happens to a backup, and what is said of it.
DAMAGES: Final = [
    # 损坏                      文件                             拒绝时说的话
    ("a bit of a table",        "base/*/data/base/*/1259",       "is damaged: base/"),
    ("a file is gone",          "base/*/data/global/pg_control", "pg_control is missing or is not what it was"),
    ("the manifest is gone",    "base/*/data/backup_manifest",   "backup_manifest is missing or is not what it was"),
    ("a bit of the log",        "wal/FIRST",                     "is damaged: "),
    ("the first of the log",    "wal/FIRST",                     "is missing or is not what it was"),
    ("a digest of the log",     "wal/FIRST.sha256",              "is missing or is not what it was"),
    ("cut short",               "base/*/base.json",              "there is no whole backup"),
]


@pytest.mark.parametrize(("what", "file", "says"), DAMAGES, ids=[damage[0] for damage in DAMAGES])
def test_a_damaged_backup_is_refused_and_leaves_nothing(saved: Saved, tmp_path: Path, what: str, file: str, says: str) -> None:
    home = copy_of(saved, tmp_path)
    found = next(home.path.glob(file.replace("FIRST", home.bases()[0].first)))
    if what.startswith("a bit"):
        flip(found)
    else:
        found.unlink()
    assert says in refused(home)


def with_a_gap(saved: Saved, folder: Path) -> tuple[Home, str]:
    """A home that misses a segment after the last that is whole, as where another had its turn; and that last one."""
    home = copy_of(saved, folder)
    last = home.segments()[-1]
    number = backup.number_of(last) + 2
    later = f"{last[:8]}{number // 256:08X}{number % 256:08X}"
    for suffix in ("", ".sha256"):
        shutil.copy(home.wal / f"{last}{suffix}", home.wal / f"{later}{suffix}")
    return home, last


def test_a_gap_in_the_log_is_refused(saved: Saved, tmp_path: Path) -> None:
    home, last = with_a_gap(saved, tmp_path)
    assert f"what comes after segment {last} of the log is missing" in refused(home)


def damaged_after(saved: Saved, folder: Path) -> tuple[Home, str]:
    """A home in which the segment after the last that a restore needs is not what was archived; and that segment."""
    home, _ = with_a_gap(saved, folder)
    *_, last, later = home.segments()
    number = backup.number_of(last) + 1
    next_ = f"{last[:8]}{number // 256:08X}{number % 256:08X}"
    for suffix in ("", ".sha256"):
        (home.wal / f"{later}{suffix}").rename(home.wal / f"{next_}{suffix}")
    flip(home.wal / next_)
    return home, next_


def test_a_damaged_segment_keeps_nobody_from_an_instant_before_it(saved: Saved, tmp_path: Path) -> None:
    home, _ = damaged_after(saved, tmp_path)
    with restored(saved, saved.before, home) as one:
        city = there(one, saved.city)
        assert bought(city) == [(1,), (2,)]
        assert books.verify(city) == []


def test_a_damaged_segment_says_how_far_the_log_goes(saved: Saved, tmp_path: Path) -> None:
    """What is said is true: an instant before it is restored, and one at it is not."""
    home, broken = damaged_after(saved, tmp_path)
    last = backup.reach(home, saved.server, home.segments()[:-1])
    assert last is not None
    assert saved.before < last
    assert f"segment {broken} of the log is damaged" in refused(home)
    assert f"name an instant before {last} with --to" in refused(home)
    for to in (last, last + timedelta(days=1)):
        with tempfile.TemporaryDirectory(prefix="huibao-") as name:
            Path(name).chmod(0o711)
            one = Embedded(Path(name) / "pg")
            with pytest.raises(BackupRefused) as said:
                restore.restore(home, one, to, KEYS)
            assert f"segment {broken} of the log is damaged" in said.value.en
            assert f"Any instant before {last} can be restored" in said.value.en
            assert list(one.folder.iterdir()) == []
    with restored(saved, last - timedelta(microseconds=1), home) as one:
        assert bought(there(one, saved.city)) == [(1,), (2,), (5,)]


def test_the_segment_that_a_copy_ends_in_is_needed_by_every_instant(saved: Saved, tmp_path: Path) -> None:
    home = copy_of(saved, tmp_path)
    flip(home.wal / home.bases()[0].first)
    assert "is damaged: " in refused(home, saved.before)


def test_an_instant_before_a_gap_does_not_need_what_is_missing(saved: Saved, tmp_path: Path) -> None:
    home, _ = with_a_gap(saved, tmp_path)
    with restored(saved, saved.before, home) as one:
        city = there(one, saved.city)
        assert bought(city) == [(1,), (2,)]
        assert books.verify(city) == []


def test_homes_that_take_turns_lead_back_to_their_own_instants(saved: Saved) -> None:
    """Two disks, in turn: each misses the log of the other's days, and restores the days of its own."""
    with tempfile.TemporaryDirectory(prefix="huibao-") as name, server() as made:
        Path(name).chmod(0o711)
        homes = Home(Path(name) / "one"), Home(Path(name) / "other")
        instants = []
        with psycopg.connect(made.url(), autocommit=True) as connection:
            connection.execute("CREATE TABLE done (turn int)")
            for turn, home in enumerate((*homes, homes[0])):
                time.sleep(turn / 2)                   # a copy is named by its second, in each home
                backup.take(made, home, KEYS)
                connection.execute("INSERT INTO done VALUES (%s)", [turn])
                instants.append((now(made), home))
                connection.execute("INSERT INTO done VALUES (%s)", [turn])
                backup.await_archived(connection, home)
            made.archiver.unlink()
        for turn, (to, home) in enumerate(instants):
            with restored(saved, to, home) as one, psycopg.connect(one.url()) as connection:
                [row] = connection.execute("SELECT array_agg(turn ORDER BY turn) FROM done").fetchall()
                assert row == ([*(n // 2 for n in range(2 * turn)), turn],)


def test_a_home_is_one_servers_own(saved: Saved) -> None:
    with server() as other, pytest.raises(BackupRefused, match="has backups of another server"):
        backup.take(other, saved.home, KEYS)


def test_without_a_list_nobody_says_that_all_is_erased(saved: Saved, tmp_path: Path) -> None:
    with pytest.raises(BackupRefused, match="nobody knows who was erased since"):
        restore.erase_again(saved.server.url(), Home(tmp_path))


def test_older_copies_go_and_what_stays_restores(saved: Saved) -> None:
    with tempfile.TemporaryDirectory(prefix="huibao-") as name:
        Path(name).chmod(0o711)
        home = Home(Path(name) / "other")
        first = backup.take(saved.server, home, KEYS)
        run(saved.city, [buy(saved.city, 1, 4)])
        time.sleep(1)                                  # a copy is named by its second
        second = backup.take(saved.server, home, KEYS, keep=1)
        assert [base.label for base in home.bases()] == [second.label]
        assert home.segments()[0] >= second.first > first.first
        with restored(saved, None, home) as one:
            assert bought(there(one, saved.city)) == [(1,), (2,), (5,), (4,)]
        saved.server.archiver.unlink()
