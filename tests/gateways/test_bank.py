"""The bank of payout accounts over a real network: nothing is paid twice, and what is known when it does not answer."""

import asyncio
import logging
from dataclasses import replace
from datetime import timedelta

import httpx
import msgspec
import pytest

from huibao.core.clock import SimulatedClock
from huibao.gateways.bank import BankRefused, BankUnreachable, Collection, Paid, Payout, PayoutBank, Received
from huibao.gateways.signing import HEADER, answering, sign, verify
from huibao.gateways.simulators.faults import Fault
from tests.gateways.simulated import NOON, TOO_LATE_MS, World, in_world

ACCOUNT = "6217000000000000123"
TO_HOSPITAL = Payout("990000-P1", "990000", "plan", "hospital:H1", "110000000000456", 12_345)
TO_PERSON = Payout("990000-P2", "990000", "plan", "person", ACCOUNT, 6_789)
SHARE = Collection("990000-C1", "990000", "plan", "second", 5_000)


def test_payouts_are_made_once() -> None:
    async def story(world: World) -> None:
        assert await world.bank.ask(TO_HOSPITAL.reference) == "unknown"
        await world.bank.pay(TO_HOSPITAL)
        world.clock.advance(timedelta(minutes=3))
        await world.bank.pay(TO_HOSPITAL)
        await world.bank.pay(TO_PERSON)
        assert await world.bank.ask(TO_HOSPITAL.reference) == Paid(TO_HOSPITAL.fen, NOON)
        assert await world.bank.ask(TO_PERSON.reference) == Paid(TO_PERSON.fen, NOON + timedelta(minutes=3))
        assert world.simulators.bank.paid == [TO_HOSPITAL, TO_PERSON]

    in_world(story)


def test_collections_are_paid_once() -> None:
    async def story(world: World) -> None:
        assert await world.bank.ask_collection(SHARE.reference) == "unknown"
        await world.bank.collect(SHARE)
        world.clock.advance(timedelta(minutes=3))
        await world.bank.collect(SHARE)
        assert await world.bank.ask_collection(SHARE.reference) == Received(5_000, NOON)
        assert world.simulators.bank.received == [SHARE]

    in_world(story)


def test_payouts_and_collections_have_references_of_their_own() -> None:
    async def story(world: World) -> None:
        await world.bank.pay(TO_HOSPITAL)
        assert await world.bank.ask_collection(TO_HOSPITAL.reference) == "unknown"
        await world.bank.collect(msgspec.structs.replace(SHARE, reference=TO_HOSPITAL.reference))
        assert len(world.simulators.bank.paid) == len(world.simulators.bank.received) == 1

    in_world(story)


OTHER_PAYOUTS = [
    replace(TO_PERSON, fen=6_790), replace(TO_PERSON, account="6217000000000000124"), replace(TO_PERSON, payee="hospital:H1"),
    replace(TO_PERSON, product="another"), replace(TO_PERSON, programme="110000"), replace(TO_PERSON, out_of="clearing"),
]


@pytest.mark.parametrize("other", OTHER_PAYOUTS)
def test_a_reference_stands_for_one_payout(other: Payout) -> None:
    async def story(world: World) -> None:
        await world.bank.pay(TO_PERSON)
        with pytest.raises(BankRefused, match=r"409 payout\.other_content") as refused:
            await world.bank.pay(other)
        assert refused.value.denied.status == 409
        assert world.simulators.bank.paid == [TO_PERSON]

    in_world(story)


@pytest.mark.parametrize("other", [msgspec.structs.replace(SHARE, fen=5_001), msgspec.structs.replace(SHARE, insurer="third")])
def test_a_reference_stands_for_one_collection(other: Collection) -> None:
    async def story(world: World) -> None:
        await world.bank.collect(SHARE)
        with pytest.raises(BankRefused, match=r"409 collection\.other_content"):
            await world.bank.collect(other)
        assert world.simulators.bank.received == [SHARE]

    in_world(story)


def test_nothing_cannot_be_paid() -> None:
    async def story(world: World) -> None:
        with pytest.raises(BankRefused, match=r"400 body\.malformed"):
            await world.bank.pay(replace(TO_PERSON, fen=0))
        assert await world.bank.ask(TO_PERSON.reference) == "unknown"

    in_world(story)


@pytest.mark.parametrize("reference", ["a/b", "a?b=c", "a b", "a%2Fb", "赔付/1"])
def test_a_reference_is_one_segment_of_the_path(reference: str) -> None:
    async def story(world: World) -> None:
        await world.bank.pay(replace(TO_PERSON, reference=reference))
        await world.bank.collect(msgspec.structs.replace(SHARE, reference=reference))
        assert await world.bank.ask(reference) == Paid(TO_PERSON.fen, NOON)
        assert await world.bank.ask_collection(reference) == Received(5_000, NOON)

    in_world(story)


