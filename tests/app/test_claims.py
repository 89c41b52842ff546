"""What the service does about offers and reversals by itself: hospitals are asked, nothing is assumed, what followed is put right."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

import pytest

from huibao.app import caretaker
from huibao.db.wire import Wire
from huibao.gateways.simulators.model import no
from huibao.record.lane import Lane
from huibao.record.model import DONE, Answer
from huibao.scheme.model import DESK
from huibao.settlement import state as desk_state
from huibao.settlement.model import Command, Withdraw
from huibao.settlement.state import State
from huibao.settlement.work import Desk
from tests.app.clinic import CONFIRM, DAY_S, FIRST, NEXT, SECOND_S, Clinic, clinic_of, clinic_street
from tests.app.street import EVERY_S, Street
from tests.books import KEYRING, City, verify
from tests.record.clerk import service
from tests.settlement.rounds import ask
from tests.settlement.ward import INDEX_KEY, bill, reversal

WAIT: Final = timedelta(days=DESK.wait_days)
OFFERED: Final = ("offered", "hospital")


@pytest.fixture(autouse=True)
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """The caretaker sleeps: turns are the test's, which knows when they are over."""
    monkeypatch.setattr(caretaker, "EVERY_S", 3_600)


@pytest.fixture
def street(pg_url: str) -> Iterator[Street]:
    with clinic_street(pg_url, 7) as made:
        yield made


# ── offers that nobody confirmed ─────────────────────────────────────────────────────────────────────────────────────

@pytest.mark.clause("LZ-10")
def test_each_answer_of_a_hospital_has_its_consequence(street: Street) -> None:
    async def story(street: Street) -> None:
        code, clock = street.city.code, street.city.clock
        async with clinic_of(street) as clinic:
            for n in range(1, 6):
                await clinic.settle(n, f"S{n}")
            said = street.outside.hospitals["H1"]
            said.remember(code, "S1", "deducted", FIRST)
            said.remember(code, "S2", "deducted", FIRST - 1)
            said.remember(code, "S3", "not-deducted")
            said.remember(code, "S4", "reversed")
            clock.advance(CONFIRM - SECOND_S)
            await clinic.turn()
            assert (clinic.asked, set(clinic.standing().values())) == ([], {OFFERED})
            clock.advance(SECOND_S)
            await clinic.turn()
            assert clinic.standing() == {"S1": ("confirmed", "hospital"), "S2": OFFERED, "S3": ("confirmed", "person"), "S4": ("void", "hospital"),
                                         "S5": ("void", "hospital")}
            assert clinic.cases() == [("reconciliation", "amount.differs", "S2", -1)]
            assert clinic.payouts() == [("due", 1, FIRST)]
            assert clinic.rows("SELECT person_id FROM notice") == [(3,)]
            assert clinic.balances() == {"claims": 2 * FIRST, "hospital": -FIRST, "claimant": -FIRST}
            assert clinic.rows("SELECT sum(used_fen) FROM (SELECT jsonb_array_length(used) AS used_fen, whose FROM accumulator) a WHERE whose IN (4, 5)") == [(0,)]
            events = clinic.events()
            await clinic.turn(2)
            assert (clinic.events(), clinic.asks("H1")) == (events, 5), "who has answered is not asked again before its time"

    street.live(story)
    assert verify(street.city) == []


def test_another_amount_is_a_case_and_asked_again_after_a_day(street: Street) -> None:
    async def story(street: Street) -> None:
        code, clock = street.city.code, street.city.clock
        async with clinic_of(street) as clinic:
            await clinic.settle(1, "S1")
            said = street.outside.hospitals["H1"]
            said.remember(code, "S1", "deducted", FIRST + 1)
            clock.advance(CONFIRM)
            await clinic.turn(2)
            clock.advance(DAY_S - SECOND_S)
            await clinic.turn()
            assert clinic.asks("H1") == 1
            clock.advance(SECOND_S)
            await clinic.turn(2)
            assert (clinic.asks("H1"), clinic.standing()["S1"]) == (2, OFFERED)
            assert clinic.cases() == [("reconciliation", "amount.differs", "S1", 1)]
            said.remember(code, "S1", "deducted", FIRST)
            clock.advance(DAY_S)
            await clinic.turn()
            assert clinic.standing()["S1"] == ("confirmed", "hospital")
            assert clinic.balances() == {"claims": FIRST, "hospital": -FIRST}

    street.live(story)
    assert verify(street.city) == []


