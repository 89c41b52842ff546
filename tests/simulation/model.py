"""The reference: people, orders and policies as they should be, kept without a line of the code under test.

Each command is decided here too, in the order of the documented precedence, and its answer compared; what was done moves the model.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final

from huibao.enrolment.model import Buy, Entry, Paid, PayWith, Release
from huibao.record.model import DONE, Answer
from tests.simulation.days import HERE, Hand, Review, age, day, review_of
from tests.simulation.goods import GOODS, Good
from tests.simulation.people import Citizen, Mandate, Payer, Proposed, Rules, citizens

TIME_TO_PAY: Final = timedelta(minutes=30)
LIVE: Final = ("pending", "in-force")
#: The credential that residents enter their orders with.
ENTERED: Final = 1


class Found(AssertionError):
    """What the simulation found: product and reference do not agree."""


@dataclass(slots=True)
class Cover:
    """A policy: whom it covers, which parts of its premium came from where, how it stands and for which days."""

    insured: int
    good: Good
    parts: dict[str, int]
    cash_fen: int
    sponsor_fen: int = 0
    state: str = "pending"
    since: date | None = None
    until: date | None = None
    ended: date | None = None
    begun: datetime | None = None
    hardship: str = "none"
    corrected: list[tuple[date, str]] = field(default_factory=list)

    def hardship_on(self, admitted: date) -> str:
        """What was frozen of the insured, as it was corrected since for who is admitted on a day; the last correction counts."""
        return next((value for since, value in reversed(self.corrected) if since <= admitted), self.hardship)

    def covers(self, on: date) -> bool:
        """Whether it covers a day; one that ended early covers the days before."""
        if self.state not in ("in-force", "surrendered") or self.since is None or self.until is None:
            return False
        return self.since <= on <= self.until and (self.ended is None or on < self.ended)


@dataclass(slots=True)
class Made:
    """An order with its policies by position; `years` are those that its holds count in. `hands` entered it or one whose place it took.

    `entry` says who did where the buyer did not: how, with which credential, as whom, by which mandate, as which kin; `endorses` whose place
    it took, and why.
    """

    id: int
    buyer: int
    covers: list[Cover]
    state: str
    deadline: datetime | None
    years: tuple[int, ...]
    sponsor: str | None = None
    review: Review | None = None
    pay_with: PayWith = "account"
    hands: tuple[Hand, ...] = ()
    entry: tuple[str, int, int | None, int | None, str | None] | None = None
    endorses: tuple[int, str] | None = None

    @property
    def cash_fen(self) -> int:
        return sum(cover.cash_fen for cover in self.covers)

    @property
    def account_fen(self) -> int:
        return sum(sum(cover.parts.values()) for cover in self.covers)


@dataclass
class Model:
    """What the city's books should say. `terms` has the digest of the terms of each product as sold."""

    rules: Rules
    terms: dict[str, str]
    people: dict[int, Citizen] = field(default_factory=citizens)
    orders: dict[int, Made] = field(default_factory=dict)
    mandates: dict[int, Mandate] = field(default_factory=dict)
    proposals: dict[tuple[int, int], Proposed] = field(default_factory=dict)
    payers: dict[str, Payer] = field(default_factory=dict)
    income: dict[str, int] = field(default_factory=dict)
    clearing: dict[str, int] = field(default_factory=dict)
    refused_payments: int = 0

    def meets(self) -> dict[type, Callable[[Any, datetime, Answer], None]]:
        """What compares the answer to each kind of command."""
        return {Buy: self.buy, Paid: self.pay, Release: self.release}

    def policies(self, person: int) -> list[tuple[Made, Cover]]:
        return [(made, cover) for made in self.orders.values() for cover in made.covers if cover.insured == person]

    def live(self, person: int, product: str) -> bool:
        return any(cover.good.id == product and cover.state in LIVE for _, cover in self.policies(person))

    # ── buying ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def buy(self, command: Buy, at: datetime, answer: Answer) -> None:
        granted = self.decide(command, at)
        same(answer, granted if isinstance(granted, str) else DONE)
        if not isinstance(granted, str):
            self.take_up(command, granted, at, answer)

    def take_up(self, command: Buy, granted: list[Cover], at: datetime, answer: Answer, before: tuple[Hand, ...] = ()) -> Made:
        """The order as it was answered; `before` are the hands of the order whose place it takes."""
        told, entry = json.loads(answer.body), by_another(command)
        made = self._made(command, granted, number(told["order"]), at)
        made.hands = (*before, (command.credential, entry.person if entry else None))
        if entry is not None:
            made.entry = (entry.channel, command.credential, entry.person, *self.authority(command, day(at)))
        account_fen = 0 if made.sponsor else made.account_fen
        same_figures(told, state=made.state, account_fen=account_fen, cash_fen=made.cash_fen, premium_fen=len(granted) * granted[0].good.premium_fen)
        self.orders[made.id] = made
        for key in command.renewing:
            self.confirmed(self.proposals[key], made)
        return made

    def confirmed(self, proposed: Proposed, made: Made) -> None:
        proposed.state, proposed.bought, proposed.remind_on = "confirmed", made.id, None
        proposed.why = None

    def decide(self, command: Buy, at: datetime) -> list[Cover] | str:
        """The policies as granted, or the refusal's code."""
        on = day(at)
        good = GOODS.get(command.product)
        if good is None:
            return "product.unknown"
        if not good.sold[0] <= on <= good.sold[1] or good.cover_from(on) > good.valid_to:
            return "product.not_on_sale"
        refused = self._agent(command, at) or self._buyer(command, at) or self._renewed(command) or self._wishes(command)
        granted = refused or self._everybody(command, good, at)
        if command.quoted_fen not in (None, good.premium_fen * len(command.insured)) and not isinstance(granted, str):
            return "renewal.quote_changed"
        return granted

    def _renewed(self, command: Buy) -> str:
        """What is confirmed was proposed to this buyer, for these people and this product, at a premium that was shown."""
        found = [self.proposals.get(key) for key in command.renewing]
        known = [(one.buyer, one.insured, one.product) for one in found if one is not None]
        wanted = [(command.buyer, wish.member, command.product) for wish in command.insured]
        return "renewal.unknown" if found and (known != wanted or command.quoted_fen is None) else ""

    def _agent(self, command: Buy, at: datetime) -> str:
        """Whether who acts for the buyer may; before anything is said of the buyer."""
        if (acts := acting(command)) == command.buyer:
            return ""
        agent = self.people.get(acts)
        if agent is None:
            return "agent.unknown"
        if agent.died is not None and agent.died <= day(at):
            return "person.died"
        if age(agent.born, day(at)) < 18:
            return "agent.minor"
        mandate, relation = self.authority(command, day(at))
        if command.pay_with == "account":
            return "mandate.account_closed" if not self.rules.lent else "mandate.account_not_given" if mandate is None else ""
        return "mandate.none" if mandate is None and relation not in self.rules.relatives else ""

    def authority(self, command: Buy, on: date) -> tuple[int | None, str | None]:
        """By which mandate somebody acts for the buyer, and as which of their kin."""
        acts, buyer = acting(command), self.people.get(command.buyer)
        needed = {"order", "pay"} if command.pay_with == "account" else {"order"}
        given = [one.id for one in self.mandates.values() if (one.principal, one.agent) == (command.buyer, acts) and one.may >= needed and one.holds(on)]
        return min(given, default=None), buyer.kin[acts][0] if buyer is not None and acts in buyer.kin else None

    def _buyer(self, command: Buy, at: datetime) -> str:
        buyer = self.people.get(command.buyer)
        if buyer is None:
            return "buyer.unknown"
        if buyer.died is not None and buyer.died <= day(at):
            return "person.died"
        if age(buyer.born, day(at)) < 18:
            return "buyer.minor"
        if command.consent is None or command.consent.terms != self.terms[command.product]:
            return "consent.terms_changed"
        check = command.identity
        if check is None or not check.passed or check.person != acting(command):
            return "identity.not_verified"
        return "" if at - timedelta(minutes=15) <= check.at <= at + timedelta(minutes=1) else "identity.expired"

    def _wishes(self, command: Buy) -> str:
        named = [wish.member for wish in command.insured]
        if not named:
            return "order.insured_count"
        return "order.insured_twice" if len({*named}) < len(named) else ""

    def _everybody(self, command: Buy, good: Good, at: datetime) -> list[Cover] | str:
        """Every insured after those before, in the years in which the money could be captured."""
        granted = self.in_years(command, good, at, (day(at).year,))
        if isinstance(granted, str):
            return granted
        years = self._years(command.pay_with, granted, at)
        return granted if len(years) == 1 else self.in_years(command, good, at, years)

    def _years(self, pay_with: str, granted: list[Cover], at: datetime) -> tuple[int, ...]:
        """The limit years in which money that is set aside now could be captured."""
        until = at
        if pay_with == "account" and any(cover.cash_fen for cover in granted):
            until = at + TIME_TO_PAY
        if self.rules.reviewed and any(cover.parts for cover in granted):
            until = max(until, review_of(granted[0].good, until).void_at)
        return tuple(sorted({day(at).year, day(until).year}))

    def in_years(self, command: Buy, good: Good, at: datetime, years: tuple[int, ...]) -> list[Cover] | str:
        granted: list[Cover] = []
        for wish in command.insured:
            refused = self._insured(command, wish.member, good, at)
            if refused:
                return refused
            cover = self._paid_by(command, wish.member, good, granted, years)
            if isinstance(cover, str):
                return cover
            granted.append(cover)
        return granted

    def _insured(self, command: Buy, member: int, good: Good, at: datetime) -> str:
        """Whether this buyer may have this person insured with this money; who is no relative learns nothing of the person."""
        buyer, insured = self.people[command.buyer], self.people.get(member)
        relation, registered = ("self", False) if member == buyer.id else buyer.kin.get(member, ("", False))
        if not relation and command.pay_with == "cash":
            return "relation.not_registered"
        if relation and insured is not None:
            if insured.died is not None and insured.died <= day(at):
                return "person.died"
            if age(insured.born, day(at)) < 14 and not (command.consent and command.consent.guardian):
                return "consent.guardian_needed"
            if self.live(member, good.id):
                return "policy.already_insured"
        if command.pay_with == "cash":
            return self._joins(insured) if self.rules.cash_alone and insured else "join.not_provided"
        if buyer.insurance != "310":
            return "payer.not_enrolled"
        if buyer.status != "1":
            return "payer.status_not_normal"
        if relation not in self.rules.relations and not (self.rules.registered and registered):
            return "relation.not_allowed"
        return "" if insured is None or insured.status == "1" else "insured.status_not_normal"

    def _joins(self, insured: Citizen) -> str:
        return "" if insured.status == "1" else "join.status_not_normal"

    def _paid_by(self, command: Buy, member: int, good: Good, before: list[Cover], years: tuple[int, ...]) -> Cover | str:
        """How a premium is split, after what those before take."""
        if command.pay_with == "cash":
            return Cover(member, good, {}, good.premium_fen)
        buyer, rules = self.people[command.buyer], self.rules
        if sum(buyer.free(kind) for kind in rules.accounts) < rules.minimum_fen:
            return "account.balance_below_minimum"
        taken = {kind: sum(cover.parts.get(kind, 0) for cover in before) for kind in rules.accounts}
        left = good.premium_fen
        if rules.limit_fen is not None:
            left = max(0, min(left, rules.limit_fen - max(buyer.counted(year) for year in years) - sum(taken.values())))
        parts = {}
        for kind in rules.accounts:
            fen = min(left, buyer.free(kind) - taken[kind])
            left -= fen
            if fen:
                parts[kind] = fen
        cash = good.premium_fen - sum(parts.values())
        return "account.insufficient" if cash and not rules.mixed else Cover(member, good, parts, cash)

    def _made(self, command: Buy, granted: list[Cover], id: int, at: datetime) -> Made:
        """The order as taken up: captured at once where nothing is waited for, else set aside."""
        cash = sum(cover.cash_fen for cover in granted)
        reviewed = self.rules.reviewed and any(cover.parts for cover in granted)
        last = datetime.combine(granted[0].good.valid_to, datetime.min.time(), HERE)
        years = self._years(command.pay_with, granted, at)
        self.freeze(granted, at)
        state = "awaiting-payment" if cash else "awaiting-review" if reviewed else "completed"
        made = Made(id, command.buyer, granted, state, min(at + TIME_TO_PAY, last) if cash else None, years, pay_with=command.pay_with)
        if state != "completed":
            for cover in granted:
                self.people[made.buyer].hold(cover.parts, years, 1)
            self._waits(made, at)
        else:
            self.begin(made, at)
        return made

    def freeze(self, covers: list[Cover], at: datetime) -> None:
        """What benefits may ask of the insured later, as it is known now."""
        for cover in covers:
            cover.hardship = self.people[cover.insured].hardship_on(day(at))

    def _waits(self, made: Made, at: datetime) -> None:
        if made.state == "awaiting-review":
            made.review = review_of(made.covers[0].good, at, 2 if made.account_fen > self.rules.two_above_fen else 1)

    def begin(self, made: Made, at: datetime) -> None:
        """Account money is captured, the cover begins."""
        made.state, on = "completed", day(at)
        for cover in made.covers:
            cover.begun = at
            self.people[made.buyer].spend(cover.parts, on.year)
            add(self.clearing, cover.good.id, sum(cover.parts.values()))
            cover.state, cover.since, cover.until = "in-force", cover.good.cover_from(on), cover.good.valid_to

    # ── afterwards ───────────────────────────────────────────────────────────────────────────────────────────────────

    def pay(self, command: Paid, at: datetime, answer: Answer) -> None:
        made = self.orders.get(command.order)
        if made is None or made.state != "awaiting-payment" or (made.deadline is not None and made.deadline <= at):
            same(answer, "payment.not_awaited")
        elif command.fen != made.cash_fen:
            same(answer, "payment.amount_differs")
        else:
            same(answer, DONE)
            for cover in made.covers:
                add(self.income, cover.good.id, cover.cash_fen)
            made.deadline = None
            if self.rules.reviewed and made.account_fen:
                made.state = "awaiting-review"
                self._waits(made, at)
            else:
                self.let_go(made)
                self.begin(made, at)
            return
        self.refused_payments += 1

    def release(self, command: Release, at: datetime, answer: Answer) -> None:
        made = self.orders.get(command.order)
        if made is None or command.buyer not in (None, made.buyer):
            same(answer, "order.unknown")
            return
        waits = made.state == "awaiting-payment"
        over = waits and made.deadline is not None and made.deadline <= at
        if (command.why == "expired" and not over) or not (waits or (made.state == "awaiting-review" and not made.cash_fen)):
            same(answer, "order.not_waiting")
            return
        same(answer, DONE)
        self.void(made, at)

    def void(self, made: Made, at: datetime) -> None:
        """An order that comes to nothing; what it confirmed is to be asked again."""
        self.let_go(made)
        for proposed in self.proposals.values():
            if proposed.bought == made.id:
                proposed.state, proposed.bought = "open", None
                proposed.remind_on = proposed.next_day(self.rules.remind_days, day(at))
        made.state, made.deadline = "void", None
        for cover in made.covers:
            cover.state = "void"

    def let_go(self, made: Made) -> None:
        for cover in made.covers:
            self.people[made.buyer].hold(cover.parts, made.years, -1)


