"""Backups of the embedded server: a base copy taken while it serves, and every segment of its log as it is finished.

A home of backups holds

    base/20261122T114530Z/data      a whole copy, with PostgreSQL's own manifest of every file
    base/20261122T114530Z/base.json what it is: of which server, since which segment, when it was finished, under which keys
    wal/                            segments of the log, each with its SHA-256
    erasures.json                   who was erased, so that a restore to an earlier instant does not bring anybody back

It gets its name once it is whole, so what was cut short is no backup. The keys are never in it: kept apart, a copy alone opens
nothing, and a master key that is destroyed takes with it what was erased before it was.
"""

import hashlib
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from time import perf_counter, sleep
from typing import Any, Final

import msgspec
import psycopg

from huibao.db import sqlfile
from huibao.db.embedded import Embedded
from huibao.db.errors import BackupRefused

SQL: Final = sqlfile.load("huibao.db")

#: How long a segment may take to be archived.
ARCHIVE_PATIENCE_S: Final = 60
#: A transaction that ended, and when by the server's clock; programs of PostgreSQL run in UTC here.
_ENDED: Final = re.compile(r"desc: (?:COMMIT|ABORT) (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}) UTC")
_SEGMENT_NAME: Final = 24
_PER_LOG: Final = 256

#: Copies a finished segment under another name, and gives it its own once it is on disk with its digest. One that is there already
#: must be the same: two servers never share a home.
_ARCHIVER: Final = """#!/bin/sh
set -e
to={to}/"$2"
if [ -e "$to" ]; then exec cmp -s "$1" "$to"; fi
cp "$1" "$to.part"
sha256sum < "$to.part" > "$to.sha256"
sync "$to.part" "$to.sha256"
mv "$to.part" "$to"
sync {to}
"""


class Base(msgspec.Struct, frozen=True):
    """One base copy. `first` is the segment from which on the log is needed, `keys` fingerprints of the master keys by id."""

    label: str
    system: str
    timeline: int
    first: str
    finished_at: datetime
    keys: dict[str, str]


@dataclass(frozen=True, slots=True)
class Home:
    """A folder of backups."""

    path: Path

    @property
    def wal(self) -> Path:
        return self.path / "wal"

    @property
    def erasures(self) -> Path:
        return self.path / "erasures.json"

    def folder(self, base: Base) -> Path:
        return self.path / "base" / base.label

    def bases(self) -> list[Base]:
        """The whole ones, oldest first."""
        found = [msgspec.json.decode(file.read_bytes(), type=Base) for file in (self.path / "base").glob("*Z/base.json")]
        return sorted(found, key=lambda base: base.finished_at)

    def segments(self) -> list[str]:
        return sorted(file.name for file in self.wal.iterdir() if len(file.name) == _SEGMENT_NAME and "." not in file.name)


def take(server: Embedded, home: Home, keys: Mapping[str, str], keep: int | None = None, *, may_restart: bool = False) -> Base:
    """A base copy of a running server, whole and checked, and from now on its log. Raises `BackupRefused`."""
    for folder in (home.path, home.path / "base", home.wal):
        server.make_private(folder)
    with psycopg.connect(server.url(), autocommit=True) as connection:
        system, timeline, mode, at = _one(connection, "server")
    if mode != "on":
        if not may_restart:
            raise BackupRefused("数据库启动时尚未开启归档，请加 --restart 重启一次数据库（服务会自动重新连接）。",
                                "the server was started without archiving: say --restart to restart it once (the service reconnects)")
        server.stop()
        server.start()
    _same_server(home, system, timeline)
    _archive_to(server, home)
    base = _copy(server, home, at, system, timeline, keys)
    if keep is not None:
        _forget(home, keep)
    return base


def _same_server(home: Home, system: str, timeline: int) -> None:
    for base in home.bases():
        if (base.system, base.timeline) != (system, timeline):
            raise BackupRefused(f"{home.path} 里是另一个数据库（或恢复之前的本库）的备份，请换一个空目录。",
                                f"{home.path} has backups of another server, or of this one before it was restored: name an empty folder")


def _archive_to(server: Embedded, home: Home) -> None:
    """From now on finished segments go there."""
    draft = server.archiver.with_suffix(".new")
    draft.write_text(_ARCHIVER.format(to=_quoted(home.wal)), "utf-8")
    server.give(draft)
    draft.rename(server.archiver)


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "'\\''") + "'"


def _copy(server: Embedded, home: Home, at: datetime, system: str, timeline: int, keys: Mapping[str, str]) -> Base:
    label = f"{at:%Y%m%dT%H%M%SZ}"
    if (home.path / "base" / label).exists():
        raise BackupRefused(f"{label} 的备份已在，请过一秒再试。", f"there is a copy of {label} already: try again in a second")
    unfinished = home.path / "base" / f"{label}.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    server.make_private(unfinished)
    ran = server.run("pg_basebackup", f"--pgdata={unfinished / 'data'}", f"--dbname={server.url('postgres')}", "--wal-method=stream",
                     "--checkpoint=fast", "--manifest-checksums=SHA256", "--no-password", f"--label={label}")
    if ran.returncode != 0:
        raise BackupRefused(f"备份没有完成：{ran.stderr.strip()}。请检查磁盘空间后重新备份。",
                            f"the copy was not finished: {ran.stderr.strip()}; see whether the disk is full, and run it again")
    with psycopg.connect(server.url(), autocommit=True) as connection:
        await_archived(connection, home)
        [finished] = _one(connection, "now")
    base = Base(label, system, timeline, _first_segment(unfinished / "data"), finished, dict(keys))
    (unfinished / "base.json").write_bytes(msgspec.json.format(msgspec.json.encode(base)) + b"\n")
    check_files(unfinished / "data", label)
    unfinished.rename(home.path / "base" / label)
    return base


