"""Restoring a backup of the embedded server into a folder of its own, to a chosen instant, and taking erasures up again."""

import shutil
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import psycopg

from huibao.db.arrays import Int8s, register
from huibao.db.backup import SQL, Base, Home, Log, check_files, check_log, chosen, reach
from huibao.db.connect import connect_owner
from huibao.db.embedded import Embedded
from huibao.db.errors import BackupRefused, EmbeddedFailed

#: How long the log may take to be replayed.
PATIENCE_S: Final = 6 * 3600
_TOO_EARLY: Final = "recovery ended before configured recovery target was reached"


class Erasures(msgspec.Struct, frozen=True):
    """Who was erased by when, by programme."""

    as_of: datetime
    programmes: dict[str, list[int]]


def restore(home: Home, server: Embedded, to: datetime | None, keys: Mapping[str, str]) -> Base:
    """Lays the newest copy before `to` out in the folder of `server`, replays its log to there, and leaves it running.

    Everything is checked first: a folder that holds something, a copy or a log that is not whole, keys that are not those of its time,
    an instant that the log does not reach leave nothing behind. Raises `BackupRefused`.
    """
    if not is_empty(server.folder):
        raise BackupRefused(f"{server.folder} 不是空目录。恢复从不覆盖已有数据，请换一个空目录。",
                            f"{server.folder} is not empty, and a restore overwrites nothing: name an empty folder")
    base = chosen(home, to)
    _keys_of_its_time(base, keys)
    check_files(home.folder(base) / "data", base.label)
    log = check_log(home, base)
    if to is None and (log.missing_after or log.damaged):
        raise _not_whole(log, reach(home, server, log.segments))
    _lay_out(home, base, log.segments, server, to)
    try:
        server.recover(PATIENCE_S)
    except EmbeddedFailed as failed:
        if _TOO_EARLY in failed.en:
            _take_away(server)
            raise _out_of_reach(to, log, reach(home, server, log.segments)) from None
        raise
    _forget_how(server)
    return base


def _not_whole(log: Log, last: datetime | None) -> BackupRefused:
    """Without an instant, what came after would be missing unsaid."""
    zh, en = _why(log)
    return BackupRefused(f"备份不完整：{zh}。请找回该文件，或用 --to 恢复到早于 {_at(last)} 的任一时刻。",
                         f"the backup is not whole: {en}. Find the file, or name an instant before {_at(last)} with --to, which does not"
                         " need it")


def _out_of_reach(to: datetime | None, log: Log, last: datetime | None) -> BackupRefused:
    """The log ends before the instant, or a file keeps it from going on."""
    if log.missing_after or log.damaged:
        zh, en = _why(log)
        return BackupRefused(f"归档的日志到不了 {to}：{zh}。可以恢复到早于 {_at(last)} 的任一时刻；要到更晚，请找回该文件。",
                             f"the archived log does not reach {to}: {en}. Any instant before {_at(last)} can be restored; for a later one"
                             " find the file")
    return BackupRefused(f"归档的日志到不了 {to}：其中最后一笔提交在 {_at(last)}。请选更早的时刻，或不写 --to 恢复到最后一笔。",
                         f"the archived log does not reach {to}: its last commit was at {_at(last)}. Choose an earlier instant, or leave"
                         " --to out to restore up to its last")


def _why(log: Log) -> tuple[str, str]:
    if log.damaged:
        return f"日志 {log.damaged} 已损坏（与归档时不同）", f"segment {log.damaged} of the log is damaged: it is not what was archived"
    return f"缺少日志 {log.missing_after} 之后的一段", f"what comes after segment {log.missing_after} of the log is missing"


def _at(last: datetime | None) -> str:
    return str(last) if last else "第一笔提交 (the first commit)"


def _keys_of_its_time(base: Base, keys: Mapping[str, str]) -> None:
    """A key that is there must be the same; one that was destroyed since may be missing, and what it sealed stays shut."""
    if not any(keys.get(id) == fingerprint for id, fingerprint in base.keys.items()):
        raise BackupRefused("现有密钥文件不是这份备份所用的密钥，恢复后封存的内容都打不开。请用 HUIBAO_SECRETS 指明当时的密钥文件（须与备份分开保存）。",
                            "these are not the keys of this backup, and nothing sealed would open: name the file of its time in"
                            " HUIBAO_SECRETS; it is kept apart from the backup")


