"""The runner of migrations: what it refuses, what it leaves when one fails, and that two of them do not meet."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, Final, LiteralString

import psycopg
import pytest

from huibao.db import migrate as runner
from huibao.db.connect import connect_owner
from huibao.db.errors import MigrationRefused, ProgrammeRefused
from huibao.db.migrate import create_programme, migrate, read
from tests.database import MADE_AT, new_database

LATER: Final = MADE_AT + timedelta(days=1)

#: The smallest set that a database can be made with.
GROUND: Final = {
    "shared/0001_before_ground.sql": "CREATE TABLE programme (code text PRIMARY KEY, name text, scheme text, area text, schema_name text,"
                                     " created_at timestamptz);",
    "shared/0001_after_ground.sql": "",
    "programme/0001_before_ground.sql": "CREATE TABLE person (id bigint);",
    "programme/0001_after_ground.sql": "",
}

Write = Callable[[Mapping[str, str]], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes migrations, each under a first line that says why, and answers their folder."""
    def files(texts: Mapping[str, str]) -> Path:
        for name, text in texts.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(f"-- Why: a test.\n{text}\n", "utf-8")
        return tmp_path
    return files


_NAMES: Final = count(1)


@pytest.fixture
def url(pg_url: str) -> Iterator[str]:
    """A new, empty database."""
    with new_database(pg_url, f"huibao_migrate_{next(_NAMES)}") as made:
        yield made


def ask(url: str, question: LiteralString) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(question).fetchall()


def programme(url: str, folder: Path, code: str = "990000") -> list[str]:
    return create_programme(url, code, "测试", "test", "9900", MADE_AT, folder)


# ── the files ────────────────────────────────────────────────────────────────────────────────────────────────────────

FOLDERS = [
    # the files of a folder                                              what is said
    ("0001_before_a.sql 0001_after_a.sql",                               ""),
    ("0002_after_d.sql 0001_before_a.sql 0002_before_c.sql 0001_after_b.sql", ""),
    ("",                                                                 ""),
    ("0001_before_a.sql",                                                "x/0001_after_….sql: is missing"),
    ("0001_after_a.sql",                                                 "x/0001_before_….sql: is missing"),
    ("0002_before_a.sql 0002_after_a.sql",                               "x/0001_before_….sql: is missing"),
    ("0001_before_a.sql 0001_after_a.sql 0003_before_a.sql 0003_after_a.sql", "x/0002_before_….sql: is missing"),
    ("0001_before_a.sql 0001_before_b.sql 0001_after_a.sql",             "has the number of x/0001_before_"),
    ("0000_before_a.sql 0000_after_a.sql",                               "0000_before_a.sql: numbers begin at 0001"),
    ("1_before_a.sql",                                                   "1_before_a.sql: name it like 0001_before_ground.sql"),
    ("0001_during_a.sql",                                                "0001_during_a.sql: name it like"),
    ("0001_before_A.sql",                                                "0001_before_A.sql: name it like"),
    ("0001_before_a.sql~",                                               "0001_before_a.sql~: name it like"),
    ("notes.txt",                                                        "notes.txt: name it like"),
]


@pytest.mark.parametrize(("files", "says"), FOLDERS)
def test_numbers_have_no_gaps_and_each_has_both(files: str, says: str, write: Write) -> None:
    folder = write({f"x/{name}": "" for name in ["0001_before_z.sql", *files.split()]}) / "x"
    (folder / "0001_before_z.sql").unlink()
    if says:
        with pytest.raises(MigrationRefused) as refused:
            read(folder)
        assert says in refused.value.en
    else:
        assert [one.file.removeprefix("x/") for one in read(folder)] == \
            sorted(files.split(), key=lambda name: (name[:4], name[5:6] == "a"))


@pytest.mark.parametrize("text", ["CREATE TABLE a (x int);", "", "\n-- Why.\n", "--\n", "-- ──\n", "/* Why. */"])
def test_a_file_that_does_not_say_why_is_refused(text: str, write: Write) -> None:
    folder = write({"x/0001_before_a.sql": "", "x/0001_after_a.sql": ""}) / "x"
    (folder / "0001_before_a.sql").write_text(text, "utf-8")
    with pytest.raises(MigrationRefused, match="begin with a comment that says why"):
        read(folder)


