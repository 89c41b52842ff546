"""What the migrations of this package say, and that they lead to one schema on every server and in either order."""

import re
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest

from huibao.db.migrate import MIGRATIONS, create_programme, migrate, read
from tests.database import MADE_AT, new_database, server

DEBIAN: Final = Path("/usr/lib/postgresql/15/bin")

#: What was released stays as it is: a database that has it refuses another text. The first 16 digits of its SHA-256.
RELEASED: Final = {
    "shared/0001_before_ground.sql":    "8b5c7c8521ee32ad",
    "shared/0001_after_ground.sql":     "268db7dd4c6313e3",
    "shared/0002_before_desk.sql":      "471912133a6d3426",
    "shared/0002_after_desk.sql":       "66f1eca750af9968",
    "programme/0001_before_ground.sql": "73c697d76c79670f",
    "programme/0001_after_ground.sql":  "268db7dd4c6313e3",
    "programme/0002_before_desk.sql":   "c3d9a15198571b38",
    "programme/0002_after_desk.sql":    "c14b7bd16f0277ee",
    "programme/0003_before_around.sql": "54a42c3a93f39a63",
    "programme/0003_after_around.sql":  "0f50fb85a3aba28d",
}

FILES = [(folder, one.file, one.text.decode("utf-8")) for folder in ("shared", "programme") for one in read(MIGRATIONS / folder)]

#: What no migration may contain, in which folder, and why.
BANNED: Final = [
    # name                     folders                   pattern
    ("a trigger",              "shared programme",       r"\btrigger\b"),           # Citus has none on such tables
    ("a clock",                "shared programme",       r"\b(now|clock_timestamp|statement_timestamp|transaction_timestamp|timeofday)\s*\("),
    ("a clock",                "shared programme",       r"\b(current_(date|time|timestamp)|localtime(stamp)?)\b"),  # `at` comes with the command
    ("MERGE",                  "shared programme",       r"\bmerge\b"),
    ("the end of a transaction", "shared programme",     r"^\s*(begin\s*;|(commit|rollback|abort|start\s+transaction)\b)"),
    ("a file half done",       "shared programme",       r"\bconcurrently\b"),      # cannot run in a transaction
    ("an unlogged table",      "shared programme",       r"\bunlogged\b"),          # empty after a crash
    ("another search path",    "shared programme",       r"\bsearch_path\b"),       # the runner's affair
    ("a programme's name",     "shared programme",       r"\bp_\d{6}\b"),
    ("a key to public",        "programme",              r"\breferences\s+\"?public\b"),
    ("another schema",         "programme",              r"\bpublic\s*\."),         # a programme can move to another node
]


def offences(folder: str, text: str) -> list[str]:
    """The banned things that a migration's statements contain; what its comments say is free."""
    said = re.sub(r"--[^\n]*|/\*.*?\*/", " ", text, flags=re.DOTALL)
    return [name for name, folders, pattern in BANNED
            if folder in folders.split() and re.search(pattern, said, re.IGNORECASE | re.MULTILINE)]


PLANTED = [
    # folder        what a migration says                                                      what it is
    ("shared",      "CREATE TRIGGER t BEFORE INSERT ON a EXECUTE FUNCTION f();",               ["a trigger"]),
    ("programme",   "CREATE CONSTRAINT  TRIGGER t AFTER INSERT ON a EXECUTE FUNCTION f();",    ["a trigger"]),
    ("programme",   "CREATE TABLE a (at timestamptz DEFAULT now());",                          ["a clock"]),
    ("programme",   "CREATE TABLE a (at timestamptz DEFAULT\n  clock_timestamp ());",          ["a clock"]),
    ("shared",      "CREATE TABLE a (on_day date DEFAULT CURRENT_DATE);",                      ["a clock"]),
    ("shared",      "CREATE VIEW a AS SELECT current_timestamp;",                              ["a clock"]),
    ("programme",   "MERGE INTO a USING b ON true WHEN MATCHED THEN DELETE;",                  ["MERGE"]),
    ("programme",   "CREATE TABLE a (x int);\nCOMMIT;",                                        ["the end of a transaction"]),
    ("shared",      "BEGIN;\nSELECT 1;",                                                       ["the end of a transaction"]),
    ("programme",   "CREATE INDEX CONCURRENTLY i ON a (x);",                                   ["a file half done"]),
    ("programme",   "CREATE UNLOGGED TABLE a (x int);",                                        ["an unlogged table"]),
    ("programme",   "SET search_path TO public;",                                              ["another search path"]),
    ("shared",      "SELECT * FROM p_990000.person;",                                          ["a programme's name"]),
    ("programme",   "CREATE TABLE a (x text REFERENCES public.insurer);",                      ["a key to public", "another schema"]),
    ("programme",   'CREATE TABLE a (x text REFERENCES "public"."insurer");',                  ["a key to public"]),
    ("programme",   "CREATE VIEW a AS SELECT * FROM public.insurer;",                          ["another schema"]),
    ("shared",      "GRANT USAGE ON SCHEMA public TO a; CREATE TABLE public.b (x int);",       []),
    ("programme",   "-- no trigger, no now(), no MERGE\nCREATE TABLE a (x int REFERENCES b);", []),
    ("shared",      "DO $$\nBEGIN\n    CREATE ROLE a;\nEND $$;",                               []),
]


@pytest.mark.parametrize(("folder", "file", "text"), FILES, ids=[file for _, file, _ in FILES])
def test_nothing_banned_is_in_a_migration(folder: str, file: str, text: str) -> None:
    assert offences(folder, text) == []


