"""Connections: the service's, which may do what its role may, and the owner's, which makes and changes tables."""

import logging
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from typing import Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow

from huibao.db.errors import DatabaseUnreachable

# What the driver logs of a transaction that failed quotes the server's error, and that may quote a row.
logging.getLogger("psycopg").setLevel(logging.CRITICAL)

SERVICE_ROLE: Final = "huibao_service"

#: `UNIQUE NULLS NOT DISTINCT` is of 15.
OLDEST_SERVER: Final = 15

#: A peer that is gone is noticed within half a minute, both when waiting for an answer and when sending.
_PATIENCE: Final[dict[str, Any]] = {
    "connect_timeout": 10,
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}


async def connect_service(url: str, application: str = "huibao") -> psycopg.AsyncConnection[TupleRow]:
    """A connection of the service: autocommit, UTC, and no more rights than `huibao_service` has.

    Statements are prepared on first use: a lane runs few, for ever. Raises `DatabaseUnreachable`.
    """
    with _said_clearly(url):
        connection = await psycopg.AsyncConnection.connect(
            url, autocommit=True, prepare_threshold=0, client_encoding="UTF8", application_name=application, **_PATIENCE)
    async with AsyncExitStack() as unless_usable:
        unless_usable.push_async_callback(connection.close)
        _check(connection.info)
        await connection.execute("SET timezone TO 'UTC'", prepare=False)
        try:
            await connection.execute(f"SET ROLE {SERVICE_ROLE}", prepare=False)
        except psycopg.errors.InvalidParameterValue:
            raise DatabaseUnreachable(f"数据库 {_place(url)} 尚未建立表结构，请先执行迁移。",
                                      f"database {_place(url)} has no tables of ours yet: migrate it first") from None
        unless_usable.pop_all()
    return connection


def connect_owner(url: str, application: str = "huibao owner") -> psycopg.Connection[TupleRow]:
    """A connection of the database's owner, in UTC; `with connection.transaction()` draws its transactions.

    Raises `DatabaseUnreachable`.
    """
    with _said_clearly(url):
        connection = psycopg.connect(url, autocommit=True, client_encoding="UTF8", application_name=application, **_PATIENCE)
    with ExitStack() as unless_usable:
        unless_usable.callback(connection.close)
        _check(connection.info)
        connection.execute("SET timezone TO 'UTC'")
        unless_usable.pop_all()
    return connection


def _check(server: psycopg.ConnectionInfo) -> None:
    """Raises `DatabaseUnreachable` where the server is too old or the database cannot hold every text."""
    major = server.server_version // 10_000
    if major < OLDEST_SERVER:
        raise DatabaseUnreachable(f"PostgreSQL {major} 版本过低，请使用 {OLDEST_SERVER} 或以上版本。",
                                  f"PostgreSQL {major} is too old: use {OLDEST_SERVER} or later")
    if (encoding := server.parameter_status("server_encoding")) != "UTF8":
        raise DatabaseUnreachable(f"数据库 {server.dbname} 的编码是 {encoding}，请用 ENCODING 'UTF8' 重新建立数据库。",
                                  f"database {server.dbname} is encoded in {encoding}: create it with ENCODING 'UTF8'")


@contextmanager
def _said_clearly(url: str) -> Iterator[None]:
    try:
        yield
    except psycopg.OperationalError as error:
        raise DatabaseUnreachable(f"连接不上数据库 {_place(url)}：请确认服务已启动，地址与账号无误。",
                                  f"cannot reach the database {_place(url)}: {str(error).strip()}") from None
    except psycopg.ProgrammingError:
        # What the driver says about a malformed URL quotes it, password and all.
        raise DatabaseUnreachable("DATABASE_URL 不是有效的数据库地址，请写成 postgresql://用户:密码@主机:端口/数据库。",
                                  "DATABASE_URL is no address of a database: write postgresql://user:password@host:port/name") from None


def _place(url: str) -> str:
    """Host, port and name of a database: what may be shown of its address."""
    given = conninfo_to_dict(url)
    return f"{given.get('host') or 'localhost'}:{given.get('port') or 5432}/{given.get('dbname') or ''}"