def await_archived(connection: psycopg.Connection[Any], home: Home) -> None:
    """Everything that was done so far is in the home. Raises `BackupRefused` where it does not get there."""
    [segment] = _one(connection, "switch")
    began = perf_counter()
    while not (home.wal / segment).exists():
        if perf_counter() - began > ARCHIVE_PATIENCE_S:
            raise BackupRefused(f"日志没有归档到 {home.wal}，请检查目录权限和磁盘空间，然后重新备份。",
                                f"the log does not get to {home.wal}: see who may write there and whether the disk is full, and run it"
                                " again")
        sleep(0.05)


def number_of(segment: str) -> int:
    """The place of a segment on its timeline."""
    return int(segment[8:16], 16) * _PER_LOG + int(segment[16:], 16)


def _first_segment(data: Path) -> str:
    """The segment from which on a copy needs the log."""
    line = (data / "backup_label").read_text("ascii").split("\n", 1)[0]
    return line.rpartition("(file ")[2].rstrip(")")


def _forget(home: Home, keep: int) -> None:
    """Older copies than the newest `keep`, and the log before the oldest that stays."""
    *old, = home.bases()[:-keep]
    for base in old:
        shutil.rmtree(home.folder(base))
    first = home.bases()[0].first
    for file in home.wal.iterdir():
        if file.name[:_SEGMENT_NAME] < first and "history" not in file.name:
            file.unlink()


def _one(connection: psycopg.Connection[Any], name: str) -> tuple[Any, ...]:
    row = connection.execute(SQL[name]).fetchone()
    assert row is not None, f"{name} always has a row"
    return tuple(row)


# ── whether it is whole ──────────────────────────────────────────────────────────────────────────────────────────────

def check_files(data: Path, label: str) -> None:
    """Every file of a copy is there and is what the server's own manifest says. Raises `BackupRefused`, with the first that is not."""
    try:
        manifest = msgspec.json.decode((data / "backup_manifest").read_bytes())
        for file in manifest["Files"]:
            path = data / (file["Path"] if "Path" in file else bytes.fromhex(file["Encoded-Path"]).decode(errors="surrogateescape"))
            if _sha256(path) != file["Checksum"]:
                raise _damaged(label, path.relative_to(data).as_posix())
    except FileNotFoundError as gone:
        raise _damaged(label, Path(gone.filename).name) from None
    except (msgspec.DecodeError, KeyError):
        raise _damaged(label, "backup_manifest") from None


@dataclass(frozen=True, slots=True)
class Log:
    """The segments from the first that a copy needs, each as it was archived, up to the first that is missing or damaged; which of the
    two is the matter with what comes after them, and with which segment, where something is.
    """

    segments: list[str]
    missing_after: str | None = None
    damaged: str | None = None


def check_log(home: Home, base: Base) -> Log:
    """How far the log of a copy is whole. Raises `BackupRefused` where it is not at all.

    A home that takes turns with another misses the log of each turn of the other.
    """
    found = [segment for segment in home.segments() if segment >= base.first and segment[:8] == base.first[:8]]
    if not found or found[0] != base.first or not _is_same(home, base.first):
        raise _damaged(base.label, base.first)
    for n, (before, segment) in enumerate(pairwise(found), 1):
        if number_of(segment) != number_of(before) + 1:
            return Log(found[:n], missing_after=before)
        if not _is_same(home, segment):
            return Log(found[:n], damaged=segment)
    return Log(found)


def _is_same(home: Home, segment: str) -> bool:
    """Whether a segment is what was archived."""
    digest = home.wal / f"{segment}.sha256"
    return digest.exists() and digest.read_text("ascii").split(" ", 1)[0] == _sha256(home.wal / segment)


def reach(home: Home, server: Embedded, segments: Sequence[str]) -> datetime | None:
    """When the last commit or abort in these segments was; any instant before leads somewhere. None where there is none."""
    for segment in reversed(segments):
        with tempfile.TemporaryDirectory(prefix="huibao-") as name:
            copy = Path(name) / segment
            shutil.copy2(home.wal / segment, copy)
            server.give(copy.parent)
            # Its last record may go on in the next segment, of which it complains: what it read before counts.
            said = server.run("pg_waldump", "--rmgr=Transaction", str(copy), folder=copy.parent).stdout
        ended = _ENDED.findall(said)
        if ended:
            return datetime.fromisoformat(ended[-1]).replace(tzinfo=UTC)
    return None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _damaged(label: str, file: str) -> BackupRefused:
    return BackupRefused(f"备份 {label} 已损坏：文件 {file} 缺少或与备份时不同，未恢复任何数据。请换一份备份，或找回该文件。",
                         f"backup {label} is damaged: {file} is missing or is not what it was, and nothing was restored; take another"
                         " backup, or find the file")


def chosen(home: Home, to: datetime | None) -> Base:
    """The newest copy that was finished by an instant. Raises `BackupRefused` where there is none."""
    bases = home.bases() if (home.path / "base").is_dir() else []
    if not bases:
        raise BackupRefused(f"{home.path} 里没有完整的备份，请核对目录。", f"there is no whole backup in {home.path}: look at the folder's name")
    usable = [base for base in bases if to is None or base.finished_at <= to]
    if not usable:
        raise BackupRefused(f"最早的备份完成于 {bases[0].finished_at}，不能恢复到更早的 {to}。",
                            f"the oldest copy was finished at {bases[0].finished_at}: nothing leads back to {to}")
    return usable[-1]
