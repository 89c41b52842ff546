"""Batches beside each other, beside surrenders and beside purchases at the same instant: each movement stands in one place."""

import asyncio
import threading
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from huibao.core.clock import SimulatedClock
from huibao.record.model import DONE
from huibao.remittance import own
from huibao.remittance.model import ReadBack
from tests import books
from tests.books import DAY, City, buy, rows, small_city
from tests.books import run as buys
from tests.database import MakeProgramme
from tests.refunds.counter import Counter
from tests.remittance import office
from tests.remittance.office import FEN, LATER, code, run, sound

PEOPLE = 12


@pytest.fixture
def city(programme: MakeProgramme) -> City:
    city = office.city_of(programme, PEOPLE, more=24)
    office.open_account(city)
    return city


@pytest.mark.clause("LZ-14")
def test_two_who_list_at_once_make_one_batch(city: City) -> None:
    told = office.at_once(city, [[office.make(city)] for _ in range(6)])
    assert sorted(code(answer) for [answer] in told) == ["done"] + ["remittance.nothing_due"] * 5
    assert rows(city, "SELECT count, fen FROM remittance") == [(PEOPLE, PEOPLE * FEN)]
    assert sound(city) == []


def test_one_batch_of_commands_lists_once(city: City) -> None:
    told = run(city, office.make(city), office.make(city), office.make(city, office.LATER))
    assert [code(answer) for answer in told] == ["done", "remittance.nothing_due", "remittance.nothing_due"]


def test_the_schedule_lists_a_day_once(city: City) -> None:
    day = office.LATER.date()
    told = office.at_once(city, [[own.due(city.plan.id, day)] for _ in range(6)])
    assert {code(answer) for [answer] in told} == {"done"}
    assert len({answer.body for [answer] in told}) == 1
    assert rows(city, "SELECT outcome FROM remittance_run") == [("listed",)]
    assert rows(city, "SELECT count(*) FROM remittance") == [(1,)]


@pytest.mark.clause("LZ-14", "LZ-15a")
def test_a_movement_is_listed_or_reversed_never_both(city: City) -> None:
    """Half of the people surrender while batches are listed, in every order that the machine happens to take."""
    ready = threading.Barrier(3)
    reversed_: list[int] = []
    orders = {person: (order, 1) for person, order in rows(city, "SELECT insured_id, order_id FROM policy")}

    def surrendering(first: int) -> None:
        counter = Counter(city)
        ready.wait()
        for person in range(first, PEOPLE + 1, 2):
            told = counter.surrenders(orders[person], LATER)
            reversed_.extend([person] * (told.parts[0].state == "done"))

    threads = [threading.Thread(target=surrendering, args=(first,)) for first in (1, 2)]
    for thread in threads:
        thread.start()
    ready.wait()
    told = [office.at_once(city, [[office.make(city)]])[0][0] for _ in range(4)]
    for thread in threads:
        thread.join()
    listed = rows(city, "SELECT t.person_id FROM remittance_line l JOIN transfer t ON t.id = l.transfer_id ORDER BY 1")
    assert sorted([*reversed_, *(person for (person,) in listed)]) == list(range(1, PEOPLE + 1))
    assert {code(answer) for answer in told} <= {DONE, "remittance.nothing_due"}
    assert sound(city) == []


def test_what_is_bought_while_batches_are_listed_stands_in_one(city: City) -> None:
    """Late commits with an earlier instant are not lost: the next batch takes them."""
    shop = replace(city, clock=SimulatedClock(DAY))     # a clock of its own: the office's stands elsewhere

    async def story() -> None:
        async def buying() -> None:
            for n in range(PEOPLE + 1, PEOPLE + 25, 4):
                await asyncio.to_thread(buys, shop, [buy(shop, n + m) for m in range(4)])

        async def listing() -> None:
            for _ in range(6):
                await asyncio.to_thread(office.at_once, city, [[office.make(city)]])

        await asyncio.gather(buying(), listing())

    asyncio.run(story())
    run(city, office.make(city))
    assert rows(city, "SELECT count(*), count(DISTINCT transfer_id) FROM remittance_line") == [(PEOPLE + 24, PEOPLE + 24)]
    assert sound(city) == []


def test_paid_said_by_bank_and_file_at_once_moves_money_once(city: City) -> None:
    made = office.sent(city)
    lines = "\n".join(f"line,{{e{n}}},,{FEN},paid," for n in range(1, PEOPLE + 1))
    read = office.parsed(city, made.remittance, lines)
    told = office.at_once(city, [[own.paid(made.remittance, made.fen, made.fen)], [ReadBack(1, made.remittance, *read)]] * 3)
    assert {code(answer) for [answer] in told} <= {DONE, "remittance.not_waiting"}
    assert office.money(city) == {"clearing": 0, "income": made.fen}
    assert sound(city) == []


# ── any order ────────────────────────────────────────────────────────────────────────────────────────────────────────

STEPS = st.lists(st.one_of(
    st.just(("list",)), st.just(("send",)), st.just(("paid",)), st.just(("returned",)),
    st.tuples(st.just("file"), st.dictionaries(st.integers(1, 4), st.booleans(), min_size=1)),
    st.tuples(st.just("reverse"), st.integers(1, 4), st.integers(1, FEN)),
    st.tuples(st.just("freeze"), st.integers(1, 4)), st.tuples(st.just("thaw"), st.integers(1, 4))), max_size=9)


