"""How many connections the service may have open at once, and whether the server has room for them.

Some are opened when they are first needed, so a server that is too small serves for a while and then turns somebody away, at the worst
of times. It is said at the start instead.
"""

from typing import Final

import psycopg

from huibao.app.engine import READERS
from huibao.app.rosters import RUNNERS
from huibao.app.sql import SQL
from huibao.db.connect import connect_owner

#: Each process waits for the turn on one; a runner of rosters has one to look for parts and one to run them.
BESIDE: Final = 1 + 2 * RUNNERS
#: Whichever process has the turn: payments, claims, accounts, uploads, the list of insurers.
OF_THE_TURN: Final = 5


def needed(lanes: int, workers: int, insurers: int) -> int:
    """The most that all processes open together; one has the turn, and one more for each insurer that is told."""
    return workers * (lanes + READERS + BESIDE) + OF_THE_TURN + insurers


def shortage(lanes: int, workers: int, insurers: int, room: int) -> str | None:
    """What to say where the server has too little room; None where it has enough."""
    wanted = needed(lanes, workers, insurers)
    if wanted <= room:
        return None
    return (f"数据库最多容纳 {room} 个连接（max_connections 减去保留的），本服务 {workers} 个进程最多要用 {wanted} 个，繁忙时会连接失败。"
            f"请调大 max_connections，或减少 --workers、HUIBAO_LANES。\n"
            f"the database has room for {room} connections (max_connections less those reserved), and {workers} processes of the service"
            f" open up to {wanted}: some will fail when it is busy. Raise max_connections, or have fewer --workers or HUIBAO_LANES")


def lacking(url: str, lanes: int, workers: int) -> str | None:
    """As `shortage`, asked of the server. Raises `DatabaseUnreachable`."""
    with connect_owner(url, "huibao start") as connection:
        [room] = connection.execute(SQL["room"]).fetchone() or (0,)
        try:
            insurers = len(connection.execute(SQL["connected_insurers"]).fetchall())
        except psycopg.errors.UndefinedTable:
            insurers = 0                               # not migrated yet: the service says so itself
    return shortage(lanes, workers, insurers, room)