def _lay_out(home: Home, base: Base, segments: list[str], server: Embedded, to: datetime | None) -> None:
    server.make_private(server.folder)
    replay = server.folder / "replay"
    shutil.copytree(home.folder(base) / "data", server.data, symlinks=True)
    replay.mkdir()
    for segment in segments:
        shutil.copy2(home.wal / segment, replay / segment)
    settings = ["restore_command = 'cp \"" + str(replay).replace("'", "''").replace("%", "%%") + "/%f\" \"%p\"'",
                "recovery_target_action = 'promote'"]
    settings += [f"recovery_target_time = '{to.isoformat()}'"] if to is not None else []
    with (server.data / "postgresql.auto.conf").open("a", encoding="utf-8") as file:
        file.write("\n".join(("", *settings, "")))
    (server.data / "recovery.signal").touch()
    (server.data / "backup_manifest").unlink()
    for path in (server.data, replay):
        server.give(path)


def _take_away(server: Embedded) -> None:
    """The folder is empty again, as it was, so that another instant can be tried."""
    server.stop()
    for path in server.folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _forget_how(server: Embedded) -> None:
    """What led here is over: the server starts like any other from now on."""
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        for name in ("forget", "forget_target"):
            connection.execute(SQL[name])
    shutil.rmtree(server.folder / "replay")


# ── erasures ─────────────────────────────────────────────────────────────────────────────────────────────────────────

def note_erasures(url: str, home: Home) -> Erasures:
    """Writes down who is erased by now, with who was before: a list that only grows, and names nobody but by number."""
    known = read_erasures(home)
    with connect_owner(url, "huibao backup") as connection:
        found = {code: {*(known.programmes.get(code, ()) if known else ())} for code in _schemas(connection)}
        for code, schema in _schemas(connection).items():
            with connection.transaction():
                connection.execute(SQL["look"], {"schema": schema})
                found[code].update(row[0] for row in connection.execute(SQL["erased"]))
        [at] = connection.execute(SQL["now"]).fetchone() or (None,)
    assert isinstance(at, datetime), "the server knows what time it is"
    noted = Erasures(at, {code: sorted(people) for code, people in found.items()})
    draft = home.erasures.with_suffix(".new")
    draft.write_bytes(msgspec.json.encode(noted) + b"\n")
    draft.rename(home.erasures)
    return noted


def read_erasures(home: Home) -> Erasures | None:
    return msgspec.json.decode(home.erasures.read_bytes(), type=Erasures) if home.erasures.exists() else None


def erase_again(url: str, home: Home) -> tuple[int, Erasures]:
    """Takes the keys away of everybody on the list who has one again; how many had. Raises `BackupRefused` without a list."""
    noted = read_erasures(home)
    if noted is None:
        raise BackupRefused(f"{home.erasures} 不存在：不知道备份之后删除过谁的信息，请找回该文件后再执行 huibao restore --erasures-only。",
                            f"{home.erasures} is missing, so nobody knows who was erased since: find it, then run huibao restore"
                            " --erasures-only")
    count = 0
    with connect_owner(url, "huibao restore") as connection:
        register(connection)
        for code, schema in _schemas(connection).items():
            with connection.transaction():
                connection.execute(SQL["look"], {"schema": schema})
                people = Int8s(noted.programmes.get(code, []))
                count += len(connection.execute(SQL["erase"], {"people": people}).fetchall())
    return count, noted


def _schemas(connection: psycopg.Connection[Any]) -> dict[str, str]:
    [there] = connection.execute(SQL["programmes_there"]).fetchone() or (False,)
    return dict(connection.execute(SQL["schemas"]).fetchall()) if there else {}


def is_empty(folder: Path) -> bool:
    return not folder.exists() or not any(folder.iterdir())
