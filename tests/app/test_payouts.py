"""Money for people and hospitals: each transfer once, whatever banks, accounts and reversals do."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

import pytest

from huibao.app import caretaker
from huibao.payables.model import PaidOut, Reissue
from huibao.pool.shares import of_total
from huibao.record.model import untold
from tests.app.clinic import ACCOUNT, FIRST, Clinic, clinic_of, clinic_street, owed_to_person, paid
from tests.app.street import Street
from tests.books import INSURERS, verify

OTHER_ACCOUNT: Final = "6222000000000000999"
WEIGHTS: Final = [weight for _, weight in INSURERS.values()]
CLAIMS: Final = "SELECT kind, fen FROM transfer WHERE kind LIKE 'claim-%%' OR kind = 'advance-repaid' ORDER BY id"
INCURRED, TAKEN_BACK = ("claim-incurred", FIRST), ("claim-taken-back", FIRST)
PAID: Final = [("claim-advanced", FIRST), ("claim-paid", FIRST)]


@pytest.fixture(autouse=True)
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """The caretaker sleeps: turns are the test's, which knows when they are over."""
    monkeypatch.setattr(caretaker, "EVERY_S", 3_600)


@pytest.fixture
def street(pg_url: str) -> Iterator[Street]:
    with clinic_street(pg_url, 5) as made:
        yield made


def moved(clinic: Clinic) -> list[tuple[Any, ...]]:
    return clinic.rows(CLAIMS)


# ── a bank in trouble ────────────────────────────────────────────────────────────────────────────────────────────────

FAULTS: Final = [
    # kind              times   the payout afterwards
    ("drop",            1,      "sent"),
    ("drop",            2,      "sent"),
    ("error",           1,      "sent"),
    ("half-answer",     1,      "sent"),
    ("wrong-signature", 2,      "sent"),
    ("hold",            2,      "sent"),
]


def test_a_payout_is_paid_once_whatever_befalls_the_banks_answers(street: Street) -> None:
    async def story(street: Street) -> None:
        async with clinic_of(street) as clinic:
            for n, (kind, times, state) in enumerate(FAULTS):
                payout = await owed_to_person(clinic, setl_id=f"S{n}") if n == 0 else await another_payout(clinic, n)
                await street.fail("bank", kind, times=times)
                await clinic.turn()
                assert clinic.rows("SELECT state FROM payout WHERE id = %s", payout) == [(state,)], kind
                assert clinic.rows("SELECT count(*) FROM transfer WHERE payout_id = %s", payout) == [(0,)], "nothing is booked without the bank's word"
                await clinic.turn(times + 1)
                assert clinic.rows("SELECT state FROM payout WHERE id = %s", payout) == [("paid",)], kind
                await street.mend("bank")
            await clinic.turn()
            assert [fen for _, _, fen in paid(street)] == [fen for _, _, fen in clinic.payouts()]
            assert clinic.rows("SELECT kind, count(*) FROM transfer WHERE payout_id IS NOT NULL GROUP BY 1 ORDER BY 1") == [
                ("claim-advanced", len(FAULTS)), ("claim-paid", len(FAULTS))]
            assert "claimant" not in clinic.balances()

    street.live(story)
    assert verify(street.city) == []


async def another_payout(clinic: Clinic, n: int) -> int:
    """More for person 1, whose deductible of the year is used."""
    await clinic.withdraw(await clinic.settle(1, f"S{n}", in_scope="3000"))
    [(payout,)] = clinic.rows("SELECT max(id) FROM payout")
    return int(payout)


def test_what_comes_back_is_a_case_and_paid_again_under_another_reference(street: Street) -> None:
    async def story(street: Street) -> None:
        async with clinic_of(street) as clinic:
            payout = await owed_to_person(clinic)
            await street.fail("bank", "return", times=1)
            await clinic.turn()
            assert clinic.payouts() == [("returned", 1, FIRST)]
            assert clinic.cases() == [("payout-returned", "payout.account_gone", None, FIRST)]
            await clinic.turn(2)
            assert (paid(street), moved(clinic)) == ([], [INCURRED]), "it is not tried again by itself"
            assert verify(street.city) == []
            await clinic.agree(1, OTHER_ACCOUNT)
            for insurer in ("second", "nobody"):
                assert untold((await clinic.submit(Reissue(7, insurer, payout))).body).code == "payout.not_waiting"
            await clinic.done(Reissue(7, "lead", payout))
            assert clinic.payouts() == [("due", 2, FIRST)]
            await clinic.turn(2)
            assert clinic.payouts() == [("paid", 2, FIRST)]
            assert paid(street) == [(f"payout-{payout}-2", OTHER_ACCOUNT, FIRST)]
            assert moved(clinic) == [INCURRED, *PAID]
            assert untold((await clinic.submit(Reissue(7, "lead", payout))).body).code == "payout.not_waiting"

    street.live(story)
    assert verify(street.city) == []


