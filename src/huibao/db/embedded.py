"""A PostgreSQL of our own on this machine, for development, tests and demos: no configuration, no TCP port, no password.

It runs detached and outlives the process that started it. Production uses a server that people look after (DATABASE_URL).
Linux only: which processes belong to a data folder is read from /proc.
"""

import fcntl
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from pwd import struct_passwd
from time import perf_counter, sleep
from typing import Final
from urllib.parse import quote

import psycopg
from psycopg import sql

from huibao.db import programs
from huibao.db.errors import EmbeddedFailed

#: How long a start waits for what a killed server left behind, or for one that is recovering.
PATIENCE_SECONDS: Final = 60

DATABASE: Final = "huibao"

_PORT: Final = 5432
_SOCKET: Final = f".s.PGSQL.{_PORT}"
#: A socket's address holds 108 bytes, the last of them zero.
_SOCKET_PATH_BYTES: Final = 107

#: Collation "C" is the same on every machine and in every version; what people see sorted is sorted in Python.
_INITDB: Final = ("--username=postgres", "--encoding=UTF8", "--locale=C", "--auth-local=trust", "--auth-host=reject")

_SETTINGS: Final = {
    "port": _PORT,
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "max_connections": 100,
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    # Nothing is archived until a backup says where to (`backup`). What is done waits a minute at most, so that no more can be lost.
    "archive_mode": "on",
    "archive_timeout": "60s",
    # No person's data in the server's log: an error's text and detail quote values, and its statement holds them. Whoever met
    # the error reports it; the log keeps what the server does (LOG) and what ends a session (FATAL), without its statement.
    "log_min_messages": "log",
    "log_statement": "none",
    "log_min_error_statement": "panic",
    "log_parameter_max_length_on_error": 0,
}


def default_folder(version: int = 18) -> Path:
    """Where the server of this machine keeps its data: root's under /var/lib, anyone else's in the data home."""
    if os.geteuid() == 0:
        return programs.HOME / f"pg{version}"
    data_home = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data_home) / "huibao" / f"pg{version}"


