"""Statements of remittances: of one batch with its lines, and of a time with what came into and left each clearing account."""

from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Any, Final, Literal

import msgspec

from huibao.core.capital import capital
from huibao.core.money import yuan
from huibao.core.time import business_date
from huibao.policies.numbers import order_number, policy_number
from huibao.remittance.schedule import start_of
from huibao.web import paper, refusals
from huibao.web.operations import Call, operation
from huibao.web.paper import Both, Column
from huibao.web.problems import Refused, Reply
from huibao.web.reads import insurer_names
from huibao.web.remittance_pages import Line, Total, lines, lines_head, state, totals
from huibao.web.remittances import READ, SQL, BatchRead, batches_of, control, one_batch, pages, products
from huibao.web.words import Id

HTML: Final = "text/html"
_DAY: Final = timedelta(days=1)
#: A time is no longer.
_LONGEST: Final = timedelta(days=366)


class StatementAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether the page has the batch's lines: it does unless told."""

    lines: Literal["yes", "no"] | None = None


class BatchStatement(msgspec.Struct, frozen=True):
    """A batch as both sides sign it: the amount that was paid in capitals, and the digest of the file that it is about."""

    programme: str
    insurer_name: str
    product_name: str
    batch: BatchRead
    capital: str
    sm3: str


@operation("GET", "/v1/{programme}/remittances/{remittance}/statement", asks=StatementAsked, answers=BatchStatement, also=(HTML,),
           answered=BatchStatement("示例市", "安心健康保险股份有限公司（示例）", "示例医疗保险", READ, capital(READ.paid_fen), "0" * 64))
async def remittance_statement(call: Call[StatementAsked]) -> BatchStatement | Reply:
    """Reads a batch's statement; where HTML is asked for, as sheets of A4 with every line, to be signed by both sides."""
    batch = await one_batch(call)
    offer = (await call.engine.shelf(call.path["programme"])).offers[batch.product]
    found = BatchStatement(call.programme.name, (await insurer_names(call, [batch.insurer]))[batch.insurer], offer.name, batch,
                           capital(batch.paid_fen), (await control(call, batch)).sm3)
    if HTML.encode() not in call.headers.get(b"accept", b""):
        return found
    return Reply(b"", 200, media_type=f"{HTML}; charset=utf-8", stream=_batch_page(call, found, with_lines=call.asked.lines != "no"))


async def _batch_page(call: Call[Any], found: BatchStatement, *, with_lines: bool) -> AsyncIterator[bytes]:
    """The page, a sheet's worth of lines at a time."""
    batch = found.batch
    yield (paper.head(Both("个人账户资金划转对账单", "Statement of a remittance of account money"), f"No. {batch.remittance}", (
        ("项目", "programme", f"{found.programme} {call.path['programme']}"), ("保险公司", "insurer", f"{found.insurer_name}（{batch.insurer}）"),
        ("产品", "product", f"{found.product_name}（{batch.product}）"), ("收款账户", "receiving account", f"{batch.bank} {batch.account}"),
        ("截止时间", "captured before", paper.when(batch.until)), ("列批时间", "listed", paper.when(batch.at)),
        ("银行答复", "answered by the bank", paper.when(batch.answered_at)),
        ("保险公司确认", "confirmed by the insurer",
         f"{paper.when(batch.confirmed_at)} {yuan(batch.confirmed_fen) if batch.confirmed_fen is not None else ''}")))
        + totals((_total(batch, found.product_name),))).encode()
    if with_lines:
        yield lines_head().encode()
        first = 1
        async for rows in pages(call, batch.remittance):
            code = call.path["programme"]
            yield lines(first, [Line(entry, order_number(code, order), policy_number(code, order, position), fen, its)
                                for entry, order, position, fen, its, _ in rows]).encode()
            first += len(rows)
        yield paper.TABLE_END.encode()
    yield paper.foot(call.engine.clock.now(), (paper.agency(found.programme), Both(found.insurer_name, "insurer")), found.sm3).encode()


def _total(batch: BatchRead, name: str) -> Total:
    return Total(batch.product, name, 1, batch.count, batch.fen, batch.paid_fen, batch.failed_fen)


# ── a time ───────────────────────────────────────────────────────────────────────────────────────────────────────────

class DaysAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From which day to which, both included; today unless told. Of one product, or of all that the caller reads."""

    since: date | None = None
    until: date | None = None
    product: Id | None = None


class DaysLine(msgspec.Struct, frozen=True):
    """A product's clearing account over a time, in fen: before, what came in and went out, after.

    `opening_fen` + `captured_fen` − `reversed_fen` − `remitted_fen` + `returned_fen` = `closing_fen`.
    """

    product: str
    name: str
    insurer: str
    opening_fen: int
    captured_fen: int
    reversed_fen: int
    remitted_fen: int
    returned_fen: int
    closing_fen: int


class Days(msgspec.Struct, frozen=True):
    """A time: each clearing account, and all batches that were made in it, the newest first: what is signed is the sum of what is shown."""

    since: date
    until: date
    products: tuple[DaysLine, ...]
    batches: tuple[BatchRead, ...]


_ON: Final = date(2026, 1, 5)


@operation("GET", "/v1/{programme}/remittance-days", asks=DaysAsked, answers=Days, refuses=(422,), also=(HTML,),
           answered=Days(_ON, _ON, (DaysLine("example-2026", "示例医疗保险", "anxin", 16_800, 33_600, 16_800, 33_600, 0, 0),), (READ,)))
async def remittance_days(call: Call[DaysAsked]) -> Days | Reply:
    """Reconciles a day or a time: what accounts paid, what went to insurers, what came back, what is left in clearing （LZ-14）."""
    found = await _days(call)
    if HTML.encode() not in call.headers.get(b"accept", b""):
        return found
    insurers = sorted({one.insurer for one in found.products})
    names = await insurer_names(call, insurers)
    signing = Both("、".join(names[id] for id in insurers) or "保险公司", "insurer")
    page = _days_page(call, found, names) + paper.foot(call.engine.clock.now(), (paper.agency(call.programme.name), signing))
    return Reply(page.encode(), 200, media_type=f"{HTML}; charset=utf-8")


async def _days(call: Call[DaysAsked]) -> Days:
    today = business_date(call.engine.clock.now())
    until = call.asked.until or today
    since = call.asked.since or until
    if since > until or until > today or until - since > _LONGEST:
        raise Refused(refusals.days_wrong(since, until, today))
    of = await products(call, call.asked.product)
    offers = (await call.engine.shelf(call.path["programme"])).offers
    async with call.engine.reading(call.path["programme"]) as connection:
        given = {"products": of, "since": start_of(since), "until": start_of(until + _DAY)}
        rows = await (await connection.execute(SQL["days"], given)).fetchall()
    return Days(since, until, tuple(DaysLine(product, offers[product].name, *rest) for product, *rest in rows),
                tuple(await batches_of(call, of, since, until, most=None)))


_CLEARING: Final = (Column("产品", "product", "names"), Column("保险公司", "insurer", "names"), *(Column(zh, en, "figures") for zh, en in (
    ("期初", "before"), ("账户划入", "captured"), ("退保冲回", "reversed"), ("划转", "remitted"), ("退回", "returned"), ("期末", "after"))))
_BATCHES: Final = (Column("编号", "no."), Column("列批", "listed"), Column("产品", "product"), Column("收款账户", "account", "names"),
                   Column("状态", "state"), *(Column(zh, en, "figures") for zh, en in (
                       ("笔数", "lines"), ("列入", "listed"), ("已付", "paid"), ("未付", "failed"))))


def _days_page(call: Call[Any], found: Days, names: dict[str, str]) -> str:
    by_product: dict[str, Total] = {}
    for batch in found.batches:
        name = next(one.name for one in found.products if one.product == batch.product)
        by_product[batch.product] = by_product.get(batch.product, Total(batch.product, name)).plus(_total(batch, name))
    clearing: list[tuple[paper.Cell, ...]] = [
        (Both(one.name, one.product), names[one.insurer], *map(yuan, (
            one.opening_fen, one.captured_fen, one.reversed_fen, one.remitted_fen, one.returned_fen, one.closing_fen)))
        for one in found.products]
    batches = [(f"{one.remittance}", paper.when(one.at), one.product, f"{one.bank} {one.account}", state(one.state), f"{one.count:,}",
                yuan(one.fen), yuan(one.paid_fen), yuan(one.failed_fen)) for one in found.batches]
    number = paper.day(found.since) if found.since == found.until else f"{paper.day(found.since)} — {paper.day(found.until)}"
    return (paper.head(Both("个人账户资金划转对账表", "Reconciliation of remittances of account money"), number,
                       (("项目", "programme", f"{call.programme.name} {call.path['programme']}"),))
            + totals(list(by_product.values()))
            + paper.table(Both("清算户", "Clearing accounts, yuan"), _CLEARING, clearing)
            + paper.table(Both("批次", "Batches, yuan"), _BATCHES, batches))


OPERATIONS: Final = (remittance_statement, remittance_days)
