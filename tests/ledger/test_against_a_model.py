"""Random batches of orders on the real database against a model of thirty lines; the oracle clean after each example.

`./test` runs thirty examples; HUIBAO_LONG=1 ./test -k against_a_model two thousand of longer histories.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from huibao.enrolment.model import Command, Paid, Release
from huibao.record.model import DONE
from tests import books
from tests.books import DAY, City, Desk, Someone, another, buy, order, order_id, owner, rows
from tests.database import MakeProgramme

MINIMUM, LIMIT = 300_000, 150_000
PREMIUMS: Final = {"small": 16_801, "middle": 70_000, "dear": 160_000}
PEOPLE: Final = (
    Someone(1, personal="8000", kin="2 父母 账户；3 父母；4 子女 账户；5 配偶 账户"),
    Someone(2, "1955-02-11", "居民 正常"), Someone(3, "1957-10-08", "居民 正常"), Someone(4, "2006-09-01", "居民 正常"),
    Someone(5, personal="3700", savings="900", kin="1 配偶 账户；4 子女 账户"),
    Someone(6, personal="3100.01"),
)
#: Whom each may insure with account money; 3 is registered as a parent of 1, not to the account.
FAMILY: Final = {1: {1, 2, 4, 5}, 5: {5, 1, 4}, 6: {6}}
NOBODYS: Final = 987_654_321


@dataclass(frozen=True)
class Step:
    """One command as drawn: `order` counts the orders there are, `off` is by how many fen a payment is wrong."""

    what: Literal["buy", "pay", "cancel", "expire"]
    buyer: int = 1
    insured: tuple[int, ...] = ()
    product: str = "small"
    order: int = 0
    off: int = 0


@dataclass
class Made:
    """An order of the model."""

    id: int
    buyer: int
    product: str
    insured: tuple[int, ...]
    account_fen: int
    cash_fen: int
    state: str
    due: datetime


@dataclass
class Model:
    """What the city's books should say."""

    balance: dict[int, int] = field(default_factory=lambda: {1: 800_000, 5: 370_000, 6: 310_001})
    held: dict[int, int] = field(default_factory=lambda: dict.fromkeys((1, 5, 6), 0))
    spent: dict[int, int] = field(default_factory=lambda: dict.fromkeys((1, 5, 6), 0))
    income: int = 0
    live: set[tuple[int, str]] = field(default_factory=set)
    orders: list[Made] = field(default_factory=list)

    def buy(self, step: Step, at: datetime) -> Made | str:
        """The order as it should be made, or the refusal's code."""
        one, free, taken, cash = step.buyer, self.balance[step.buyer] - self.held[step.buyer], 0, 0
        for who in step.insured:
            registered = who in FAMILY[one] or (one, who) == (1, 3)
            if registered and (who, step.product) in self.live:
                return "policy.already_insured"
            if who not in FAMILY[one]:
                return "relation.not_allowed"
            if free < MINIMUM:
                return "account.balance_below_minimum"
            premium = PREMIUMS[step.product]
            part = max(0, min(premium, LIMIT - self.spent[one] - self.held[one] - taken, free - taken))
            taken, cash = taken + part, cash + premium - part
        made = Made(0, one, step.product, step.insured, taken, cash, "awaiting-payment" if cash else "completed", at + timedelta(minutes=30))
        self.live |= {(who, step.product) for who in step.insured}
        self.held[one] += taken
        if not cash:
            self._capture(made)
        return made

    def pay(self, made: Made, fen: int, at: datetime) -> str:
        if made.state != "awaiting-payment" or made.due <= at:
            return "payment.not_awaited"
        if fen != made.cash_fen:
            return "payment.amount_differs"
        self._capture(made)
        self.income += fen
        return "completed"

    def give_up(self, made: Made, at: datetime, expired: bool, buyer: int) -> str:
        if not expired and buyer != made.buyer:
            return "order.unknown"
        if made.state != "awaiting-payment" or (expired and made.due > at):
            return "order.not_waiting"
        self.held[made.buyer] -= made.account_fen
        self.live -= {(who, made.product) for who in made.insured}
        made.state = "void"
        return "void"

    def _capture(self, made: Made) -> None:
        self.held[made.buyer] -= made.account_fen
        self.balance[made.buyer] -= made.account_fen
        self.spent[made.buyer] += made.account_fen
        made.state = "completed"


BUYERS: Final = st.sampled_from((1, 5, 6))
BUY: Final = st.builds(Step, st.just("buy"), BUYERS, st.lists(st.integers(1, 6), min_size=1, max_size=3, unique=True).map(tuple),
                       st.sampled_from(sorted(PREMIUMS)))
