"""What co-insurers owe for claims, and what two processes do at once: all of it once, to the fen, and each insurer has paid its share."""

import asyncio
from collections.abc import Iterator
from typing import Final

import pytest

from huibao.app import caretaker
from huibao.pool.shares import of_total
from tests.app.clinic import ACCOUNT, DAY_S, FIRST, Clinic, clinic_of, clinic_street, duties, owed_to_person, paid
from tests.app.street import EVERY_S, Street, until
from tests.books import INSURERS, verify

OTHER_ACCOUNT: Final = "6222000000000000999"
WEIGHTS: Final = [weight for _, weight in INSURERS.values()]


@pytest.fixture(autouse=True)
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """The caretaker sleeps: turns are the test's, which knows when they are over."""
    monkeypatch.setattr(caretaker, "EVERY_S", 3_600)


@pytest.fixture
def street(pg_url: str) -> Iterator[Street]:
    with clinic_street(pg_url, 5) as made:
        yield made


# ── all of it ────────────────────────────────────────────────────────────────────────────────────────────────────────

@pytest.mark.clause("XJ-2.3", "JL-3.1a", "SY-3.6")
def test_what_each_insurer_has_paid_in_the_end_is_its_share(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hospital by its statement, a person directly, parts called in twice: by the caretaker, to the fen, and no income is touched."""
    monkeypatch.setattr(caretaker, "EVERY_S", EVERY_S)

    async def story(street: Street) -> None:
        async with clinic_of(street, cares=True) as clinic:
            income = clinic.income()
            first = [await clinic.settle(1, "S1", in_scope="20000.01"), await clinic.settle(2, "S2", in_scope="7777.77")]
            for told in first:
                await clinic.confirm(told)
            await clinic.call()
            made = await clinic.statement()
            assert made.fen == sum(told.pay_fen for told in first)
            await clinic.becomes("SELECT state FROM statement", ("paid",))
            await clinic.agree(3)
            third = await clinic.settle(3, "S3", in_scope="12345.67")
            await clinic.withdraw(third)
            await clinic.call()
            await clinic.becomes("SELECT state, count(*) FROM payout GROUP BY 1", ("paid", 2))
            await clinic.becomes("SELECT state, count(*) FROM recovery GROUP BY 1", ("received", 4))
            total = made.fen + third.pay_fen
            assert total == sum(fen for _, _, fen in paid(street))
            parts = dict(zip(INSURERS, of_total(total, WEIGHTS), strict=True))
            assert clinic.balances() == {"claims": total} | {insurer: -fen for insurer, fen in parts.items()}
            assert sum(one.fen for one in street.outside.bank.received) == total - parts["lead"]
            assert clinic.income() == income
            assert verify(street.city) == []
            await clinic.call()
            assert clinic.rows("SELECT count(*) FROM recovery") == [(4,)], "everything was called in before"

    street.live(story)
    assert verify(street.city) == []


# ── parts of co-insurers ─────────────────────────────────────────────────────────────────────────────────────────────

@pytest.mark.clause("XJ-2.3")
def test_a_part_is_received_once_and_whole(street: Street) -> None:
    async def story(street: Street) -> None:
        async with clinic_of(street) as clinic:
            await clinic.confirm(await clinic.settle(1, "S1"))
            await clinic.call()
            lead, *others = of_total(FIRST, WEIGHTS)
            called = [("second", others[0], "called"), ("third", others[1], "called")]
            states = "SELECT insurer, fen, state FROM recovery ORDER BY id"
            assert clinic.rows(states) == called
            for kind, times in (("hold", 2), ("drop", 1), ("error", 1), ("half-answer", 2)):
                await street.fail("bank", kind, times=times)
                await clinic.turn()
                assert clinic.rows(states) == called, kind
                await street.mend("bank")
            await clinic.turn(2)
            assert clinic.rows(states) == [(insurer, fen, "received") for insurer, fen, _ in called]
            assert sorted(one.fen for one in street.outside.bank.received) == sorted(others)
            assert clinic.balances() == {"claims": FIRST, "hospital": -FIRST, "lead": FIRST - lead, "second": -others[0], "third": -others[1]}

    street.live(story)
    assert verify(street.city) == []


# ── two at once ──────────────────────────────────────────────────────────────────────────────────────────────────────

def test_two_processes_that_do_the_same_duties_at_once_do_nothing_twice(street: Street) -> None:
    """The lock keeps a second one away; without it each step still has one effect."""
    async def story(street: Street) -> None:
        async with clinic_of(street) as clinic:
            second = street.engine()
            await second.start()
            theirs = Clinic(street, second, duties(street, second))
            for n in (1, 2, 3):
                clinic.phone(n, f"1380000000{n}")
                await owed_to_person(clinic, n, f"S{n}")
            await clinic.confirm(await clinic.settle(4, "S4"))
            await clinic.settle(5, "S5")
            street.outside.hospitals["H1"].remember(street.city.code, "S5", "deducted", FIRST)
            await clinic.statement()
            await clinic.call()
            street.city.clock.advance(DAY_S)
            for kind in ("drop", "half-answer", "hold"):
                await street.fail("bank", kind, per_mille=250, seed=len(kind))
            for _ in range(4):
                await asyncio.gather(clinic.turn(), theirs.turn())
            await street.mend("bank")
            await asyncio.gather(clinic.turn(2), theirs.turn(2))
            await second.stop()
            assert clinic.standing()["S5"] == ("confirmed", "hospital")
            assert [fen for _, _, fen in paid(street)] == [FIRST] * 4
            assert len(street.outside.notices.sent) == len(street.outside.bank.received) + 1 == 3
            assert clinic.rows("SELECT kind, count(*) FROM event WHERE credential = 0 AND outcome = 'done' GROUP BY 1 ORDER BY 1") == [
                ("confirmation", 1), ("payout-paid", 4), ("payout-sent", 4), ("recovery", 2)]

    street.live(story)
    assert verify(street.city) == []


def test_one_caretaker_of_two_has_the_turn_and_the_other_takes_over(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caretaker, "EVERY_S", EVERY_S)

    async def story(street: Street) -> None:
        async with clinic_of(street, cares=True) as clinic:
            second = street.engine()
            await second.start()
            await owed_to_person(clinic)
            await clinic.becomes("SELECT state FROM payout", ("paid",))
            await owed_to_person(clinic, 2, "S2", None)
        try:
            late = Clinic(street, second, duties(street, second))
            await late.agree(2, OTHER_ACCOUNT)

            async def both() -> bool:
                return [account for _, account, _ in paid(street)] == [ACCOUNT, OTHER_ACCOUNT]
            await until(both)
            await late.becomes("SELECT state FROM payout ORDER BY id", ("paid",), ("paid",))
        finally:
            await second.stop()

    street.live(story)
    assert verify(street.city) == []
