"""What the agency's own system of accounts was asked and has not answered, and how its days compare with ours: for the agency's clerks."""

from datetime import date, datetime
from typing import Final

import msgspec

from huibao.core.time import SHANGHAI
from huibao.policies.numbers import order_number
from huibao.reconciliation.account_rules import CAUSES
from huibao.reconciliation.account_work import SQL
from huibao.web.operations import Call, Nothing, operation
from huibao.web.reads import MOST_LISTED


class Doubt(msgspec.Struct, frozen=True):
    """A request that is not answered: what is asked for which order, over how much, since when; `sent` may have been done or not."""

    posting: int
    kind: str
    order: str
    fen: int
    state: str
    since: datetime
    sent_at: datetime | None


class Doubts(msgspec.Struct, frozen=True):
    """What waits for the system that keeps the accounts, the longest wait first."""

    postings: tuple[Doubt, ...]


class ComparedDay(msgspec.Struct, frozen=True):
    """A day as it was compared: what was taken and given back, there and here."""

    day: date
    at: datetime
    result: str
    detailed: bool
    taken_count: int
    taken_fen: int
    our_taken_count: int
    our_taken_fen: int
    credited_count: int
    credited_fen: int
    our_credited_count: int
    our_credited_fen: int


class OpenDifference(msgspec.Struct, frozen=True):
    """A key on which the two still differ, with the likely cause and what to do; `fen` is what they moved beyond us."""

    day: date
    key: str
    cause: str
    order: str | None
    fen: int
    at: datetime
    zh: str
    en: str


class ComparedDays(msgspec.Struct, frozen=True):
    """The newest comparisons, and every difference that is open."""

    days: tuple[ComparedDay, ...]
    differences: tuple[OpenDifference, ...]


_AT: Final = datetime(2026, 1, 5, 9, 30, tzinfo=SHANGHAI)
_DAY: Final = date(2026, 1, 4)
_DOUBTS: Final = Doubts((Doubt(7, "confirm", order_number("990000", 123), 16_800, "sent", _AT, _AT),))
_DAYS: Final = ComparedDays(
    (ComparedDay(_DAY, _AT, "differs", True, 2, 36_800, 1, 20_000, 0, 0, 0, 0),),
    (OpenDifference(_DAY, f"{order_number('990000', 123)}-1", "taken.there", order_number("990000", 123), 16_800, _AT,
                    *CAUSES["taken.there"]),))


@operation("GET", "/v1/{programme}/account-postings", asks=Nothing, answers=Doubts, answered=_DOUBTS)
async def account_postings(call: Call[Nothing]) -> Doubts:
    """Lists what the agency's own system of accounts was asked and has not answered, the longest wait first."""
    code = call.path["programme"]
    async with call.engine.reading(code) as connection:
        given = {"area": call.principal.area or "", "most": MOST_LISTED}
        rows = await (await connection.execute(SQL["doubtful"], given)).fetchall()
    return Doubts(tuple(Doubt(id, kind, order_number(code, order), fen, state, at, sent_at)
                        for id, kind, order, fen, state, at, sent_at in rows))


@operation("GET", "/v1/{programme}/account-days", asks=Nothing, answers=ComparedDays, answered=_DAYS)
async def account_days(call: Call[Nothing]) -> ComparedDays:
    """Lists how the days of the agency's own system of accounts compared with ours, and what still differs."""
    code = call.path["programme"]
    async with call.engine.reading(code) as connection:
        days = await (await connection.execute(SQL["days"], {"most": MOST_LISTED})).fetchall()
        rows = await (await connection.execute(SQL["differing"], {"most": MOST_LISTED})).fetchall()
    return ComparedDays(
        tuple(ComparedDay(*row) for row in days),
        tuple(OpenDifference(day, key, cause, order_number(code, order) if order is not None else None, fen, at, *CAUSES[cause])
              for day, key, cause, order, fen, at in rows))


OPERATIONS: Final = (account_postings, account_days)