# ── what is applied, and when ────────────────────────────────────────────────────────────────────────────────────────

def test_each_file_is_applied_once_and_recorded(url: str, write: Write) -> None:
    folder = write(GROUND)
    assert migrate(url, MADE_AT, folder=folder) == ["public 0001 before", "public 0001 after"]
    assert programme(url, folder) == ["p_990000 0001 before", "p_990000 0001 after"]
    assert migrate(url, LATER, folder=folder) == []
    recorded = [(number, phase, digest, MADE_AT) for number, phase, digest in
                ((one.number, one.phase, one.digest) for one in read(folder / "programme"))]
    assert ask(url, "SELECT * FROM p_990000.migration ORDER BY number, phase DESC") == recorded


def test_a_change_comes_in_two_steps_to_every_programme(url: str, write: Write) -> None:
    folder = write(GROUND)
    migrate(url, MADE_AT, folder=folder)
    programme(url, folder, "990001")
    programme(url, folder, "990002")
    write({"programme/0002_before_b.sql": "ALTER TABLE person ADD b int;", "programme/0002_after_b.sql": "ALTER TABLE person DROP id;",
           "shared/0002_before_b.sql": "", "shared/0002_after_b.sql": ""})
    assert migrate(url, LATER, "before", folder) == ["public 0002 before", "p_990001 0002 before", "p_990002 0002 before"]
    assert ask(url, "SELECT id, b FROM p_990001.person UNION SELECT id, b FROM p_990002.person") == []
    assert migrate(url, LATER, "before", folder) == []
    assert migrate(url, LATER, "after", folder) == ["public 0002 after", "p_990001 0002 after", "p_990002 0002 after"]
    assert ask(url, "SELECT * FROM p_990001.person UNION SELECT * FROM p_990002.person") == []
    assert ask(url, "SELECT DISTINCT applied_at FROM p_990001.migration ORDER BY 1") == [(MADE_AT,), (LATER,)]


def test_several_numbers_at_once_keep_old_code_working(url: str, write: Write) -> None:
    folder = write({**GROUND, **{f"shared/000{n}_{phase}_x.sql": "" for n in (2, 3) for phase in ("before", "after")}})
    assert migrate(url, MADE_AT, "before", folder) == ["public 0001 before", "public 0002 before", "public 0003 before"]
    assert migrate(url, MADE_AT, "after", folder) == ["public 0001 after", "public 0002 after", "public 0003 after"]


@pytest.mark.parametrize("changed", ["shared/0001_before_ground.sql", "programme/0001_after_ground.sql"])
def test_a_file_that_changed_after_it_was_applied_is_refused(url: str, write: Write, changed: str) -> None:
    folder = write(GROUND)
    migrate(url, MADE_AT, folder=folder)
    programme(url, folder)
    write({changed: "SELECT 2;", "programme/0002_before_b.sql": "", "programme/0002_after_b.sql": ""})
    schema = "public" if changed.startswith("shared") else "p_990000"
    with pytest.raises(MigrationRefused, match=f"{changed}: changed after it was applied to {schema}"):
        migrate(url, LATER, folder=folder)
    assert ask(url, "SELECT number FROM p_990000.migration") == [(1,), (1,)]


def test_a_file_that_fails_leaves_nothing_half_done(url: str, write: Write) -> None:
    folder = write({**GROUND,
                    "shared/0002_before_b.sql": "CREATE TABLE whole (x int);",
                    "shared/0002_after_b.sql": "CREATE TABLE half (x int); INSERT INTO whole VALUES (1); SELECT 1/0;",
                    "shared/0003_before_c.sql": "CREATE TABLE never (x int);", "shared/0003_after_c.sql": ""})
    with pytest.raises(psycopg.errors.DivisionByZero) as failed:
        migrate(url, MADE_AT, folder=folder)
    assert failed.value.__notes__ == ["in shared/0002_after_b.sql, for public"]
    assert ask(url, "SELECT to_regclass('half'), to_regclass('never'), count(*) FROM whole") == [(None, None, 0)]
    write({"shared/0002_after_b.sql": "CREATE TABLE half (x int);"})
    assert migrate(url, LATER, folder=folder) == ["public 0002 after", "public 0003 before", "public 0003 after"]