def test_the_case_of_another_amount_ends_when_the_hospital_has_mended_it(street: Street) -> None:
    """Nobody has anything left to look into: an open case that no step can close would be shown for ever."""
    async def story(street: Street) -> None:
        async with clinic_of(street) as clinic:
            await clinic.settle(1, "S1")
            street.outside.hospitals["H1"].remember(street.city.code, "S1", "deducted", FIRST + 1)
            street.city.clock.advance(CONFIRM)
            await clinic.turn()
            street.outside.hospitals["H1"].remember(street.city.code, "S1", "deducted", FIRST)
            street.city.clock.advance(DAY_S)
            await clinic.turn()
            assert clinic.standing()["S1"] == ("confirmed", "hospital")
            assert clinic.cases() == []

    street.live(story)


def test_where_the_scheme_says_so_what_was_not_deducted_is_void(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk_state, "DESK", type(DESK)(DESK.basis, unconfirmed="void"))

    async def story(street: Street) -> None:
        async with clinic_of(street) as clinic:
            await clinic.settle(1, "S1")
            street.outside.hospitals["H1"].remember(street.city.code, "S1", "not-deducted")
            street.city.clock.advance(CONFIRM)
            await clinic.turn()
            assert clinic.standing()["S1"] == ("void", "hospital")
            assert (clinic.payouts(), clinic.balances(), clinic.rows("SELECT * FROM notice")) == ([], {}, [])

    street.live(story)
    assert verify(street.city) == []


def test_without_an_answer_nothing_is_assumed_and_the_hospital_is_asked_again(street: Street) -> None:
    async def story(street: Street) -> None:
        async with clinic_of(street) as clinic:
            await clinic.settle(1, "S1")
            hospital = street.outside.hospitals["H1"]
            hospital.remember(street.city.code, "S1", "deducted", FIRST)
            street.city.clock.advance(CONFIRM)
            events = clinic.events()
            for kind in ("drop", "error", "half-answer", "wrong-signature"):
                await street.fail("hospital-H1", kind)
                await clinic.turn()
                assert (kind, clinic.standing()["S1"], clinic.events()) == (kind, OFFERED, events)
                await street.mend("hospital-H1")
            answer = hospital.answer
            for denied in (no(404, "path.unknown"), no(404, ""), no(403, "settlement.unknown"), no(422, "settlement.unknown")):
                async def denying(*_: object, said: object = denied) -> object:
                    return said
                setattr(hospital, "answer", denying)  # noqa: B010 - a method in a method's place
                await clinic.turn()
                assert (denied, clinic.standing()["S1"], clinic.events()) == (denied, OFFERED, events)
            setattr(hospital, "answer", answer)  # noqa: B010
            assert verify(street.city) == []
            await clinic.turn()
            assert clinic.standing()["S1"] == ("confirmed", "hospital")

    street.live(story)
    assert verify(street.city) == []


async def all_offered(clinic: Clinic, offers: Sequence[tuple[int, str, str]]) -> None:
    for person, setl_id, hospital in offers:
        await clinic.settle(person, setl_id, hospital=hospital)
        clinic.street.city.clock.advance(SECOND_S)


def test_a_hospital_that_is_silent_or_has_no_address_keeps_no_other_waiting(street: Street) -> None:
    async def story(street: Street) -> None:
        async with clinic_of(street) as clinic:
            await all_offered(clinic, [(1, "S1", "H3"), (2, "S2", "H1"), (3, "S3", "H1"), (4, "S4", "H2")])
            for setl_id, hospital in (("S2", "H1"), ("S3", "H1"), ("S4", "H2")):
                street.outside.hospitals[hospital].remember(street.city.code, setl_id, "not-deducted")
            street.city.clock.advance(CONFIRM)
            await street.fail("hospital-H1", "drop")
            await clinic.turn()
            assert clinic.standing() == {"S1": OFFERED, "S2": OFFERED, "S3": OFFERED, "S4": ("confirmed", "person")}
            assert clinic.asks("H1") == 1, "who was silent is not asked further in this turn"
            await street.mend("hospital-H1")
            await clinic.turn()
            assert clinic.standing() == {"S1": OFFERED, "S2": ("confirmed", "person"), "S3": ("confirmed", "person"), "S4": ("confirmed", "person")}

    street.live(story)
    assert verify(street.city) == []