class World:
    """One city for all examples: what an example leaves is what the next starts with."""

    def __init__(self, owner_url: str) -> None:
        self.city = office.city_of(books.founder(owner_url), 4, more=200)
        office.open_account(self.city)
        self.people = list(range(1, 5))
        self.next = 5

    def fresh(self) -> None:
        """Four more people with premiums in clearing."""
        self.people = list(range(self.next, self.next + 4))
        self.next += 4
        buys(self.city, [buy(self.city, n) for n in self.people])

    def does(self, what: str, *about: object) -> None:
        city = self.city
        [(latest,)] = rows(city, "SELECT COALESCE(max(id), 0) FROM remittance WHERE count > 0")
        if what == "list":
            run(city, office.make(city))
        elif what == "send":
            run(city, own.sent(latest))
        elif what == "paid":
            [(fen,)] = rows(city, "SELECT COALESCE(sum(fen), 0)::bigint FROM remittance_line WHERE remittance_id = %s AND state <> 'failed'", latest)
            run(city, own.paid(latest, fen, office.waiting_fen(city, latest)))
        elif what == "returned":
            run(city, own.returned(latest))
        elif what == "file":
            self._file(latest, about[0])
        elif what == "reverse":
            [(order,)] = rows(city, "SELECT order_id FROM policy WHERE insured_id = %s", self.people[int(str(about[0])) - 1])
            Counter(city).asks((order, 1), LATER)
        else:
            office.freeze(city, self.people[int(str(about[0])) - 1], "frozen" if what == "freeze" else "open")

    def _file(self, latest: int, said: object) -> None:
        lines = rows(self.city, "SELECT transfer_id, fen FROM remittance_line WHERE remittance_id = %s AND counted ORDER BY 1", latest)
        if latest and isinstance(said, dict):
            text = "\n".join(f"line,{lines[n - 1][0]},,{lines[n - 1][1]},{'paid' if paid else 'failed'}," for n, paid in said.items() if n <= len(lines))
            run(self.city, ReadBack(1, latest, *office.parsed(self.city, latest, text)))


@pytest.fixture(scope="module")
def world(owner_url: str) -> World:
    return World(owner_url)


@pytest.mark.clause("LZ-14")
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_clearing_is_what_is_unlisted_and_what_is_listed(world: World, steps: list[tuple[object, ...]]) -> None:
    world.fresh()
    for what, *about in steps:
        world.does(str(what), *about)
        [(clearing, unlisted, listed)] = rows(world.city, """
            SELECT a.credit_fen - a.debit_fen,
                   (SELECT COALESCE(sum(t.fen - COALESCE((SELECT sum(b.fen) FROM transfer b WHERE b.kind = 'refund-reversed'
                                                          AND b.order_id = t.order_id), 0)), 0)::bigint FROM transfer t
                    WHERE t.kind = 'premium-account' AND NOT EXISTS (
                        SELECT FROM remittance_line l WHERE l.transfer_id = t.id AND l.state <> 'failed')),
                   (SELECT COALESCE(sum(fen), 0)::bigint FROM remittance_line WHERE state = 'listed')
            FROM account a WHERE a.kind = 'clearing'""")
        assert clearing == unlisted + listed, what
    assert sound(world.city) == []


def test_nobody_else_is_in_the_city(programme: MakeProgramme) -> None:
    """A city without account money has nothing to list."""
    empty = small_city(programme, "xizang")
    office.open_account(empty)
    assert code(run(empty, office.make(empty))[0]) == "remittance.nothing_due"
    assert [code(answer) for answer in run(empty, office.make(empty, product="none"), office.make(empty, product="\0"),
                                           own.sent(99), own.paid(99, 1, 1), own.returned(99))] == [
        "remittance.product_unknown", "remittance.product_unknown", *["remittance.unknown"] * 3]


@pytest.mark.clause("LZ-14", "LZ-15a")
def test_surrenders_at_the_counter_beside_a_batch(city: City) -> None:
    """The two slices themselves: whoever surrenders while a batch is listed is reversed, or stands in it and waits for its answer."""
    shop = replace(city, clock=SimulatedClock(office.LATER))
    policies = rows(city, "SELECT t.person_id, t.order_id, t.position::int FROM transfer t WHERE t.kind = 'premium-account' ORDER BY 1")
    ready = threading.Barrier(2)

    def surrendering() -> None:
        ready.wait()
        for _, order, position in policies[::2]:
            Counter(shop).surrenders((order, position), office.LATER)

    thread = threading.Thread(target=surrendering)
    thread.start()
    ready.wait()
    for _ in range(3):
        run(city, office.make(city))
    thread.join()
    run(city, office.make(city))
    refunds = dict(rows(city, "SELECT order_id, state FROM refund"))
    listed = {order for (order,) in rows(city, "SELECT order_id FROM remittance_line")}
    assert {order: "waiting" if order in listed else "done" for _, order, _ in policies[::2]} == refunds
    assert listed == {order for _, order, _ in policies} - {order for order, state in refunds.items() if state == "done"}
    assert sound(city) == []