class Embedded:
    """The server whose data is in `folder`. `binaries` holds `postgres`, `initdb`, `pg_ctl`; else the wheel's."""

    def __init__(self, folder: Path, version: int = 18, binaries: Path | None = None) -> None:
        self.folder = folder.resolve()
        self.data = self.folder / "data"
        self.log = self.folder / "server.log"
        self._version = version
        self._given = binaries

    def start(self) -> None:
        """Leaves a server that answers, whatever was there: nothing, a running one, a starting one, what a killed one left.

        Raises `EmbeddedFailed` with the end of the server's log.
        """
        with self._alone():
            self._make_cluster()
            self.make_private(self._socket_folder)
            began = perf_counter()
            while not self.running():
                if perf_counter() - began > PATIENCE_SECONDS:
                    raise self._failed("未能就绪", f"is not ready after {PATIENCE_SECONDS} s")
                if self._processes():
                    # Starting, recovering, stopping, or backends that have yet to notice that their postmaster was killed:
                    # while one of them lives, a new server could not be sure to be alone with the data.
                    sleep(0.02)
                else:
                    self._launch()
            self._make_database()

    def stop(self) -> None:
        """Ends the server, if it runs, after rolling back what is under way."""
        if self.folder.exists():
            with self._alone():
                if self.postmaster() is not None:
                    self._control("stop", "--mode=fast")
                    if self._socket_folder != self.folder:
                        self._socket_folder.rmdir()

    def recover(self, patience_s: int) -> None:
        """Starts a server whose folder was restored, and returns once it has replayed what it should and takes writes.

        Raises `EmbeddedFailed` with the end of its log where it gives up, or is not done in time.
        """
        with self._alone():
            self.make_private(self._socket_folder)
            began = perf_counter()
            with suppress(EmbeddedFailed):             # not ready within a minute is no failure here: it may have much to replay
                self._launch()
            while not self._takes_writes():
                if not self._processes():
                    raise self._failed("恢复未能完成", "gave up recovering")
                if perf_counter() - began > patience_s:
                    raise self._failed("恢复仍未完成", f"is still recovering after {patience_s} s")
                sleep(0.05)

    def _takes_writes(self) -> bool:
        try:
            with psycopg.connect(self.url("postgres"), connect_timeout=5) as connection:
                row = connection.execute("SELECT pg_is_in_recovery()").fetchone()
                return row is not None and not row[0]
        except psycopg.OperationalError:
            return False

    def running(self) -> bool:
        """Whether the server answers. Its postmaster must live too: a backend may outlive a killed one for a moment."""
        try:
            psycopg.connect(self.url("postgres"), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return self.postmaster() is not None

    def postmaster(self) -> int | None:
        """The number of the server's first process, or None where it is dead, be it a zombie."""
        try:
            number = int((self.data / "postmaster.pid").read_text("ascii").split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return None
        return number if number in self._processes() else None

    def url(self, database: str = DATABASE) -> str:
        """The owner's way in, through the socket's folder: its permissions are the only lock, so only root and the owner pass."""
        return f"postgresql://postgres@/{quote(database)}?host={quote(str(self._socket_folder), safe='')}&port={_PORT}"

    @cached_property
    def binaries(self) -> Path:
        """The folder of `pg_ctl`, `psql`, `pgbench` …, where the server's user can run them. Raises `EmbeddedFailed`."""
        return self._given or programs.runnable_binaries(self._version, self._account)

    @cached_property
    def _account(self) -> struct_passwd | None:
        return programs.account()

    @property
    def _socket_folder(self) -> Path:
        """The folder itself, or where its path is too long for a socket a short one that belongs to it alone."""
        if len(os.fsencode(self.folder / _SOCKET)) <= _SOCKET_PATH_BYTES:
            return self.folder
        return Path(tempfile.gettempdir()) / f"huibao-{blake2b(os.fsencode(self.folder), digest_size=8).hexdigest()}"

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One start or stop at a time, over all processes of this machine."""
        self.make_private(self.folder)
        handle = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def make_private(self, folder: Path) -> None:
        """`folder` for the server's user alone. One that holds something is never changed: it is the user's already, or refused."""
        for parent in reversed(folder.parents):
            if not parent.exists():
                parent.mkdir(exist_ok=True)
                if self._account:
                    parent.chmod(0o755)  # whatever root's umask is: the server's user must pass
        folder.mkdir(mode=0o700, exist_ok=True)
        ours = self._account.pw_uid if self._account else os.geteuid()
        owner = folder.lstat().st_uid
        if folder.is_symlink() or (owner != ours and (owner != os.geteuid() or any(folder.iterdir()))):
            raise EmbeddedFailed(f"目录 {folder} 另有用途，请换一个目录（HUIBAO_DATA），或设置 DATABASE_URL。",
                                 f"{folder} is in use by others: name another folder (HUIBAO_DATA), or set DATABASE_URL")
        if not any(folder.iterdir()):
            if self._account:
                os.chown(folder, self._account.pw_uid, self._account.pw_gid)
            folder.chmod(0o700)

    def give(self, path: Path) -> None:
        """What we made belongs to the server's user, with everything in it, and to nobody else."""
        for one in (path, *path.rglob("*")):
            if self._account:
                os.chown(one, self._account.pw_uid, self._account.pw_gid, follow_symlinks=False)
            if not one.is_symlink():
                one.chmod(0o700 if one.is_dir() else 0o600)

    def _make_cluster(self) -> None:
        """The data folder, when new. It gets its name once it is whole, so a start that was cut short leaves nothing to trip over."""
        if self.data.exists():
            return
        unfinished = self.folder / "data.unfinished"
        if unfinished.exists():
            shutil.rmtree(unfinished)
        ran = self.run("initdb", f"--pgdata={unfinished}", *_INITDB)
        if ran.returncode != 0:
            raise EmbeddedFailed(f"无法在 {self.folder} 建立数据库：{ran.stderr.strip()}",
                                 f"cannot make a database in {self.folder}: {ran.stderr.strip()}")
        unfinished.rename(self.data)

    def _launch(self) -> None:
        # No process of this data folder lives, so these were left by a killed server. PostgreSQL alone would take a zombie,
        # or a later process with the same number, for that server and refuse.
        for left in (self.data / "postmaster.pid", self._socket_folder / f"{_SOCKET}.lock"):
            left.unlink(missing_ok=True)
        settings = {**_SETTINGS, "unix_socket_directories": str(self._socket_folder), "archive_command": self._archive_command}
        options = shlex.join(f"--{name}={value}" for name, value in settings.items())
        self._control("start", f"--log={self.log}", f"--options={options}")

    @property
    def archiver(self) -> Path:
        """The script that archives, where there is one; what it is given is a segment's path and name."""
        return self.folder / "archive.sh"

    @property
    def _archive_command(self) -> str:
        script = shlex.quote(str(self.archiver)).replace("%", "%%")
        return f'test ! -e {script} || /bin/sh {script} "%p" "%f"'

    def _control(self, what: str, *arguments: str) -> None:
        ran = self.run("pg_ctl", what, "--wait", f"--timeout={PATIENCE_SECONDS}", f"--pgdata={self.data}", *arguments)
        if ran.returncode != 0:
            raise self._failed(f"pg_ctl {what} 失败", f"pg_ctl {what} failed: {ran.stderr.strip()}")

    def run(self, program: str, *arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
        """A program of PostgreSQL as its user. The server outlives us, so it inherits nothing of our environment: no secret, no PGPORT."""
        user = self._account
        uid, gid, groups = (user.pw_uid, user.pw_gid, ()) if user else (None, None, None)
        return subprocess.run(  # noqa: S603 (a program of PostgreSQL)
            [self.binaries / program, *arguments], capture_output=True, text=True, check=False, cwd=folder or self.folder,
            env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}, umask=0o077, user=uid, group=gid, extra_groups=groups)

    def _processes(self) -> set[int]:
        """The living processes of this server: a PostgreSQL works in its data folder; a dead one, be it a zombie, works nowhere."""
        found = set()
        for process in Path("/proc").iterdir():
            with suppress(OSError):  # it ended meanwhile, or is somebody else's
                if process.name.isdecimal() and (process / "cwd").readlink() == self.data \
                        and (process / "exe").readlink().name.startswith("postgres"):
                    found.add(int(process.name))
        return found

    def _make_database(self) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
            if known is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))

    def _failed(self, zh: str, en: str) -> EmbeddedFailed:
        said = self.log.read_text("utf-8", "replace").splitlines()[-5:] if self.log.exists() else []
        end = "".join(f"\n    {line}" for line in said)
        return EmbeddedFailed(f"随附的 PostgreSQL（{self.folder}）{zh}。", f"the server in {self.folder}: {en}{end}")