def test_a_hundred_offers_that_nobody_answers_for_keep_no_other_waiting(street: Street) -> None:
    """A hospital without a system, or one whose system is silent for a week: others are asked all the same."""
    async def story(street: Street) -> None:
        async with clinic_of(street) as clinic:
            await clinic.settle(1, "first", hospital="H3")
            await asyncio.gather(*(clinic.settle(1, f"S{n}", in_scope="1000", hospital="H3") for n in range(100)))
            street.city.clock.advance(SECOND_S)
            await clinic.settle(2, "last")
            street.outside.hospitals["H1"].remember(street.city.code, "last", "deducted", FIRST)
            street.city.clock.advance(CONFIRM)
            await clinic.turn(3)
            assert clinic.standing()["last"] == ("confirmed", "hospital")

    street.live(story)


# ── what followed ────────────────────────────────────────────────────────────────────────────────────────────────────

@pytest.mark.clause("LZ-10")
def test_what_followed_a_reversal_is_put_right_after_the_wait(street: Street) -> None:
    """Less due is a case for a person, more due is paid: person 1 got too much, person 2 gets what a cap had kept back."""
    async def story(street: Street) -> None:
        clock = street.city.clock
        async with clinic_of(street) as clinic:
            await clinic.agree(2)
            await clinic.confirm(await clinic.settle(1, "A"))
            await clinic.confirm(await clinic.settle(1, "B", in_scope="3000"))
            await clinic.confirm(await clinic.settle(2, "C", in_scope="306000", self_paid="215000"))
            assert (await clinic.settle(2, "D")).pay_fen == 0
            for n, setl_id in enumerate("AC"):
                assert (await clinic.reverse(f"R{n}", setl_id)).posted_fen == 0
            assert verify(street.city) == []
            clock.advance(WAIT - SECOND_S)
            await clinic.turn()
            assert (clinic.cases(), clinic.payouts()) == ([], [])
            clock.advance(SECOND_S)
            await clinic.turn()
            assert clinic.cases() == [("less-due", "reversal.before_it", "B", NEXT)]
            assert clinic.payouts() == [("paid", 1, FIRST)]
            assert [(paid.payee, paid.fen) for paid in street.outside.bank.paid] == [("person", FIRST)]
            assert clinic.rows("SELECT person_id FROM notice") == [(2,)]
            events = clinic.events()
            await clinic.turn(2)
            assert clinic.events() == events

    street.live(story)
    assert verify(street.city) == []


def test_the_same_visits_new_settlement_ends_the_wait_at_once(street: Street) -> None:
    async def story(street: Street) -> None:
        async with clinic_of(street) as clinic:
            await clinic.confirm(await clinic.settle(1, "A", visit="V"))
            await clinic.confirm(await clinic.settle(1, "B", in_scope="3000"))
            await clinic.reverse("R", "A")
            await clinic.settle(1, "other", in_scope="0", self_paid="1")
            await clinic.turn()
            assert clinic.cases() == [], "another visit ends no wait"
            again = await clinic.settle(1, "C", in_scope="21000", visit="V")
            assert again.pay_fen == 1_260_000, "3000 are used by B: (21000 − 500 − 2500) × 70%"
            await clinic.turn()
            assert clinic.cases() == [("less-due", "reversal.before_it", "B", NEXT)]
            assert clinic.rows("SELECT count(*) FROM settlement WHERE adjust_at IS NOT NULL") == [(0,)]

    street.live(story)
    assert verify(street.city) == []


class Late(Desk):
    """A desk at which something else happens between what it read and what it writes."""

    def __init__(self, city: City, has_read: asyncio.Event, may_go_on: asyncio.Event) -> None:
        super().__init__(city.running, KEYRING, INDEX_KEY)
        self._has_read, self._may_go_on = has_read, may_go_on

    async def load(self, wire: Wire, commands: Sequence[Command], at: datetime) -> State:
        state = await super().load(wire, commands, at)
        self._has_read.set()
        await self._may_go_on.wait()
        return state


async def reversed_meanwhile(clinic: Clinic, hospital: str) -> str:
    """Reversal R of S1 is being decided when S1 comes: what becomes of S1."""
    city, has_read, may_go_on = clinic.street.city, asyncio.Event(), asyncio.Event()
    lane: Lane[Command, State] = Lane(service(city), city.clock, {city.code: (city.schema, Late(city, has_read, may_go_on))})
    parking = asyncio.create_task(ask(city, lane, {"R": reversal("R", "S1", hospital)}))
    await has_read.wait()
    coming = asyncio.create_task(clinic.submit(bill(1, "S1", city=city, in_scope="20000")))
    await asyncio.sleep(0)
    may_go_on.set()
    told = (await parking)["R"]
    assert isinstance(told, Answer)
    assert (told.outcome, b'"parked"' in told.body) == (DONE, True)
    await lane.close()
    return (await coming).outcome


