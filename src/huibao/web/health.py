"""Whether the service is well: for machines as JSON, for people as a page of one table; figures about nobody."""

from datetime import datetime
from html import escape
from importlib.metadata import version
from typing import Final

import msgspec
import psycopg

from huibao.core.time import SHANGHAI
from huibao.db.errors import DatabaseTrouble
from huibao.web.engine import Engine
from huibao.web.operations import Call, Nothing, operation
from huibao.web.problems import Reply
from huibao.web.reads import SQL

VERSION: Final = version("huibao")

_ENCODER: Final = msgspec.json.Encoder()


class ProgrammeHealth(msgspec.Struct, frozen=True):
    """A programme: commands that wait in this process, links and entries of its chain, its latest migration."""

    programme: str
    name: str
    waiting: int
    links: int
    entries: int
    migration: int


class Health(msgspec.Struct, frozen=True):
    """The service as it is now; `programmes` is empty where the database does not answer."""

    status: str
    version: str
    at: datetime
    database: bool
    programmes: tuple[ProgrammeHealth, ...]


_WELL: Final = Health("ok", VERSION, datetime(2026, 1, 5, 9, 30, tzinfo=SHANGHAI), True,
                      (ProgrammeHealth("990000", "示例市", 0, 17, 42, 1),))


@operation("GET", "/health", asks=Nothing, answers=Health, answered=_WELL, also=("text/html",))
async def health(call: Call[Nothing]) -> Reply:
    """Says whether the service is well, as JSON, or as a page where HTML is asked for. Not well is 503."""
    engine = call.engine
    try:
        programmes = tuple([await _programme(engine, code) for code in sorted(engine.programmes)])
        found = Health("ok", VERSION, engine.clock.now(), True, programmes)
    except (psycopg.OperationalError, DatabaseTrouble):
        found = Health("database unreachable", VERSION, engine.clock.now(), False, ())
    status = 200 if found.database else 503
    outcome = "done" if found.database else "service.unavailable"
    if b"text/html" in call.headers.get(b"accept", b""):
        return Reply(page(found).encode(), status, outcome=outcome, media_type="text/html; charset=utf-8")
    return Reply(_ENCODER.encode(found), status, outcome=outcome)


async def _programme(engine: Engine, code: str) -> ProgrammeHealth:
    async with engine.reading(code) as connection:
        row = await (await connection.execute(SQL["health"])).fetchone()
    links, entries, migration = row or (0, 0, 0)
    return ProgrammeHealth(code, engine.programmes[code].name, engine.waiting(code), links, entries, migration)


def page(found: Health) -> str:
    """The state as a page that needs nothing else."""
    state = "运行正常 serving" if found.database else "数据库无法访问 database unreachable"
    rows = "".join(
        f"<tr><td>{one.programme} {escape(one.name)}<td>{one.waiting}<td>{one.links:,}<td>{one.entries:,}<td>{one.migration:04d}"
        for one in found.programmes)
    return f"""<!doctype html><html lang="zh"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>惠保 · {state}</title><link rel="icon" href="data:,">
<style>body{{font:16px/1.6 system-ui;margin:2rem auto;max-width:46rem;padding:0 1rem}}
table{{width:100%}}td,th{{padding:.2rem .5rem .2rem 0;text-align:left}}th{{font-size:12px;font-weight:normal;line-height:1.3}}</style>
<h1>{state}</h1><p>版本 version {escape(found.version)} · 北京时间 {found.at.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}</p>
<table><tr><th>项目<br>programme<th>排队<br>waiting<th>批次<br>batches<th>记录<br>entries<th>迁移<br>migration{rows}</table></html>
"""


OPERATIONS: Final = (health,)
