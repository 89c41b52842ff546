"""How account money was used: in all and order by order for who oversees it, as a file too, and each member's own （LZ-19c）."""

from collections.abc import AsyncIterator
from datetime import date, datetime
from typing import Annotated, Any, Final, cast

import msgspec
from msgspec import Meta

from huibao.core.time import SHANGHAI, business_date
from huibao.oversight import use
from huibao.oversight.model import NONE, Amounts, By, Scope, Use
from huibao.policies.numbers import policy_number, read_number
from huibao.web import refusals
from huibao.web.operations import Call, operation
from huibao.web.problems import Refused, Reply
from huibao.web.reads import MOST_LISTED
from huibao.web.words import END, Id

CSV: Final = "text/csv"
#: So many policies of a file are read at a time; between two pages no connection is held.
PAGE: Final = 1_000

_AT: Final = datetime(2026, 1, 5, 9, 30, tzinfo=SHANGHAI)
_ON: Final = date(2026, 1, 31)


class UseAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """As of the end of which day (today, unless told), by what the totals are drawn (product), of which product (all)."""

    on: date | None = None
    by: Annotated[str, Meta(pattern="^(product|insurer|account|month)" + END)] | None = None
    product: Id | None = None


class UseTotal(msgspec.Struct, frozen=True):
    """What became of account money under one key, of so many policies; `clearing_fen` waits to be remitted, `spent_fen` did not come
    back. By month, each movement counts in its own month, and so does what is held in the month in which it was set aside."""

    key: str
    policies: int
    held_fen: int
    captured_fen: int
    reversed_fen: int
    remitted_fen: int
    refunded_fen: int
    elsewhere_fen: int
    clearing_fen: int
    spent_fen: int


class UseLedger(msgspec.Struct, frozen=True):
    """The same off the ledger's transfers alone, with the balance of the clearing accounts; `agrees` to the fen, or somebody must look."""

    captured_fen: int
    reversed_fen: int
    remitted_fen: int
    refunded_fen: int
    clearing_fen: int
    agrees: bool


class UseReport(msgspec.Struct, frozen=True):
    """Account money as the books stood at the end of a day. The ledger knows no areas: an area's report has none beside it."""

    on: date
    by: str
    totals: tuple[UseTotal, ...]
    all: UseTotal
    ledger: UseLedger | None


_TOTAL: Final = UseTotal("example-2026", 2, 16_800, 16_800, 0, 16_800, 0, 0, 0, 16_800)
_REPORT: Final = UseReport(_ON, "product", (_TOTAL,), msgspec.structs.replace(_TOTAL, key="all"),
                           UseLedger(16_800, 0, 16_800, 0, 0, True))


@operation("GET", "/v1/{programme}/account-use", asks=UseAsked, answers=UseReport, refuses=(422,), answered=_REPORT)
async def account_use(call: Call[UseAsked]) -> UseReport:
    """Says how account money was used in all, as of any day, by product, insurer, account or month, beside the ledger （LZ-19c）."""
    on, scope = _scope(call, call.asked.on, call.asked.product)
    by = cast(By, call.asked.by or "product")          # the pattern lets no other through
    async with call.engine.reading(call.path["programme"]) as connection:
        found = await use.report(connection, on, by, scope)
    ledger = found.ledger
    return UseReport(
        on, by, tuple(_total(total.key, total.policies, total.amounts) for total in found.totals),
        # One policy may be under several months or accounts: it counts in each of them.
        _total("all", sum(total.policies for total in found.totals), found.all),
        None if scope.area else UseLedger(ledger.captured_fen, ledger.reversed_fen, ledger.remitted_fen, ledger.refunded_fen,
                                          ledger.clearing_fen, ledger.agrees(found.all)))


class UsesAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """As of the end of which day, of which product, after which policy; `form=csv` is all of it as a file."""

    on: date | None = None
    product: Id | None = None
    after: Annotated[str, Meta(pattern="^[0-9]{6}-[0-9]{12}-[0-9]-[0-9]{2}" + END)] | None = None
    form: Annotated[str, Meta(pattern="^(json|csv)" + END)] | None = None


class UseLine(msgspec.Struct, frozen=True):
    """What became of one account's money for one policy."""

    policy: str
    at: datetime
    product: str
    insurer: str
    account: str
    held_fen: int
    captured_fen: int
    reversed_fen: int
    remitted_fen: int
    refunded_fen: int
    elsewhere_fen: int
    clearing_fen: int