def test_the_case_of_a_payout_that_came_back_ends_when_it_is_paid_after_all(street: Street) -> None:
    """Nobody has anything left to look into."""
    async def story(street: Street) -> None:
        async with clinic_of(street) as clinic:
            payout = await owed_to_person(clinic)
            await street.fail("bank", "return", times=1)
            await clinic.turn()
            await clinic.done(Reissue(7, "lead", payout))
            await clinic.turn()
            assert (clinic.payouts(), clinic.cases()) == ([("paid", 2, FIRST)], [])

    street.live(story)


def test_a_payout_that_the_bank_declines_keeps_no_other_waiting(street: Street) -> None:
    """The bank has the first one's reference with another amount."""
    async def story(street: Street) -> None:
        async with clinic_of(street) as clinic:
            first = await owed_to_person(clinic)
            await owed_to_person(clinic, 2, "S2")
            await clinic.claims._outside.bank.pay(_payout(clinic, first, FIRST - 1))
            await clinic.turn(2)
            assert clinic.rows("SELECT state FROM payout WHERE id <> %s", first) == [("paid",)]
            assert clinic.rows("SELECT count(*) FROM transfer WHERE payout_id = %s", first) == [(0,)]

    street.live(story)


def _payout(clinic: Clinic, id: int, fen: int) -> Any:
    from huibao.gateways.bank import Payout  # noqa: PLC0415 - the tests' own word is payables'

    city = clinic.street.city
    return Payout(f"{city.code}-payout-{id}-1", city.code, city.plan.id, "person", ACCOUNT, fen)


def test_a_fault_of_ours_at_one_payout_keeps_no_other_waiting(street: Street) -> None:
    async def story(street: Street) -> None:
        async with clinic_of(street) as clinic:
            first = await owed_to_person(clinic)
            await owed_to_person(clinic, 2, "S2")
            clinic.fails_at(lambda command: isinstance(command, PaidOut) and command.payout == first)
            await clinic.turn()
            assert clinic.payouts() == [("sent", 1, FIRST), ("paid", 1, FIRST)]
            clinic.fails_at(lambda _: False)
            await clinic.turn()
            assert clinic.payouts() == [("paid", 1, FIRST)] * 2

    street.live(story)
    assert verify(street.city) == []


# ── accounts that change ─────────────────────────────────────────────────────────────────────────────────────────────

def test_without_an_account_a_payout_waits(street: Street) -> None:
    async def story(street: Street) -> None:
        async with clinic_of(street) as clinic:
            await owed_to_person(clinic, account=None)
            await owed_to_person(clinic, 2, "S2")
            await clinic.turn(2)
            assert clinic.payouts() == [("due", 1, FIRST), ("paid", 1, FIRST)]
            await clinic.agree(1)
            await clinic.turn()
            assert clinic.payouts() == [("paid", 1, FIRST)] * 2

    street.live(story)
    assert verify(street.city) == []


@pytest.mark.parametrize("known", [OTHER_ACCOUNT, None], ids=["another", "withdrawn"])
def test_a_payout_whose_answer_was_lost_is_asked_about_although_the_account_has_changed(street: Street, known: str | None) -> None:
    """The bank paid to the account that was known then; it must not be paid twice, and not be forgotten."""
    async def story(street: Street) -> None:
        async with clinic_of(street) as clinic:
            payout = await owed_to_person(clinic)
            await street.fail("bank", "drop", times=1)
            await clinic.turn()
            assert clinic.payouts() == [("sent", 1, FIRST)]
            await clinic.agree(1, known)
            await clinic.turn(2)
            assert paid(street) == [(f"payout-{payout}-1", ACCOUNT, FIRST)]
            assert clinic.payouts() == [("paid", 1, FIRST)]

    street.live(story)
    assert verify(street.city) == []


