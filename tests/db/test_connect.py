"""Connections: what the service's may do, and what is said where none can be had."""

import asyncio
from types import SimpleNamespace
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg import sql
from psycopg.abc import Query

from huibao.db import connect
from huibao.db.connect import connect_owner, connect_service
from huibao.db.errors import DatabaseUnreachable
from tests.database import MakeProgramme, new_database


def as_service(url: str, statement: Query) -> tuple[Any, ...] | None:
    """The first row that the statement answers to the service."""
    async def ask() -> tuple[Any, ...] | None:
        async with await connect_service(url) as connection:
            return await (await connection.execute(statement)).fetchone()
    return asyncio.run(ask())


@pytest.mark.parametrize(("statement", "answer"), [
    ("SELECT current_user::text",       ("huibao_service",)),
    ("SHOW timezone",                   ("UTC",)),
    ("SHOW client_encoding",            ("UTF8",)),
    ("SHOW application_name",           ("huibao",)),
    ("SELECT pg_current_xact_id_if_assigned()::text", (None,)),
])
def test_the_services_connection(owner_url: str, statement: LiteralString, answer: tuple[Any]) -> None:
    assert as_service(owner_url, statement) == answer


def test_the_owners_connection(owner_url: str) -> None:
    with connect_owner(owner_url) as connection:
        assert connection.execute("SELECT current_setting('timezone'), current_user = session_user").fetchone() == ("UTC", True)
        assert connection.autocommit


@pytest.mark.parametrize("statement", [
    "CREATE TABLE {}.mine (x int)",
    "CREATE TABLE public.mine (x int)",
    "DROP TABLE {}.transfer",
    "TRUNCATE {}.transfer",
    "UPDATE {}.transfer SET fen = 1",
    "DELETE FROM {}.transfer",
    "DELETE FROM {}.event",
    "UPDATE {}.migration SET number = 2",
    "INSERT INTO public.programme VALUES ('1', '', '', '', '', '2025-01-01')",
])
def test_what_the_service_may_not_do(programme: MakeProgramme, statement: LiteralString) -> None:
    made = programme()
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        as_service(made.url, sql.SQL(statement).format(sql.Identifier(made.schema)))


def test_a_programme_of_ones_own_is_empty_and_whole(programme: MakeProgramme) -> None:
    one, other = programme(), programme()
    assert one.code != other.code
    assert as_service(one.url, sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(one.schema, "person"))) == (0,)


# ── none to be had ───────────────────────────────────────────────────────────────────────────────────────────────────

def refused_both(url: str) -> set[tuple[str, str]]:
    """What the service and the owner are told, the same to both."""
    told = set()
    with pytest.raises(DatabaseUnreachable) as refused:
        as_service(url, "SELECT 1")
    told.add((refused.value.zh, refused.value.en))
    with pytest.raises(DatabaseUnreachable) as refused:
        connect_owner(url)
    told.add((refused.value.zh, refused.value.en))
    return told


def test_nobody_answers() -> None:
    [(zh, en)] = refused_both("postgresql://me:secret@127.0.0.1:1/huibao")
    assert zh == "连接不上数据库 127.0.0.1:1/huibao：请确认服务已启动，地址与账号无误。"
    assert en.startswith("cannot reach the database 127.0.0.1:1/huibao: ")
    assert "secret" not in zh + en


@pytest.mark.parametrize("url", ["postgresql://me:secret@[::1/x", "me:secret", "postgresql://me:secret@h/x?secret=secret", "secret = ' "])
def test_an_address_that_is_none_is_not_repeated(url: str) -> None:
    [(zh, en)] = refused_both(url)
    assert zh == "DATABASE_URL 不是有效的数据库地址，请写成 postgresql://用户:密码@主机:端口/数据库。"
    assert en == "DATABASE_URL is no address of a database: write postgresql://user:password@host:port/name"


def test_a_database_that_cannot_hold_every_text(pg_url: str) -> None:
    with psycopg.connect(pg_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE huibao_ascii TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'")
    try:
        [(zh, en)] = refused_both(psycopg.conninfo.make_conninfo(pg_url, dbname="huibao_ascii"))
        assert zh == "数据库 huibao_ascii 的编码是 SQL_ASCII，请用 ENCODING 'UTF8' 重新建立数据库。"
        assert en == "database huibao_ascii is encoded in SQL_ASCII: create it with ENCODING 'UTF8'"
    finally:
        with psycopg.connect(pg_url, autocommit=True) as connection:
            connection.execute("DROP DATABASE huibao_ascii")


@pytest.mark.parametrize(("version", "says"), [
    (140_012, "PostgreSQL 14 is too old: use 15 or later"),
    (150_000, ""),
    (190_000, ""),
])
def test_a_server_that_is_too_old(version: int, says: str) -> None:
    info: Any = SimpleNamespace(server_version=version, dbname="x", parameter_status=lambda name: {"server_encoding": "UTF8"}[name])
    if says:
        with pytest.raises(DatabaseUnreachable, match=says):
            connect._check(info)
    else:
        connect._check(info)


def test_a_database_that_was_never_migrated(pg_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connect, "SERVICE_ROLE", "huibao_nobody")  # roles are the server's, and another test may have made ours
    with new_database(pg_url, "huibao_bare") as url, pytest.raises(DatabaseUnreachable, match=r"huibao_bare_\d+ has no tables of ours yet"):
        as_service(url, "SELECT 1")
