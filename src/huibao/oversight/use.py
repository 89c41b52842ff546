"""How account money was used, read off what moved: in all, and policy by policy, as the books stood at the end of a business day."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import date, datetime, time, timedelta
from functools import reduce
from typing import Any, Final

from psycopg import AsyncConnection

from huibao.core.money import plain_yuan
from huibao.core.time import SHANGHAI
from huibao.db import sqlfile
from huibao.oversight.model import NONE, Amounts, By, Ledger, Report, Scope, Total, Use, figures
from huibao.policies.numbers import policy_number

SQL: Final = sqlfile.load("huibao.oversight")

#: The columns of a file, as officials read them; amounts in yuan.
COLUMNS: Final = ("保单号", "下单时间", "产品", "承保机构", "账户", "冻结", "划出", "撤回", "已划付", "退回账户", "另行退付", "待划付")
ACCOUNTS: Final = {"personal": "个人账户", "savings": "储蓄账户"}


def end_of(on: date) -> datetime:
    """The first instant after a business day."""
    return datetime.combine(on + timedelta(days=1), time(), SHANGHAI)


async def report(connection: AsyncConnection[Any], on: date, by: By, scope: Scope) -> Report:
    """Totals by one key, all of them, and the ledger beside them, all of one instant."""
    return told(on, await (await connection.execute(SQL["report"], {"by": by, **asdict(scope)})).fetchall())


def told(on: date, rows: Sequence[Sequence[Any]]) -> Report:
    """A report off its rows: the key, how many policies, six amounts, and the ledger's five, which are the same in each."""
    totals = tuple(Total(key, policies, Amounts(*amounts[:6])) for key, policies, *amounts in rows if key is not None)
    return Report(on, totals, reduce(Amounts.plus, (total.amounts for total in totals), NONE), Ledger(*rows[0][8:]))


async def page(
    connection: AsyncConnection[Any], scope: Scope, after: tuple[int, int], most: int
) -> tuple[tuple[Use, ...], tuple[int, int] | None]:
    """Uses of the next `most` policies after a place, and the place to go on from; None at the end."""
    given = {"order": after[0], "position": after[1], "most": most, **asdict(scope)}
    rows = await (await connection.execute(SQL["page"], given)).fetchall()
    last = (rows[-1][0], rows[-1][1]) if len({row[:2] for row in rows}) == most else None
    uses = (Use(order, position, at, product, insurer, account, Amounts(*amounts))
            for order, position, at, product, insurer, account, *amounts in rows)
    return tuple(use for use in uses if use.amounts != NONE), last


# ── as a file ────────────────────────────────────────────────────────────────────────────────────────────────────────

def head() -> bytes:
    """The first line, with the mark by which a spreadsheet knows UTF-8."""
    return "\ufeff".encode() + _lines([COLUMNS])


def lines(programme: str, uses: Iterable[Use]) -> bytes:
    """A line for each use."""
    return _lines([(policy_number(programme, use.order, use.position), f"{use.at.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}", use.product,
                    use.insurer, ACCOUNTS[use.account], *_amounts(use.amounts)) for use in uses])


def foot(on: date, count: int, amounts: Amounts) -> bytes:
    """The control totals. A file without this line is not whole."""
    return _lines([("合计", str(on), f"{count} 行", "", "", *_amounts(amounts))])


def _amounts(amounts: Amounts) -> tuple[str, ...]:
    return tuple(map(plain_yuan, (*figures(amounts), amounts.clearing_fen)))


def _lines(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()