# ── what takes its time, and what comes back ─────────────────────────────────────────────────────────────────────────

def test_a_payout_stays_pending_for_so_many_asks() -> None:
    async def story(world: World) -> None:
        await world.fail("bank", Fault("hold", times=2))
        await world.bank.pay(TO_PERSON)
        await world.bank.pay(TO_PERSON)
        assert [await world.bank.ask(TO_PERSON.reference) for _ in range(2)] == ["pending", "pending"]
        assert world.simulators.bank.paid == []
        world.clock.advance(timedelta(minutes=3))
        assert [await world.bank.ask(TO_PERSON.reference) for _ in range(2)] == [Paid(TO_PERSON.fen, NOON + timedelta(minutes=3))] * 2
        assert world.simulators.bank.paid == [TO_PERSON]

    in_world(story)


def test_a_held_payout_and_a_held_collection_go_on_when_the_fault_is_taken_back() -> None:
    async def story(world: World) -> None:
        await world.fail("bank", Fault("hold", times=None))
        await world.bank.pay(TO_PERSON)
        await world.bank.collect(SHARE)
        assert [await world.bank.ask(TO_PERSON.reference) for _ in range(3)] == ["pending"] * 3
        assert [await world.bank.ask_collection(SHARE.reference) for _ in range(3)] == ["waiting"] * 3
        assert (world.simulators.bank.paid, world.simulators.bank.received) == ([], [])
        await world.client.delete(f"{world.url}/bank/faults")
        assert await world.bank.ask(TO_PERSON.reference) == Paid(TO_PERSON.fen, NOON)
        assert await world.bank.ask_collection(SHARE.reference) == Received(5_000, NOON)
        assert (world.simulators.bank.paid, world.simulators.bank.received) == ([TO_PERSON], [SHARE])

    in_world(story)


def test_a_payout_that_comes_back_stays_so_and_another_may_follow() -> None:
    async def story(world: World) -> None:
        await world.fail("bank", Fault("hold"), Fault("return"))
        await world.bank.pay(TO_PERSON)
        assert [await world.bank.ask(TO_PERSON.reference) for _ in range(3)] == ["pending", "returned", "returned"]
        await world.bank.pay(TO_PERSON)
        assert await world.bank.ask(TO_PERSON.reference) == "returned"
        again = replace(TO_PERSON, reference="990000-P3", account="6217000000000000999")
        await world.bank.pay(again)
        assert await world.bank.ask(again.reference) == Paid(TO_PERSON.fen, NOON)
        assert world.simulators.bank.paid == [again]

    in_world(story)


def test_what_was_paid_does_not_come_back() -> None:
    async def story(world: World) -> None:
        await world.bank.pay(TO_PERSON)
        await world.bank.collect(SHARE)
        await world.fail("bank", Fault("return", times=None), Fault("hold", times=None))
        assert await world.bank.ask(TO_PERSON.reference) == Paid(TO_PERSON.fen, NOON)
        assert await world.bank.ask_collection(SHARE.reference) == Received(5_000, NOON)

    in_world(story)


TO_INSURER = Payout("990000-remittance-7", "990000", "plan", "insurer:lead", "6222000000000000123", 30_001, "clearing")


@pytest.mark.clause("LZ-14")
def test_a_batch_for_an_insurer_leaves_the_agencys_account_once() -> None:
    async def story(world: World) -> None:
        for _ in range(3):
            await world.bank.pay(TO_INSURER)
        assert await world.bank.ask(TO_INSURER.reference) == Paid(TO_INSURER.fen, NOON)
        assert world.simulators.bank.paid == [TO_INSURER]

    in_world(story)


def test_a_bank_may_pay_a_part_and_say_so_each_time() -> None:
    async def story(world: World) -> None:
        await world.fail("bank", Fault("partial"))
        await world.bank.pay(TO_INSURER)
        assert [await world.bank.ask(TO_INSURER.reference) for _ in range(2)] == [Paid(15_001, NOON)] * 2
        await world.bank.pay(TO_INSURER)
        assert await world.bank.ask(TO_INSURER.reference) == Paid(15_001, NOON)

    in_world(story)


def test_a_bank_may_say_another_amount_than_it_paid() -> None:
    async def story(world: World) -> None:
        await world.bank.pay(TO_INSURER)
        await world.fail("bank", Fault("wrong-amount"))
        assert [await world.bank.ask(TO_INSURER.reference) for _ in range(2)] == [Paid(30_002, NOON), Paid(30_001, NOON)]

    in_world(story)


# ── when it does not answer ──────────────────────────────────────────────────────────────────────────────────────────