LATER: Final = st.builds(Step, st.sampled_from(("pay", "pay", "cancel", "expire")), BUYERS, order=st.integers(0, 5),
                         off=st.sampled_from((0, 0, 0, -1, 1)))
#: Batches of commands, each some minutes after the one before.
HISTORIES: Final = st.lists(st.tuples(st.integers(0, 12), st.lists(BUY | LATER, min_size=1, max_size=6)), min_size=1, max_size=8)


def live(owner_url: str, history: list[tuple[int, list[Step]]]) -> None:
    """Runs a history in a new city and in the model, and compares every answer, every balance and every limit year."""
    city, model, at = new_city(books.founder(owner_url)), Model(), DAY
    with Desk(city) as desk:
        for minutes, steps in history:
            at += timedelta(minutes=minutes)
            known = list(model.orders)
            commands = [command(city, step, known, at) for step in steps]
            for step, answer in zip(steps, desk.run(commands, at), strict=True):
                told = order(answer).state if answer.outcome == DONE else answer.outcome
                expected = after(model, step, known, at)
                assert told == (expected if isinstance(expected, str) else expected.state), step
                if isinstance(expected, Made):
                    assert (order(answer).account_fen, order(answer).cash_fen) == (expected.account_fen, expected.cash_fen)
                    expected.id = order_id(city, answer)
                    model.orders.append(expected)
    found = rows(city, "SELECT a.owner_id, a.credit_fen - a.debit_fen, a.held_fen, coalesce(y.spent_fen, 0), coalesce(y.held_fen, 0)"
                       " FROM account a LEFT JOIN account_year y ON y.person_id = a.owner_id WHERE a.kind = 'personal' ORDER BY 1")
    assert found == [(who, model.balance[who], model.held[who], model.spent[who], model.held[who]) for who in (1, 5, 6)]
    assert set(rows(city, "SELECT insured_id, product FROM policy WHERE state <> 'void'")) == model.live
    assert rows(city, "SELECT sum(credit_fen - debit_fen)::bigint FROM account WHERE kind = 'income'") == [(model.income,)]
    assert books.verify(city, DAY) == []


def new_city(make: MakeProgramme) -> City:
    city = books.small_city(make, "xizang", PEOPLE)
    with owner(city) as connection:
        for id, fen in PREMIUMS.items():
            books.put_on_sale(city, connection, another(city.plan, id, premium=f"{fen // 100}.{fen % 100:02d}"))
    return city


def chosen(step: Step, known: list[Made]) -> Made | None:
    return known[step.order % len(known)] if known else None


def command(city: City, step: Step, known: list[Made], at: datetime) -> Command:
    if step.what == "buy":
        return buy(city, step.buyer, *step.insured, at=at, product=step.product)
    made = chosen(step, known)
    id = made.id if made else NOBODYS
    if step.what == "pay":
        return Paid(2, id, (made.cash_fen if made else 0) + step.off, "ref")
    return Release(1, id, "cancelled", step.buyer) if step.what == "cancel" else Release(3, id, "expired")


def after(model: Model, step: Step, known: list[Made], at: datetime) -> Made | str:
    """What the model answers, moved on."""
    if step.what == "buy":
        return model.buy(step, at)
    made = chosen(step, known)
    if made is None:
        return "payment.not_awaited" if step.what == "pay" else "order.unknown"
    if step.what == "pay":
        return model.pay(made, made.cash_fen + step.off, at)
    return model.give_up(made, at, step.what == "expire", step.buyer)


@pytest.mark.clause("XZ-2")
@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(history=HISTORIES)
def test_the_books_equal_a_model(owner_url: str, history: list[tuple[int, list[Step]]]) -> None:
    live(owner_url, history)


@pytest.mark.long
@settings(max_examples=2000, suppress_health_check=[HealthCheck.too_slow])
@given(history=st.lists(st.tuples(st.integers(0, 12), st.lists(BUY | LATER, min_size=1, max_size=12)), min_size=1, max_size=50))
def test_the_books_equal_a_model_for_long(owner_url: str, history: list[tuple[int, list[Step]]]) -> None:
    live(owner_url, history)


def test_the_model_sees_a_fault(owner_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted fault: a limit year that forgets what is held."""
    monkeypatch.setattr("huibao.ledger.books.Books.paid_fen", lambda *_: 0)
    history = [(0, [Step("buy", 1, (1,), "dear"), Step("buy", 1, (2,), "dear")])]
    with pytest.raises(AssertionError):
        live(owner_url, history)
