"""A member's accounts: balances, what is set aside, the year under the scheme's limit, what moved."""

from datetime import datetime
from typing import Final

import msgspec

from huibao.core.time import SHANGHAI, business_date
from huibao.policies.numbers import order_number, policy_number
from huibao.scheme.model import in_force
from huibao.web.operations import Call, Nothing, operation
from huibao.web.reads import LEDGER, MOST_LISTED, SQL


class Balance(msgspec.Struct, frozen=True):
    """An account: what is on it, what of that is set aside."""

    kind: str
    state: str
    balance_fen: int
    held_fen: int


class Year(msgspec.Struct, frozen=True):
    """What one's accounts paid this year, with what is set aside, and what the scheme's limit leaves; none without a limit."""

    year: int
    paid_fen: int
    held_fen: int
    left_fen: int | None


class SetAside(msgspec.Struct, frozen=True):
    """Money set aside for a policy of an order that waits."""

    at: datetime
    account: str
    fen: int
    policy: str


class Movement(msgspec.Struct, frozen=True):
    """Money that moved from an account of one kind to one of another, and for which order."""

    at: datetime
    kind: str
    fen: int
    left: str
    reached: str
    order: str | None


class Accounts(msgspec.Struct, frozen=True):
    """A member's accounts; movements are the newest hundred.

    Where the agency's own system keeps them (`kept_by`), what is on them is that system's to say: `accounts` is empty then.
    """

    accounts: tuple[Balance, ...]
    year: Year
    holds: tuple[SetAside, ...]
    movements: tuple[Movement, ...]
    kept_by: str = "here"


_AT: Final = datetime(2026, 1, 5, 9, 30, tzinfo=SHANGHAI)
_EXAMPLE: Final = Accounts(
    (Balance("personal", "open", 512_300, 16_800),), Year(2026, 16_800, 16_800, 116_400),
    (SetAside(_AT, "personal", 16_800, policy_number("990000", 124, 1)),),
    (Movement(_AT, "premium-account", 16_800, "personal", "clearing", order_number("990000", 123)),))


@operation("GET", "/v1/{programme}/me/accounts", asks=Nothing, answers=Accounts, answered=_EXAMPLE)
async def my_accounts(call: Call[Nothing]) -> Accounts:
    """Reads one's own accounts: balances, what is set aside, what the year's limit leaves, what moved."""
    code, person = call.path["programme"], call.person
    today = business_date(call.engine.clock.now())
    listed = {"person": person, "most": MOST_LISTED}
    async with call.engine.reading(code) as connection:
        accounts = await (await connection.execute(LEDGER["accounts_of"], {"people": [person]})).fetchall()
        years = await (await connection.execute(LEDGER["years_of"], {"people": [person], "years": [today.year]})).fetchall()
        holds = await (await connection.execute(SQL["pending_holds"], {"person": person})).fetchall()
        movements = await (await connection.execute(SQL["movements"], listed)).fetchall()
    paid, held = years[0][2:] if years else (0, 0)
    rule = in_force(call.programme.scheme.account, today)
    limit = rule.yearly_limit if rule else None
    return Accounts(
        tuple(Balance(kind, state, balance, set_aside)
              for _, _, kind, _, _, elsewhere, state, balance, set_aside in sorted(accounts) if not elsewhere),
        Year(today.year, paid, held, max(0, limit.fen - paid - held) if limit else None),
        tuple(SetAside(at, kind, fen, policy_number(code, order, position)) for at, kind, fen, order, position in holds),
        tuple(Movement(at, kind, fen, left, reached, order_number(code, order) if order is not None else None)
              for at, kind, fen, left, reached, order in movements),
        rule.kept_by if rule else "here",
    )


OPERATIONS: Final = (my_accounts,)
