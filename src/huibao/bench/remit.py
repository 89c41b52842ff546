"""A batch of account money: seconds to list it, beside one bare aggregate over the same rows; to book it, and to write its file."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import resources
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, Final

import msgspec
import psycopg
from psycopg import AsyncConnection
from rich.console import Console

from huibao.bench.market import AREA, PLAN, SCHEME, SQL
from huibao.catalogue import listing
from huibao.catalogue.model import Programme
from huibao.core import chain
from huibao.core.batcher import Waiting
from huibao.core.clock import SimulatedClock
from huibao.core.sealing import Keyring
from huibao.core.time import utc_now
from huibao.db import sqlfile
from huibao.db.connect import connect_owner, connect_service
from huibao.db.embedded import Embedded
from huibao.db.migrate import create_programme, migrate
from huibao.record.batch import SQL as RECORD
from huibao.record.lane import Lane
from huibao.record.model import DONE, Answer, body_digest, key_digest
from huibao.remittance import own
from huibao.remittance.files import BatchFile
from huibao.remittance.model import AccountTold, BatchTold, CallBack, Command, Decide, Make, Register
from huibao.remittance.work import Remittances
from huibao.scheme.model import Scheme
from huibao.verify import checks, remittances
from huibao.verify.checks import Subject, verify

_REMITTANCE: Final = sqlfile.load("huibao.remittance")
_FEN: Final = 16_800
_PAGE: Final = 2_000
#: An account was approved so long before: its delay is over.
_BEFORE: Final = timedelta(days=20)


@dataclass(frozen=True, slots=True)
class Round:
    """Seconds of one batch: a bare aggregate over its rows, listing it, booking it as paid, writing its file."""

    aggregate_s: float
    list_s: float
    pay_s: float
    file_s: float


def bench(console: Console, orders: int, rounds: int) -> None:
    """Prints each round, and the ratio as the median of all: each lists so many orders of a programme that was filled for it."""
    with tempfile.TemporaryDirectory(prefix="huibao-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        server = Embedded(folder / "pg")
        server.start()
        try:
            url = server.url()
            migrate(url, utc_now())
            found = [_round(console, url, f"{990_100 + n}", orders) for n in range(rounds)]
        finally:
            server.stop()
    ratio = median(one.list_s / one.aggregate_s for one in found)
    ours, bare = median(one.list_s for one in found), median(one.aggregate_s for one in found)
    console.print(f"remit ratio={ratio:.1f} ours={ours:.2f}s yardstick={bare:.3f}s (one bare count and sum over the same {orders:,}"
                  f" movements; booked in {median(one.pay_s for one in found):.2f}s, file in {median(one.file_s for one in found):.2f}s)",
                  highlight=False, soft_wrap=True)


def _round(console: Console, url: str, code: str, orders: int) -> Round:
    at = utc_now()
    create_programme(url, code, "bench", SCHEME.id, AREA, at)
    programme = Programme(code, "bench", AREA, f"p_{code}", SCHEME)
    with connect_owner(url) as connection:
        with connection.transaction():
            connection.execute("SELECT set_config('search_path', %s, true)", [f"{programme.schema}, public"])
            _fill(connection, SCHEME, code, orders, at)
        connection.execute("VACUUM ANALYZE")
    measured = asyncio.run(_measure(url, programme, orders, at))
    unsound = _unsound(url, programme, at)
    if unsound:
        raise AssertionError(f"the books are not sound after the run: {unsound}")
    console.print(f"  list {measured.list_s:.2f} s beside {measured.aggregate_s:.3f} s, book {measured.pay_s:.2f} s,"
                  f" file {measured.file_s:.2f} s; verify：账实相符 (sound)", highlight=False, soft_wrap=True)
    return measured


def _fill(connection: psycopg.Connection[Any], scheme: Scheme, code: str, orders: int, at: datetime) -> None:
    """So many accounts, each with money from the fund and one premium in clearing."""
    connection.execute(RECORD["start_chain"], {"head": chain.genesis(code)})
    for kind in ("cash", "fund"):
        connection.execute(SQL["insert_outside"], {"kind": kind})
    text = (resources.files("huibao") / "schemes" / f"{scheme.id}.toml").read_text("utf-8")
    listing.load_product(connection, scheme, text, PLAN, {"bench": ("bench", 1)}, at)
    given = {"at": at - timedelta(days=1), "orders": orders, "fen": _FEN}
    for statement in ("open_holders", "fund_holders", "charge_holders", "post_holders"):
        connection.execute(SQL[statement], given)


async def _measure(url: str, programme: Programme, orders: int, at: datetime) -> Round:
    async def connect() -> AsyncConnection[Any]:
        return await connect_service(url, "huibao bench")

    keyring, clock = Keyring({1: bytes(16)}, 1), SimulatedClock(at - _BEFORE)
    lane: Lane[Any, Any] = Lane(connect, clock, {programme.code: (programme.schema, Remittances(programme, keyring))})

    async def does(command: Command) -> Answer:
        key = repr(command)
        item: Waiting[Any, Answer] = Waiting(
            key_digest("bench", key), body_digest("bench", "bench", programme.code, key.encode()), command, 0,
            asyncio.get_running_loop().create_future())
        [answer] = await lane.run(programme.code, [item])
        assert isinstance(answer, Answer), answer
        assert answer.outcome == DONE, answer.body
        return answer

    try:
        proposed = await does(Register(1, "bench", "bench", "bench", "62220000", "00000"))
        account = msgspec.json.decode(proposed.body, type=AccountTold).account
        await does(CallBack(2, account, "00000", "confirmed"))
        await does(Decide(2, account, True))
        clock.set(at)
        async with await connect() as reading:
            await reading.execute("SELECT set_config('search_path', %s, false)", [programme.schema])
            aggregate_s = await _timed(lambda: reading.execute(SQL["bare_aggregate"], {"product": PLAN.id}))
            began = perf_counter()
            made = msgspec.json.decode((await does(Make(1, PLAN.id, at))).body, type=BatchTold)
            list_s = perf_counter() - began
            assert (made.count, made.fen) == (orders, orders * _FEN), "every movement is listed"
            await does(own.sent(made.remittance).command)
            began = perf_counter()
            await does(own.paid(made.remittance, made.fen, made.fen).command)
            pay_s = perf_counter() - began
            file_s = await _timed(lambda: _file(reading, programme.code, made))
    finally:
        await lane.close()
    return Round(aggregate_s, list_s, pay_s, file_s)


async def _timed(does: Callable[[], Awaitable[object]]) -> float:
    began = perf_counter()
    await does()
    return perf_counter() - began


async def _file(connection: AsyncConnection[Any], code: str, made: BatchTold) -> None:
    """The batch's file, page by page as it is served."""
    file, after = BatchFile(code), 0
    file.head()
    while rows := await _page(connection, made.remittance, after):
        file.lines([row[:4] for row in rows])
        after = rows[-1][0]
    assert (file.count, file.fen) == (made.count, made.fen), "the file has every line"


async def _page(connection: AsyncConnection[Any], remittance: int, after: int) -> Sequence[tuple[Any, ...]]:
    given = {"remittance": remittance, "after": after, "state": "", "uncounted": False, "most": _PAGE}
    return await (await connection.execute(_REMITTANCE["lines_page"], given)).fetchall()


def _unsound(url: str, programme: Programme, at: datetime) -> list[str]:
    """What the oracle says about money and remittances; nobody has bought here, so nothing else is asked."""
    with connect_owner(url) as connection, connection.transaction():
        connection.execute("SELECT set_config('search_path', %s, true)", [programme.schema])
        asked = [*(check for check in checks.CHECKS if check[0] in "abcj"), *remittances.CHECKS]
        return [offender for finding in verify(Subject(connection, programme.code, programme.scheme, at), asked)
                for offender in finding.offenders]