def test_a_table_in_use_is_not_waited_for_long(url: str, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write(GROUND)
    migrate(url, MADE_AT, folder=folder)
    write({"shared/0002_before_b.sql": "ALTER TABLE programme ADD b int;", "shared/0002_after_b.sql": ""})
    monkeypatch.setattr(runner, "LOCK_TIMEOUT", "50ms")
    with psycopg.connect(url) as reader:
        reader.execute("SELECT * FROM programme")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            migrate(url, LATER, folder=folder)
    assert migrate(url, LATER, folder=folder) == ["public 0002 before", "public 0002 after"]


def test_a_programmes_files_see_no_other_schema(url: str, write: Write) -> None:
    folder = write({**GROUND, "programme/0001_after_ground.sql": "SELECT * FROM programme;"})
    migrate(url, MADE_AT, folder=folder)
    with pytest.raises(psycopg.errors.UndefinedTable):
        programme(url, folder)


# ── programmes ───────────────────────────────────────────────────────────────────────────────────────────────────────

def test_a_programme_is_made_once(url: str, write: Write) -> None:
    folder = write(GROUND)
    migrate(url, MADE_AT, folder=folder)
    programme(url, folder)
    assert create_programme(url, "990000", "测试", "test", "9900", LATER, folder) == []
    assert ask(url, "SELECT * FROM programme") == [("990000", "测试", "test", "9900", "p_990000", MADE_AT)]
    with pytest.raises(ProgrammeRefused, match=r"code 990000 is that of 测试 \(test, 9900\)"):
        create_programme(url, "990000", "别的", "test", "9900", LATER, folder)


@pytest.mark.parametrize("code", ["", "99000", "9900000", "99000a", "９９００００", "990000\n", "p_9900", 'x"; --'])
def test_a_code_is_six_digits(code: str) -> None:
    with pytest.raises(ProgrammeRefused, match="write six digits"):
        create_programme("postgresql://nowhere.invalid/none", code, "测试", "test", "9900", MADE_AT)


def test_a_programme_is_there_whole_or_not_at_all(url: str, write: Write) -> None:
    folder = write({**GROUND, "programme/0001_after_ground.sql": "SELECT 1/0;"})
    migrate(url, MADE_AT, folder=folder)
    with pytest.raises(psycopg.errors.DivisionByZero):
        programme(url, folder)
    assert ask(url, "SELECT (SELECT count(*) FROM programme), to_regnamespace('p_990000')") == [(0, None)]


# ── two at once ──────────────────────────────────────────────────────────────────────────────────────────────────────

def at_once(work: Callable[[], list[str]], times: int = 4) -> list[list[str] | Exception]:
    """What each of several calls at the same time answered or raised."""
    def one() -> list[str] | Exception:
        try:
            return work()
        except psycopg.Error as error:
            return error
    with ThreadPoolExecutor(times) as pool:
        return [done.result() for done in [pool.submit(one) for _ in range(times)]]


def test_migrators_take_turns(url: str, write: Write) -> None:
    folder = write({**GROUND, "shared/0001_after_ground.sql": "SELECT pg_sleep(0.2);"})
    answers = at_once(lambda: migrate(url, MADE_AT, folder=folder))
    assert sorted(map(str, answers)) == ["['public 0001 before', 'public 0001 after']", "[]", "[]", "[]"]
    answers = at_once(lambda: programme(url, folder))
    assert sorted(map(str, answers)) == ["['p_990000 0001 before', 'p_990000 0001 after']", "[]", "[]", "[]"]


def test_without_the_lock_they_would_meet(url: str, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def not_alone(owner_url: str) -> Iterator[psycopg.Connection[Any]]:
        with connect_owner(owner_url) as connection:
            yield connection

    monkeypatch.setattr(runner, "_alone", not_alone)
    folder = write({**GROUND, "shared/0001_before_ground.sql": f"SELECT pg_sleep(0.2); {GROUND['shared/0001_before_ground.sql']}"})
    assert any(isinstance(answer, psycopg.Error) for answer in at_once(lambda: migrate(url, MADE_AT, folder=folder)))


def test_times_are_kept_to_the_microsecond(url: str, write: Write) -> None:
    at = datetime(2025, 12, 31, 16, 0, 0, 1, tzinfo=UTC)
    migrate(url, at, folder=write(GROUND))
    assert ask(url, "SELECT DISTINCT applied_at FROM migration") == [(at,)]
