"""Numbered SQL in pairs: `before` runs before new code serves and leaves the old code working, `after` once the old is gone.

migrations/shared is for the schema public, migrations/programme for the schema of every programme. Each file is one
transaction and is recorded, with a digest of its text, in the table `migration` of the schema that it changed.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Final, Literal

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from huibao.db.connect import connect_owner
from huibao.db.errors import MigrationRefused, ProgrammeRefused

Phase = Literal["before", "after"]
PHASES: Final[tuple[Phase, ...]] = ("before", "after")

MIGRATIONS: Final[Traversable] = resources.files("huibao") / "db" / "migrations"

_FILE: Final = re.compile(r"(\d{4})_(before|after)_[a-z0-9_]+\.sql")
_CODE: Final = re.compile(r"[0-9]{6}")

#: Advisory locks are by number; this one is 惠保 in UTF-8.
_LOCK: Final = int.from_bytes("惠保".encode())

#: A table in use is waited for no longer than this: whoever comes after us waits behind us.
LOCK_TIMEOUT: Final = "10s"

_RECORD: Final = """
CREATE TABLE IF NOT EXISTS {} (
    number      integer NOT NULL,
    phase       text NOT NULL CHECK (phase IN ('before', 'after')),
    digest      bytea NOT NULL,
    applied_at  timestamptz NOT NULL,
    PRIMARY KEY (number, phase)
)"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: what it is called, where it stands in the order, and its text."""

    file: str
    number: int
    phase: Phase
    text: bytes

    @property
    def digest(self) -> bytes:
        return hashlib.sha256(self.text).digest()


def read(folder: Traversable) -> tuple[Migration, ...]:
    """The migrations of a folder in their order: 1 before, 1 after, 2 before … Raises `MigrationRefused` where it is broken."""
    found: dict[tuple[int, str], Migration] = {}
    for entry in folder.iterdir():
        match = _FILE.fullmatch(entry.name)
        if match is None:
            raise _refused(entry.name, "文件名应如 0001_before_ground.sql", "name it like 0001_before_ground.sql")
        phase: Phase = "before" if match[2] == "before" else "after"
        one = Migration(f"{folder.name}/{entry.name}", int(match[1]), phase, entry.read_bytes())
        if one.number == 0:
            raise _refused(one.file, "编号从 0001 开始", "numbers begin at 0001")
        if (twin := found.get((one.number, one.phase))) is not None:
            raise _refused(one.file, f"与 {twin.file} 编号相同", f"has the number of {twin.file}")
        if not re.match(rb"-- *\w", one.text):
            raise _refused(one.file, "第一行应是注释，说明为何需要", "begin with a comment that says why")
        found[one.number, one.phase] = one
    wanted = [(number, phase) for number in range(1, max((number for number, _ in found), default=0) + 1) for phase in PHASES]
    for number, phase in wanted:
        if (number, phase) not in found:
            raise _refused(f"{folder.name}/{number:04d}_{phase}_….sql", "缺少此文件：编号须连续，且成对",
                           "is missing: numbers have no gaps, and each has both")
    return tuple(found[key] for key in wanted)


def migrate(owner_url: str, at: datetime, until: Phase = "after", folder: Traversable = MIGRATIONS) -> list[str]:
    """Brings `public` and then every programme to the newest state; answers what was applied, such as "p_… 0002 before".

    `until="before"` applies each `before` that is missing and no `after`: old code goes on serving. Later, `until="after"`
    (which is also how a new database is made) applies the rest. So a `before` may build on those before it, and on an
    `after` of an earlier release only. Raises `MigrationRefused` where the files and the database disagree.
    """
    shared, programme = read(folder / "shared"), read(folder / "programme")
    with _alone(owner_url) as connection:
        applied = _apply(connection, "public", shared, until, at)
        for (schema,) in connection.execute("SELECT schema_name FROM public.programme ORDER BY schema_name").fetchall():
            applied += _apply(connection, schema, programme, until, at)
        return applied


def create_programme(
    owner_url: str, code: str, name: str, scheme: str, area: str, at: datetime, folder: Traversable = MIGRATIONS,
) -> list[str]:
    """Makes the programme's schema and all its tables, whole or not at all; one that is there already is only migrated.

    `code` is six digits. Raises `ProgrammeRefused` where it is not, or where the code is another programme's.
    """
    if not _CODE.fullmatch(code):
        raise ProgrammeRefused(f"项目代码“{code}”无效，请写六位数字。", f"{code!r} is no programme's code: write six digits")
    schema = f"p_{code}"
    migrations = read(folder / "programme")
    with _alone(owner_url) as connection, connection.transaction():
        known = connection.execute("SELECT name, scheme, area FROM public.programme WHERE code = %s", [code]).fetchone()
        if known is None:
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
            connection.execute(
                "INSERT INTO public.programme (code, name, scheme, area, schema_name, created_at) VALUES (%s, %s, %s, %s, %s, %s)",
                [code, name, scheme, area, schema, at])
        elif known != (name, scheme, area):
            raise ProgrammeRefused(f"项目代码 {code} 已由“{known[0]}”使用，请另选代码。",
                                   f"code {code} is that of {known[0]} ({known[1]}, {known[2]}): choose another")
        return _apply(connection, schema, migrations, "after", at)


@contextmanager
def _alone(owner_url: str) -> Iterator[psycopg.Connection[TupleRow]]:
    """The owner's connection, one migrator at a time: the lock is the session's and ends with it."""
    with connect_owner(owner_url, "huibao migrate") as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        yield connection


def _apply(connection: psycopg.Connection[TupleRow], schema: str, migrations: Sequence[Migration], until: Phase, at: datetime) -> list[str]:
    record = sql.Identifier(schema, "migration")
    connection.execute(sql.SQL(_RECORD).format(record))
    applied = {(number, phase): digest for number, phase, digest in
               connection.execute(sql.SQL("SELECT number, phase, digest FROM {}").format(record))}
    missing = []
    for one in migrations:
        known = applied.get((one.number, one.phase))
        if known is None and one.phase in PHASES[:PHASES.index(until) + 1]:
            missing.append(one)
        elif known not in {None, one.digest}:
            raise _refused(one.file, f"在 {schema} 执行之后被改动过：请恢复原文，另写新的迁移",
                           f"changed after it was applied to {schema}: restore its text and write a new migration")
    for one in missing:
        with connection.transaction():
            connection.execute(sql.SQL("SET LOCAL search_path TO {}").format(sql.Identifier(schema)))
            connection.execute(sql.SQL("SET LOCAL lock_timeout TO {}").format(LOCK_TIMEOUT))
            try:
                connection.execute(one.text)
            except psycopg.Error as error:
                error.add_note(f"in {one.file}, for {schema}")
                raise
            connection.execute(sql.SQL("INSERT INTO {} VALUES (%s, %s, %s, %s)").format(record),
                               [one.number, one.phase, one.digest, at])
    return [f"{schema} {one.number:04d} {one.phase}" for one in missing]


def _refused(file: str, zh: str, en: str) -> MigrationRefused:
    return MigrationRefused(f"迁移文件 {file}：{zh}。", f"migration {file}: {en}")