class UseLines(msgspec.Struct, frozen=True):
    """Policies in their order; `next` is what to ask `after` for more, none at the end."""

    on: date
    lines: tuple[UseLine, ...]
    next: str | None


_NUMBER: Final = policy_number("990000", 123, 1)
_LINES: Final = UseLines(_ON, (UseLine(_NUMBER, _AT, "example-2026", "anxin", "personal", 0, 16_800, 0, 16_800, 0, 0, 0),), None)


@operation("GET", "/v1/{programme}/account-use/orders", asks=UsesAsked, answers=UseLines, refuses=(422,), answered=_LINES, also=(CSV,))
async def account_use_orders(call: Call[UsesAsked]) -> UseLines | Reply:
    """Lists how account money was used order by order, as of any day; as a file its last line has the control totals （LZ-19c）."""
    on, scope = _scope(call, call.asked.on, call.asked.product)
    if call.asked.form == "csv":
        name = f"account-use-{call.path['programme']}-{on}.csv"
        return Reply(b"", 200, {"Content-Disposition": f'attachment; filename="{name}"'}, media_type=f"{CSV}; charset=utf-8",
                     stream=_file(call, on, scope))
    return await _lines(call, on, scope)


class OwnUseAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """As of the end of which day (today, unless told), after which policy."""

    on: date | None = None
    after: Annotated[str, Meta(pattern="^[0-9]{6}-[0-9]{12}-[0-9]-[0-9]{2}" + END)] | None = None


@operation("GET", "/v1/{programme}/me/account-use", asks=OwnUseAsked, answers=UseLines, refuses=(422,), answered=_LINES)
async def my_account_use(call: Call[OwnUseAsked]) -> UseLines:
    """Lists how one's own account money was used, policy by policy, as of any day."""
    on = _day(call, call.asked.on)
    return await _lines(call, on, Scope(use.end_of(on), buyer=call.person))


def _day(call: Call[Any], asked: date | None) -> date:
    today = business_date(call.engine.clock.now())
    on = asked or today
    if on > today:
        raise Refused(refusals.day_to_come(on, today))
    return on


def _scope(call: Call[Any], on: date | None, product: str | None) -> tuple[date, Scope]:
    """What the caller reaches: an area's bureau sees the accounts of its area's people."""
    day = _day(call, on)
    return day, Scope(use.end_of(day), product or "", call.principal.area or "")


async def _lines(call: Call[UsesAsked] | Call[OwnUseAsked], on: date, scope: Scope) -> UseLines:
    code = call.path["programme"]
    found = read_number(code, call.asked.after) if call.asked.after else (0, 0)
    if found is None:
        raise Refused(refusals.after_unknown())
    after = (found[0], found[1] or 0)
    async with call.engine.reading(code) as connection:
        uses, last = await use.page(connection, scope, after, MOST_LISTED)
    return UseLines(on, tuple(_line(code, one) for one in uses), policy_number(code, *last) if last else None)


async def _file(call: Call[UsesAsked], on: date, scope: Scope) -> AsyncIterator[bytes]:
    """A file, page by page. What books of a day that is over say does not move on between two pages."""
    yield use.head()
    after: tuple[int, int] | None = (0, 0)
    count, amounts = 0, NONE
    while after is not None:
        async with call.engine.reading(call.path["programme"]) as connection:
            uses, after = await use.page(connection, scope, after, PAGE)
        count += len(uses)
        for one in uses:
            amounts = amounts.plus(one.amounts)
        yield use.lines(call.path["programme"], uses)
    yield use.foot(on, count, amounts)


def _total(key: str, policies: int, amounts: Amounts) -> UseTotal:
    return UseTotal(key, policies, **msgspec.structs.asdict(amounts), clearing_fen=amounts.clearing_fen, spent_fen=amounts.spent_fen)


def _line(code: str, one: Use) -> UseLine:
    return UseLine(policy_number(code, one.order, one.position), one.at, one.product, one.insurer, one.account,
                   **msgspec.structs.asdict(one.amounts), clearing_fen=one.amounts.clearing_fen)


OPERATIONS: Final = (account_use, account_use_orders, my_account_use)