# ── answers ──────────────────────────────────────────────────────────────────────────────────────────────────────────

def same(answer: Answer, expected: str) -> None:
    """The answer is what the reference says. Raises `Found`."""
    if answer.outcome != expected:
        raise Found(f"answered {answer.outcome}, the reference says {expected}")


def same_figures(told: dict[str, Any], **expected: object) -> None:
    """Each figure of an answer is the reference's. Raises `Found`."""
    wrong = {name: (told.get(name), value) for name, value in expected.items() if told.get(name) != value}
    if wrong:
        raise Found(f"answered, and the reference: {wrong}")


def number(written: str) -> int:
    """The id in an order's or a settlement's number."""
    return int(written.split("-")[1].removeprefix("S"))


def acting(command: Buy) -> int:
    """Who acts: the buyer, at a counter too, or an agent."""
    entry = command.entry
    return entry.person if entry is not None and entry.channel == "agent" and entry.person is not None else command.buyer


def by_another(command: Buy) -> Entry | None:
    """Who entered an order that its buyer did not: a clerk at a counter, or an agent who is somebody else."""
    return command.entry if command.entry is not None and (command.entry.channel == "counter" or acting(command) != command.buyer) else None


def add(sums: dict[str, int], key: str, fen: int) -> None:
    sums[key] = sums.get(key, 0) + fen