# ── reversals ────────────────────────────────────────────────────────────────────────────────────────────────────────

@pytest.mark.clause("LZ-10")
def test_a_reversal_before_it_is_sent_cancels_a_payout(street: Street) -> None:
    async def story(street: Street) -> None:
        async with clinic_of(street) as clinic:
            await owed_to_person(clinic)
            await clinic.reverse("R1", "S1")
            await clinic.turn(2)
            assert (clinic.payouts(), clinic.cases(), paid(street)) == ([("cancelled", 1, FIRST)], [], [])
            assert (moved(clinic), clinic.balances()) == ([INCURRED, TAKEN_BACK], {})

    street.live(story)
    assert verify(street.city) == []


@pytest.mark.clause("LZ-10")
def test_a_reversal_after_it_is_sent_is_a_case(street: Street) -> None:
    """The bank holds it, and may have paid: then the person owes it back, and a person asks."""
    async def story(street: Street) -> None:
        async with clinic_of(street) as clinic:
            await owed_to_person(clinic)
            await street.fail("bank", "hold")
            await clinic.turn()
            await clinic.reverse("R1", "S1")
            assert clinic.payouts() == [("sent", 1, FIRST)]
            assert clinic.cases() == [("less-due", "reversal.after_payout", "S1", FIRST)]
            await street.mend("bank")
            await clinic.turn()
            assert clinic.payouts() == [("paid", 1, FIRST)]
            assert clinic.cases() == [("less-due", "reversal.after_payout", "S1", FIRST)]
            assert clinic.balances() == {"claimant": FIRST, "lead": -FIRST}

    street.live(story)
    assert verify(street.city) == []


@pytest.mark.parametrize("order", ["returned, then reversed", "reversed, then returned"])
def test_what_came_back_is_not_paid_again_for_what_was_taken_back(street: Street, order: str) -> None:
    async def story(street: Street) -> None:
        async with clinic_of(street) as clinic:
            payout = await owed_to_person(clinic)
            await street.fail("bank", "return", times=1)
            if order == "reversed, then returned":
                await street.fail("bank", "hold", times=1)
            await clinic.turn()
            await clinic.reverse("R1", "S1")
            await clinic.turn()
            assert untold((await clinic.submit(Reissue(7, "lead", payout))).body).code == "payout.not_waiting"
            await clinic.turn()
            assert (paid(street), clinic.balances()) == ([], {})
            assert clinic.cases() == [], "no money left, and none is due: there is nothing to look into"

    street.live(story)
    assert verify(street.city) == []


@pytest.mark.clause("JL-3.1a")
def test_a_reversal_of_what_a_hospital_was_paid_is_set_off_against_its_next_statement(street: Street) -> None:
    async def story(street: Street) -> None:
        async with clinic_of(street) as clinic:
            await clinic.confirm(await clinic.settle(1, "S1"))
            await clinic.confirm(await clinic.settle(2, "S2"))
            assert (await clinic.statement()).payout_fen == 2 * FIRST
            await clinic.turn()
            await clinic.reverse("R1", "S1")
            for person, setl_id in ((3, "S3"), (4, "S4")):
                await clinic.confirm(await clinic.settle(person, setl_id))
            assert (await clinic.statement()).payout_fen == FIRST
            await clinic.turn()
            await clinic.call()
            await clinic.turn()
            assert [fen for _, _, fen in paid(street)] == [2 * FIRST, FIRST]
            assert clinic.balances() == {"claims": 3 * FIRST} | {
                insurer: -fen for insurer, fen in zip(INSURERS, of_total(3 * FIRST, WEIGHTS), strict=True)}

    street.live(story)
    assert verify(street.city) == []


def test_a_payout_that_waits_for_days_is_named(street: Street) -> None:
    async def story(street: Street) -> None:
        async with clinic_of(street) as clinic:
            await owed_to_person(clinic, account=None)
            at = street.city.clock.now()
            assert verify(street.city, at + timedelta(days=13)) == []
            [named] = verify(street.city, at + timedelta(days=14))
            assert "was due on" in named

    street.live(story)