FAULTS = [
    # fault                                       why,                 what the bank did
    (Fault("error"),                              "failed",            False),
    (Fault("drop"),                               "silent",            True),
    (Fault("delay", ms=TOO_LATE_MS),              "silent",            True),
    (Fault("half-answer", bytes=0),               "cut",               True),
    (Fault("half-answer", bytes=7),               "cut",               True),
    (Fault("wrong-signature"),                    "unsigned",          True),
]


@pytest.mark.parametrize("fault, why, done", FAULTS, ids=lambda given: given.kind if isinstance(given, Fault) else None)
def test_without_an_answer_nothing_is_assumed_of_a_payout(fault: Fault, why: str, done: bool) -> None:
    async def story(world: World) -> None:
        await world.fail("bank", fault)
        with pytest.raises(BankUnreachable) as paying:
            await world.bank.pay(TO_PERSON)
        assert (paying.value.why, bool(paying.value.zh), bool(paying.value.en)) == (why, True, True)
        assert await world.bank.ask(TO_PERSON.reference) == (Paid(TO_PERSON.fen, NOON) if done else "unknown")
        await world.bank.pay(TO_PERSON)
        await world.fail("bank", fault)
        with pytest.raises(BankUnreachable):
            await world.bank.ask(TO_PERSON.reference)
        assert await world.bank.ask(TO_PERSON.reference) == Paid(TO_PERSON.fen, NOON)
        assert world.simulators.bank.paid == [TO_PERSON]

    in_world(story)


@pytest.mark.parametrize("fault, why, done", FAULTS, ids=lambda given: given.kind if isinstance(given, Fault) else None)
def test_without_an_answer_nothing_is_assumed_of_a_collection(fault: Fault, why: str, done: bool) -> None:
    async def story(world: World) -> None:
        await world.fail("bank", fault)
        with pytest.raises(BankUnreachable) as collecting:
            await world.bank.collect(SHARE)
        assert collecting.value.why == why
        assert await world.bank.ask_collection(SHARE.reference) == (Received(5_000, NOON) if done else "unknown")
        await world.bank.collect(SHARE)
        await world.fail("bank", fault)
        with pytest.raises(BankUnreachable):
            await world.bank.ask_collection(SHARE.reference)
        assert world.simulators.bank.received == [SHARE]

    in_world(story)


ANSWERS = [
    # status, body,                                                                error,            says
    (200,     b'{"state":"paid","fen":1}',                                         BankUnreachable,  "not in the agreed form"),
    (200,     b'{"state":"paid","fen":1,"at":"2026-03-02T04:00:00"}',              BankUnreachable,  "not in the agreed form"),
    (200,     b'{"state":"received","fen":1}',                                     BankUnreachable,  "not in the agreed form"),
    (200,     b'{"state":"received","at":"2026-03-02T04:00:00Z"}',                 BankUnreachable,  "not in the agreed form"),
    (403,     b'{"code":"account.closed"}',                                        BankRefused,      r"403 account\.closed"),
]


@pytest.mark.parametrize("status, body, error, says", ANSWERS)
def test_answers(status: int, body: bytes, error: type[Exception], says: str) -> None:
    clock = SimulatedClock(NOON)

    def answer(request: httpx.Request) -> httpx.Response:
        nonce = verify(b"secret", f"GET {request.url.path}", b"", request.headers[HEADER], clock.now())
        assert nonce is not None
        return httpx.Response(status, stream=httpx.ByteStream(body),
                              headers={HEADER: sign(b"secret", answering(status, nonce), body, clock.now(), nonce)})

    async def story() -> None:
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
            bank = PayoutBank(client, "http://bank.example", b"secret", clock)
            for asking in (bank.ask, bank.ask_collection):
                with pytest.raises(error, match=says):
                    await asking("r")

    asyncio.run(story())


def test_nobody_there() -> None:
    async def story() -> None:
        async with httpx.AsyncClient(trust_env=False) as client:
            with pytest.raises(BankUnreachable, match="no connection"):
                await PayoutBank(client, "http://127.0.0.1:1", b"secret", SimulatedClock(NOON)).pay(TO_PERSON)

    asyncio.run(story())


def test_no_account_is_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    async def story(world: World) -> None:
        await world.bank.pay(TO_PERSON)
        with pytest.raises(BankRefused) as refused:
            await world.bank.pay(replace(TO_PERSON, fen=1))
        await world.fail("bank", Fault("drop"))
        with pytest.raises(BankUnreachable) as silent:
            await world.bank.pay(TO_PERSON)
        shown = [repr(one) for one in (TO_PERSON, world.simulators.bank.paid, refused.value, silent.value)]
        assert [text for text in [*shown, caplog.text] if ACCOUNT in text] == []

    in_world(story)
    assert "/bank/payouts" in caplog.text