@pytest.mark.parametrize(("folder", "text", "found"), PLANTED)
def test_a_planted_offender_is_caught(folder: str, text: str, found: list[str]) -> None:
    assert offences(folder, text) == found


def test_every_ban_has_its_offender() -> None:
    assert {name for name, _, _ in BANNED} == {name for _, _, found in PLANTED for name in found}


@pytest.mark.parametrize(("folder", "file", "text"), FILES, ids=[file for _, file, _ in FILES])
def test_a_migration_begins_with_its_why(folder: str, file: str, text: str) -> None:
    assert re.match(r"-- Why: \w.{20,}", text)


def test_what_was_released_is_not_edited() -> None:
    there = {one.file: one.digest.hex()[:16] for folder in ("shared", "programme") for one in read(MIGRATIONS / folder)}
    assert {file: there.get(file) for file in RELEASED} == RELEASED


# ── one schema, everywhere and in either order ───────────────────────────────────────────────────────────────────────

_SHAPE: Final = """
SELECT 'column', table_schema || '.' || table_name, column_name, data_type || ' ' || is_nullable || ' ' || coalesce(column_default, '')
  FROM information_schema.columns WHERE table_schema !~ '^(pg_|information_schema)'
UNION ALL
SELECT 'index', schemaname || '.' || tablename, indexname, indexdef FROM pg_indexes WHERE schemaname !~ '^pg_'
UNION ALL
SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid)
  FROM pg_constraint WHERE conrelid <> 0 AND contype <> 'n' AND connamespace::regnamespace::text !~ '^(pg_|information_schema)'
UNION ALL
SELECT 'right', table_schema || '.' || table_name, column_name, privilege_type
  FROM information_schema.column_privileges WHERE grantee = 'huibao_service'
ORDER BY 1, 2, 3, 4"""


def shape(url: str) -> list[tuple[Any, ...]]:
    """Columns, indexes, constraints and the service's rights in every schema of ours."""
    with psycopg.connect(url) as connection:
        return connection.execute(_SHAPE).fetchall()


@pytest.fixture(scope="module")
def newest(pg_url: str) -> list[tuple[Any, ...]]:
    """What the migrations lead to in a new database on the server for tests."""
    with new_database(pg_url, "huibao_newest") as url:
        migrate(url, MADE_AT)
        create_programme(url, "990000", "测试", "test", "9900", MADE_AT)
        return shape(url)


@pytest.mark.parametrize(("version", "binaries"), [(18, None), (16, None), (15, DEBIAN)])
def test_every_server_gets_the_same_schema(version: int, binaries: Path | None, newest: list[tuple[Any, ...]]) -> None:
    if binaries and not binaries.exists():
        pytest.skip(f"PostgreSQL {version} of Debian is not installed here")
    with server(version, binaries) as other:
        url = other.url()
        assert migrate(url, MADE_AT) != []
        assert create_programme(url, "990000", "测试", "test", "9900", MADE_AT) != []
        assert migrate(url, MADE_AT) == []
        with psycopg.connect(url) as connection:
            assert connection.info.server_version // 10_000 == version
        assert shape(url) == newest


def test_an_upgrade_leads_where_a_new_database_starts(pg_url: str, newest: list[tuple[Any, ...]]) -> None:
    with new_database(pg_url, "huibao_upgraded") as url:
        migrate(url, MADE_AT, until="before")
        create_programme(url, "990000", "测试", "test", "9900", MADE_AT)
        migrate(url, MADE_AT, until="after")
        assert shape(url) == newest


def test_a_database_of_the_last_release_becomes_the_newest(pg_url: str, tmp_path: Path, newest: list[tuple[Any, ...]]) -> None:
    for file in RELEASED:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_bytes((MIGRATIONS / file).read_bytes())
    with new_database(pg_url, "huibao_released") as url:
        migrate(url, MADE_AT, folder=tmp_path)
        create_programme(url, "990000", "测试", "test", "9900", MADE_AT, tmp_path)
        assert shape(url) != newest
        assert [said for said in migrate(url, MADE_AT) if " 0004 " not in said] == []
        assert shape(url) == newest


def test_a_planted_dependence_on_the_order_is_seen(pg_url: str, tmp_path: Path) -> None:
    for folder, file, text in [
        ("shared",    "0001_before_a.sql", "-- Why: a.\nCREATE TABLE programme (schema_name text); CREATE TABLE a (old int);"),
        ("shared",    "0001_after_a.sql",  "-- Why: old is gone.\nALTER TABLE a DROP old;"),
        ("shared",    "0002_before_a.sql", "-- Why: asks for what 0001 after did.\nALTER TABLE a ADD IF NOT EXISTS old int;"),
        ("shared",    "0002_after_a.sql",  "-- Why: nothing.\n"),
        ("programme", "0001_before_a.sql", "-- Why: nothing.\n"),
        ("programme", "0001_after_a.sql",  "-- Why: nothing.\n"),
    ]:
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / file).write_text(text, "utf-8")
    with new_database(pg_url, "huibao_at_once") as at_once, new_database(pg_url, "huibao_in_two") as in_two:
        migrate(at_once, MADE_AT, folder=tmp_path)
        migrate(in_two, MADE_AT, "before", tmp_path)
        migrate(in_two, MADE_AT, "after", tmp_path)
        assert shape(at_once) != shape(in_two)