@pytest.mark.clause("LZ-10")
def test_a_reversal_and_its_original_that_come_at_once_leave_nothing_open(street: Street) -> None:
    async def story(street: Street) -> None:
        async with clinic_of(street) as clinic:
            assert await reversed_meanwhile(clinic, "H1") == "settlement.taken_back"
            assert (clinic.standing(), clinic.cases()) == ({}, [])
            assert clinic.rows("SELECT setl_id, state FROM reversal") == [("R", "met")]
            events = clinic.events()
            await clinic.turn(2)
            assert clinic.events() == events

    street.live(story)
    assert verify(street.city) == []


def test_another_hospitals_parked_reversal_takes_nothing_back(street: Street) -> None:
    async def story(street: Street) -> None:
        async with clinic_of(street) as clinic:
            assert await reversed_meanwhile(clinic, "H2") == DONE
            events = clinic.events()
            await clinic.turn(3)
            assert (clinic.standing(), clinic.events()) == ({"S1": OFFERED}, events)
            assert clinic.cases() == [("reversal-parked", "reversal.original_unknown", "R", 0)]

    street.live(story)
    assert verify(street.city) == []


# ── one that cannot be carried out ───────────────────────────────────────────────────────────────────────────────────

def test_a_settlement_that_cannot_be_moved_keeps_no_other_waiting(street: Street) -> None:
    """A fault of ours at one settlement: the offers after it are asked about all the same, and its own hospital is asked again."""
    async def story(street: Street) -> None:
        async with clinic_of(street) as clinic:
            await all_offered(clinic, [(1, "S1", "H1"), (2, "S2", "H1"), (3, "S3", "H2")])
            for setl_id, hospital in (("S1", "H1"), ("S2", "H1"), ("S3", "H2")):
                street.outside.hospitals[hospital].remember(street.city.code, setl_id, "not-deducted")
            [(first,)] = clinic.rows("SELECT id FROM settlement WHERE setl_id = 'S1'")
            clinic.fails_at(lambda command: isinstance(command, Withdraw) and command.settlement == first)
            street.city.clock.advance(CONFIRM)
            await clinic.turn()
            assert clinic.standing() == {"S1": OFFERED, "S2": ("confirmed", "person"), "S3": ("confirmed", "person")}
            clinic.fails_at(lambda _: False)
            await clinic.turn()
            assert clinic.standing()["S1"] == ("confirmed", "person")

    street.live(story)
    assert verify(street.city) == []


# ── with the caretaker itself ────────────────────────────────────────────────────────────────────────────────────────

@pytest.mark.clause("LZ-10")
def test_the_caretaker_does_all_of_it_by_itself(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caretaker, "EVERY_S", EVERY_S)

    async def story(street: Street) -> None:
        code, clock = street.city.code, street.city.clock
        async with clinic_of(street, cares=True) as clinic:
            await clinic.agree(2)
            clinic.phone(2, "13800000002")
            await clinic.settle(1, "S1")
            await clinic.settle(2, "S2")
            await clinic.confirm(await clinic.settle(3, "S3"))
            await clinic.confirm(await clinic.settle(3, "S4", in_scope="3000"))
            await clinic.reverse("R", "S3")
            street.outside.hospitals["H1"].remember(code, "S1", "deducted", FIRST)
            street.outside.hospitals["H1"].remember(code, "S2", "not-deducted")
            clock.advance(WAIT)
            await clinic.becomes("SELECT count(*) FROM settlement WHERE state = 'confirmed'", (3,))
            await clinic.becomes("SELECT state FROM payout", ("paid",))
            await clinic.becomes("SELECT sent_at FROM notice", (clock.now(),))
            await clinic.becomes("SELECT setl_id, fen FROM open_case WHERE closed_at IS NULL", ("S4", NEXT))
            assert [sent.phone for sent in street.outside.notices.sent] == ["13800000002"]
            assert [paid.fen for paid in street.outside.bank.paid] == [FIRST]

    street.live(story)
    assert verify(street.city) == []
