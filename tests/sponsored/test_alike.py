"""Many lines decided as one: whoever is in a file with whom, each is answered and written as if decided alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huibao.benefits import loading as plans
from huibao.benefits.model import Plan
from huibao.catalogue.model import Offer, Programme, Shelf
from huibao.core.time import SHANGHAI
from huibao.db.arrays import Column
from huibao.db.wire import Asked, Wire
from huibao.enrolment import purchase
from huibao.enrolment import state as enrolment
from huibao.enrolment.continuity import Earlier
from huibao.enrolment.model import Buy, InsuredWish
from huibao.enrolment.work import Orders
from huibao.ledger.books import Books
from huibao.ledger.model import Account
from huibao.members.model import Member
from huibao.scheme import loading as schemes
from huibao.scheme.asked import Enrolment, Person
from huibao.sponsored.alike import Alike
from huibao.sponsored.model import Enrol
from huibao.sponsored.replacing import Replacing
from huibao.sponsored.runs import Runs
from huibao.sponsored.runs import State as Running
from tests.books import KEYRING

SPONSOR: Final = "某区民政局（示例）"
CODE: Final = "990009"
SCHEMES: Final = {id: schemes.builtin(id) for id in schemes.builtin_ids()}
PLANS: Final = [plan for plan in map(plans.builtin, plans.builtin_ids()) if plan.scheme in SCHEMES]
#: Every plan, and as the next year of another.
YEARS: Final = [year for plan in PLANS for year in (plan, replace(plan, renews="earlier"))]


class Written(Wire):
    """A wire that goes nowhere and keeps what was queued."""

    def __init__(self) -> None:
        self.said: list[tuple[str, Mapping[str, object]]] = []

    def ask(self, sql: str, given: Mapping[str, object] | None = None) -> Asked:
        self.said.append((sql, {name: one.binary() if isinstance(one, Column) else one for name, one in (given or {}).items()}))
        return Asked()


@dataclass(frozen=True, slots=True)
class Crowd:
    """People of a file, lines by whose number, and what the sponsor has."""

    plan: Plan
    at: datetime
    people: Sequence[Member]
    held: Mapping[int, Sequence[Earlier]]
    live: frozenset[int]
    lines: Sequence[tuple[int, str | None]]
    fen: int

    def state(self) -> enrolment.State:
        """A state of its own, as a batch loads it."""
        plan, on = self.plan, self.at.date()
        assert plan.scheme is not None
        scheme = SCHEMES[plan.scheme]
        offer = Offer(1, plan.id, plan.name, "", "on-sale", plan.valid_from - timedelta(days=400), plan.valid_to, scheme.name, "a", plan, b"p" * 32,
                      "", b"t" * 32, "1", ((date(2020, 1, 1), 1),), 11, 12, True)
        programme = Programme(CODE, "示例", scheme.admdvs[0], "p", scheme)
        sponsor = Account(5, None, "sponsor", None, SPONSOR, False, "open", self.fen, 0)
        return enrolment.State(programme, Shelf(1, {plan.id: offer}, {1: offer}, 10), KEYRING, on, {one.id: one for one in self.people},
                               Books([sponsor]), {(id, plan.id) for id in self.live}, {}, held=self.held)

    def buys(self) -> list[Buy]:
        return [Buy(7, id, self.plan.id, (InsuredWish(id, tier),), "sponsor", sponsor=SPONSOR) for id, tier in self.lines]


def people(plan: Plan) -> st.SearchStrategy[list[tuple[Any, ...]]]:
    """Born, died, key, as schemes see them, hardship, what they had: all as one, but for a thing or two each."""
    area, first = SCHEMES[plan.scheme or ""].admdvs[0].ljust(6, "0"), plan.valid_from
    before = [Earlier(product, "in-force", first - timedelta(days=1), {"years_enrolled": years}, paid)
              for product in (plan.renews or "another", "another") for years in (1, 2) for paid in (0, 5_000)]
    ordinary: tuple[Any, ...] = (date(first.year - 40, first.month, first.day), None, b"k", Person((Enrolment("310", "1", area),)), "none", [])
    other = st.one_of(
        st.tuples(st.just(0), st.sampled_from([date(first.year - years, first.month, first.day) + timedelta(days=day)
                                               for years in (3, 18, 40, 60, 80) for day in (-1, 0, 1)])),
        st.tuples(st.just(1), st.just(date(2020, 1, 1))),
        st.tuples(st.just(2), st.none()),
        st.tuples(st.just(3), st.sampled_from([Person(()), *(Person((Enrolment(insurance, status, where),), chronic)
                                                             for insurance in ("310", "390") for status in "12"
                                                             for where in (area, "999900") for chronic in (False, True))])),
        st.tuples(st.just(4), st.sampled_from(["minimum-living", "extreme-poverty"])),
        st.tuples(st.just(5), st.lists(st.sampled_from(before), min_size=1, max_size=2)))
    one = st.lists(other, max_size=2).map(lambda changes: tuple(dict([*enumerate(ordinary), *changes]).values()))
    return st.lists(one, min_size=2, max_size=12)


@st.composite
def crowds(draw: st.DrawFn) -> Crowd:
    plan = draw(st.sampled_from(YEARS))
    found = draw(people(plan))
    count = len(found)
    day = draw(st.sampled_from([plan.valid_from - timedelta(days=20), plan.valid_from + timedelta(days=2), plan.valid_to]))
    tiers = [*plan.tier_ids, *plan.tier_ids, None] if plan.tiers else [None, None, None, "x"]
    lines = st.lists(st.tuples(st.integers(1, count + 1), st.sampled_from(tiers)), min_size=6, max_size=24)
    return Crowd(plan, datetime(day.year, day.month, day.day, 9, tzinfo=SHANGHAI),
                 [Member(id, born, died, wrapped, person, hardship, {}) for id, (born, died, wrapped, person, hardship, _) in enumerate(found, 1)],
                 {id: paid for id, (*_, paid) in enumerate(found, 1) if paid}, frozenset(draw(st.sets(st.integers(1, count), max_size=2))),
                 draw(lines), draw(st.sampled_from([25_000, 40_000, 10**9])))


def written(orders: Orders, state: enrolment.State, at: datetime) -> object:
    """All that a batch would write of what was decided, and what it leaves."""
    wire = Written()
    orders.write(wire, state, at)
    orders.write_hot(wire, state, at)
    return wire.said, state.live, state.books.accounts


@pytest.mark.clause("XJ-3.3")
@settings(max_examples=300)
@given(crowds())
def test_lines_are_answered_and_written_as_each_alone(crowd: Crowd) -> None:
    alone, many = crowd.state(), Running(crowd.state(), Replacing())
    orders, runs = Orders(alone.programme, KEYRING), Runs(alone.programme, KEYRING)
    one_by_one = [orders.decide(alone, n, buy, crowd.at) for n, buy in enumerate(crowd.buys(), 100)]
    together = [runs.decide(many, n, Enrol(1, 0, n, None, buy), crowd.at) for n, buy in enumerate(crowd.buys(), 100)]
    assert together == one_by_one
    assert written(orders, many.orders, crowd.at) == written(orders, alone, crowd.at)


@settings(max_examples=300)
@given(crowds())
def test_lines_are_checked_as_each_alone(crowd: Crowd) -> None:
    state, alike = crowd.state(), Alike()
    for buy in crowd.buys():
        assert alike.decide(state, buy, crowd.at) == purchase.decide(state, buy, crowd.at)


def test_who_is_alike_is_decided_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two thousand people of forty ages are forty decisions."""
    plan = next(plan for plan in PLANS if not plan.tiers and plan.status == "example")
    person = Person((Enrolment("310", "1", SCHEMES[plan.scheme or ""].admdvs[0].ljust(6, "0")),))
    found = [Member(n, date(1950 + n % 40, 1, 1), None, b"k", person, "none", {}) for n in range(1, 2_001)]
    at = datetime(plan.valid_from.year, plan.valid_from.month, plan.valid_from.day, 9, tzinfo=SHANGHAI)
    crowd = Crowd(plan, at, found, {}, frozenset(), [(one.id, None) for one in found], 10**12)
    decided: list[Buy] = []

    def counted(state: enrolment.State, buy: Buy, at: datetime) -> object:
        decided.append(buy)
        return purchase.decide(state, buy, at)

    monkeypatch.setattr("huibao.enrolment.work.decide", counted)
    state = Running(crowd.state(), Replacing())
    runs = Runs(state.orders.programme, KEYRING)
    told = [runs.decide(state, n, Enrol(1, 0, n, None, buy), at) for n, buy in enumerate(crowd.buys(), 1)]
    assert {decision.outcome for decision in told} == {"done"}
    assert len(decided) == 40
