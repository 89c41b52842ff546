"""The cash channel over a real network: each way it can fail, and what the platform then knows; notices of every kind."""

import asyncio
from datetime import datetime, timedelta

import httpx
import msgspec
import pytest

from huibao.core.clock import SimulatedClock
from huibao.gateways.cash import (
    CashChannel,
    ChannelRefused,
    ChannelUnreachable,
    Notice,
    PartRefund,
    Payment,
    PaymentOpened,
    SentBack,
)
from huibao.gateways.signing import FRESH, NOTICE, answering, new_nonce, sign, verify
from huibao.gateways.simulators.faults import Fault
from tests.gateways.simulated import NOON, PATIENCE_S, SECRETS, TOO_LATE_MS, World, in_world

CODE, ORDER = "990000", "990000-000000000123-7"
PAY_BY = NOON + timedelta(minutes=30)


def test_a_payment_from_opening_to_refund() -> None:
    async def story(world: World) -> None:
        assert await world.cash.ask(CODE, ORDER) == "unknown"
        opened = await world.cash.open(CODE, ORDER, 12_900, PAY_BY)
        assert opened == PaymentOpened(f"{ORDER}-1", f"{world.url}/cash/pay/{ORDER}-1")
        assert await world.cash.open(CODE, ORDER, 12_900, PAY_BY) == opened
        assert await world.cash.ask(CODE, ORDER) == "unpaid"

        world.clock.advance(timedelta(minutes=3))
        await world.pay(opened.reference)
        assert await world.cash.ask(CODE, ORDER) == Payment(12_900, opened.reference, NOON + timedelta(minutes=3))
        assert world.notices() == [Notice(ORDER, 12_900, opened.reference)]

        assert [await world.cash.refund(CODE, ORDER, opened.reference, fen) for fen in (12_901, 12_900, 12_900, 100)] == [False, True, True, False]
        assert await world.cash.ask(CODE, ORDER) == "closed"
        again = await world.cash.open(CODE, ORDER, 12_900, PAY_BY)
        assert again.reference == f"{ORDER}-2"
        assert await world.cash.ask(CODE, ORDER) == "unpaid"

    in_world(story)


def test_what_the_channel_declines() -> None:
    async def story(world: World) -> None:
        assert not await world.cash.refund(CODE, ORDER, "nothing", 1)
        opened = await world.cash.open(CODE, ORDER, 12_900, PAY_BY)
        assert not await world.cash.refund(CODE, ORDER, opened.reference, 12_900)
        with pytest.raises(ChannelRefused, match=r"409 payment\.other_amount"):
            await world.cash.open(CODE, ORDER, 13_000, PAY_BY)

    in_world(story)


def test_what_is_not_paid_in_time_is_closed() -> None:
    async def story(world: World) -> None:
        opened = await world.cash.open(CODE, ORDER, 12_900, PAY_BY)
        world.clock.set(PAY_BY)
        assert await world.cash.ask(CODE, ORDER) == "closed"
        assert (await world.client.post(f"{world.url}/cash/pay/{opened.reference}")).status_code == 409
        assert world.came == []

    in_world(story)


FAULTS = [
    # fault                                       why,                 what the channel did
    (Fault("error"),                              "failed",            False),
    (Fault("drop"),                               "silent",            True),
    (Fault("delay", ms=TOO_LATE_MS),              "silent",            True),
    (Fault("half-answer", bytes=0),               "cut",               True),
    (Fault("half-answer", bytes=7),               "cut",               True),
    (Fault("wrong-signature"),                    "unsigned",          True),
]


@pytest.mark.parametrize("fault, why, done", FAULTS, ids=lambda given: given.kind if isinstance(given, Fault) else None)
def test_without_an_answer_nothing_is_assumed(fault: Fault, why: str, done: bool) -> None:
    async def story(world: World) -> None:
        await world.fail("cash", fault)
        with pytest.raises(ChannelUnreachable) as opening:
            await world.cash.open(CODE, ORDER, 12_900, PAY_BY)
        assert (opening.value.why, opening.value.refusal.code) == (why, "payment.channel_unreachable")
        assert await world.cash.ask(CODE, ORDER) == ("unpaid" if done else "unknown")
        opened = await world.cash.open(CODE, ORDER, 12_900, PAY_BY)

        await world.pay(opened.reference)
        await world.fail("cash", fault)
        with pytest.raises(ChannelUnreachable):
            await world.cash.refund(CODE, ORDER, opened.reference, 12_900)
        assert (await world.cash.ask(CODE, ORDER) == "closed") is done
        assert await world.cash.refund(CODE, ORDER, opened.reference, 12_900)
        assert await world.cash.ask(CODE, ORDER) == "closed"

    in_world(story)


def test_the_wrong_amount_is_passed_on_as_it_was_told() -> None:
    async def story(world: World) -> None:
        opened = await world.cash.open(CODE, ORDER, 12_900, PAY_BY)
        await world.fail("cash", Fault("wrong-amount"), Fault("wrong-amount", on="notices"))
        await world.pay(opened.reference)
        assert world.notices() == [Notice(ORDER, 12_901, opened.reference)]
        assert await world.cash.ask(CODE, ORDER) == Payment(12_901, opened.reference, NOON)
        assert await world.cash.ask(CODE, ORDER) == Payment(12_900, opened.reference, NOON)

    in_world(story)


# ── an answer that is none ───────────────────────────────────────────────────────────────────────────────────────────

OPENED = b'{"reference":"r","pay_url":"u"}'

ANSWERS = [
    # status, body,                               signed,   why
    (200,     OPENED,                             True,     ""),
    (200,     OPENED,                             False,    "unsigned"),
    (200,     b"",                                True,     "unreadable"),
    (200,     b"\xff",                            True,     "unreadable"),
    (200,     b'{"reference":"r"}',               True,     "unreadable"),
    (200,     b" " * 70_000,                      True,     "too-long"),
    (302,     OPENED,                             True,     "failed"),
    (401,     b"{}",                              False,    "signature-refused"),
    (409,     b"{}",                              False,    "unsigned"),
    (503,     OPENED,                             True,     "failed"),
]


@pytest.mark.parametrize("status, body, signed, why", ANSWERS)
def test_answers(status: int, body: bytes, signed: bool, why: str) -> None:
    clock = SimulatedClock(NOON)

    def answer(request: httpx.Request) -> httpx.Response:
        nonce = verify(b"secret", "POST /payments", request.content, request.headers["X-Huibao-Signature"], clock.now())
        assert nonce is not None
        signature = sign(b"secret", answering(200, nonce) if status == 200 else answering(status, nonce), body, clock.now(), nonce)
        return httpx.Response(status, stream=httpx.ByteStream(body), headers={"X-Huibao-Signature": signature} if signed else {})

    async def story() -> None:
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
            channel = CashChannel(client, "http://channel.example/api/", b"secret", clock)
            if not why:
                assert await channel.open(CODE, ORDER, 1, None) == PaymentOpened("r", "u")
                return
            with pytest.raises(ChannelUnreachable) as failure:
                await channel.open(CODE, ORDER, 1, None)
            assert failure.value.why == why

    asyncio.run(story())


def test_an_old_answer_is_no_answer_to_a_new_request() -> None:
    clock = SimulatedClock(NOON)
    standing = b'{"state":"paid","payment":{"fen":1,"reference":"r","at":"2026-03-02T04:00:00Z"}}'
    old = sign(b"secret", answering(200, new_nonce()), standing, clock.now(), new_nonce())

    async def story() -> None:
        transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=httpx.ByteStream(standing), headers={"X-Huibao-Signature": old}))
        async with httpx.AsyncClient(transport=transport) as client:
            with pytest.raises(ChannelUnreachable, match="signature does not fit"):
                await CashChannel(client, "http://channel.example", b"secret", clock).ask(CODE, ORDER)

    asyncio.run(story())


def test_a_trickle_does_not_hold_a_caller() -> None:
    """Each byte comes soon enough for a limit per read; the whole never does."""
    gone = asyncio.Event()

    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b" ")
            await asyncio.sleep(0.05)
        gone.set()

    async def story() -> None:
        async with await asyncio.start_server(trickle, "127.0.0.1", 0) as server, httpx.AsyncClient(trust_env=False) as client:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            loop = asyncio.get_running_loop()
            began = loop.time()
            with pytest.raises(ChannelUnreachable, match="no answer in time"):
                await CashChannel(client, url, b"secret", SimulatedClock(NOON), PATIENCE_S).ask(CODE, ORDER)
            assert loop.time() - began < 2 * PATIENCE_S
            await gone.wait()

    asyncio.run(story())


def test_nobody_there() -> None:
    async def story() -> None:
        async with httpx.AsyncClient(trust_env=False) as client:
            with pytest.raises(ChannelUnreachable, match="no connection"):
                await CashChannel(client, "http://127.0.0.1:1", b"secret", SimulatedClock(NOON)).ask(CODE, ORDER)

    asyncio.run(story())


# ── notices ──────────────────────────────────────────────────────────────────────────────────────────────────────────

BODY = msgspec.json.encode(Notice(ORDER, 12_900, "r"))

NOTICES = [
    # story,                       secret,            what,             signed,                          body,                          good
    ("as sent",                    SECRETS.cash,      NOTICE,           NOON,                            BODY,                          True),
    ("on the edge of fresh",       SECRETS.cash,      NOTICE,           NOON - FRESH,                    BODY,                          True),
    ("stale",                      SECRETS.cash,      NOTICE,           NOON - FRESH - timedelta(seconds=1), BODY,                      False),
    ("from the future",            SECRETS.cash,      NOTICE,           NOON + FRESH + timedelta(seconds=1), BODY,                      False),
    ("forged",                     b"another secret", NOTICE,           NOON,                            BODY,                          False),
    ("another kind of message",    SECRETS.cash,      "POST /payments", NOON,                            BODY,                          False),
    ("no notice",                  SECRETS.cash,      NOTICE,           NOON,                            b"{}",                         False),
    ("no amount",                  SECRETS.cash,      NOTICE,           NOON,                            BODY.replace(b"12900", b"0"),  False),
    ("no text",                    SECRETS.cash,      NOTICE,           NOON,                            b"\xff",                       False),
]


@pytest.mark.parametrize("story, secret, what, at, body, good", NOTICES, ids=[row[0] for row in NOTICES])
def test_a_notice_is_looked_at_closely(story: str, secret: bytes, what: str, at: datetime, body: bytes, good: bool) -> None:
    assert read(body, sign(secret, what, body, at, new_nonce())) == (Notice(ORDER, 12_900, "r") if good else None)


def test_a_notice_that_was_changed_on_its_way() -> None:
    signature = sign(SECRETS.cash, NOTICE, BODY, NOON, new_nonce())
    assert read(BODY, signature) is not None
    assert read(BODY.replace(b"12900", b"12901"), signature) is None
    assert read(BODY, signature.replace("t=1", "t=2")) is None


def read(body: bytes, signature: str) -> Notice | None:
    """What the platform makes of a notice at noon."""
    return CashChannel(httpx.AsyncClient(), "http://channel.example", SECRETS.cash, SimulatedClock(NOON)).verify_notice(body, signature)


@pytest.mark.parametrize("signature", ["", "HMAC-SM3", "HMAC-SM3 t=1,n=,s=", f"HMAC-SM3 t=99999999999,n={'0' * 32},s={'0' * 64}", "Bearer x", "签名"])
def test_what_is_no_signature(signature: str) -> None:
    assert verify(b"secret", NOTICE, BODY, signature, NOON) is None


def test_notices_come_twice_in_any_order_or_never() -> None:
    async def story(world: World) -> None:
        opened = [await world.cash.open(CODE, f"{CODE}-{n}", 100 * n, PAY_BY) for n in range(1, 6)]
        first, second, third, fourth, fifth = (Notice(f"{CODE}-{n}", 100 * n, opened[n - 1].reference) for n in range(1, 6))
        await world.fail("cash", Fault("reorder", on="notices"))
        await world.pay(opened[0].reference)
        assert world.notices() == []
        await world.pay(opened[1].reference)
        assert world.notices() == [second, first]

        await world.fail("cash", Fault("duplicate", on="notices"), Fault("wrong-signature", on="notices"))
        await world.pay(opened[2].reference)
        assert world.notices() == [second, first, None, third]

        await world.fail("cash", Fault("drop", on="notices"))
        await world.pay(opened[3].reference)
        assert world.notices() == [second, first, None, third]
        assert await world.cash.ask(CODE, fourth.order) == Payment(fourth.fen, fourth.reference, NOON)

        world.statuses.append(503)
        await world.pay(opened[4].reference)
        assert (await world.client.post(f"{world.url}/cash/notices")).status_code == 200
        assert world.notices() == [second, first, None, third, fifth, fifth]
        await world.client.post(f"{world.url}/cash/notices")
        assert len(world.came) == 6

    in_world(story)


# ── parts that go back ───────────────────────────────────────────────────────────────────────────────────────────────

NUMBER = "990000-R000000001000-1"


async def paid(world: World, fen: int = 12_900) -> None:
    opened = await world.cash.open(CODE, ORDER, fen, PAY_BY)
    await world.pay(opened.reference)


def test_parts_of_a_payment_go_back_each_under_its_number() -> None:
    async def story(world: World) -> None:
        first, second = PartRefund(NUMBER, CODE, ORDER, 9_000), PartRefund(f"{NUMBER}x", CODE, ORDER, 3_900)
        assert not await world.cash.refund_part(first), "nothing was paid"
        await paid(world)
        assert await world.cash.ask_refund(NUMBER) == "unknown"
        assert [await world.cash.refund_part(first) for _ in range(2)] == [True, True]
        assert await world.cash.ask_refund(NUMBER) == SentBack(9_000, NOON)
        with pytest.raises(ChannelRefused, match=r"409 refund\.other_content"):
            await world.cash.refund_part(msgspec.structs.replace(first, fen=9_001))
        with pytest.raises(ChannelRefused, match=r"409 refund\.exceeds_payment"):
            await world.cash.refund_part(msgspec.structs.replace(second, fen=3_901))
        assert not await world.cash.refund(CODE, ORDER, f"{ORDER}-1", 12_900), "a part of it is gone already"
        assert await world.cash.refund_part(second)
        assert isinstance(await world.cash.ask(CODE, ORDER), Payment), "what was paid stays paid, whatever of it went back"

    in_world(story)


def test_a_part_may_be_processed_for_long_or_declined() -> None:
    async def story(world: World) -> None:
        await paid(world)
        await world.fail("cash", Fault("hold"))
        assert await world.cash.refund_part(PartRefund(NUMBER, CODE, ORDER, 100))
        assert await world.cash.ask_refund(NUMBER) == "processing"
        assert await world.cash.ask_refund(NUMBER) == SentBack(100, NOON)
        await world.fail("cash", Fault("return"))
        assert await world.cash.refund_part(PartRefund(f"{NUMBER}x", CODE, ORDER, 12_800))
        assert [await world.cash.ask_refund(f"{NUMBER}x") for _ in range(2)] == ["declined", "declined"]
        assert await world.cash.refund_part(PartRefund(f"{NUMBER}y", CODE, ORDER, 12_800)), "what was declined is still there"

    in_world(story)


@pytest.mark.parametrize("kind", ["drop", "error", "half-answer", "wrong-signature"])
def test_a_refund_of_which_nothing_is_heard_is_asked_for_again(kind: str) -> None:
    async def story(world: World) -> None:
        await paid(world)
        part = PartRefund(NUMBER, CODE, ORDER, 100)
        await world.fail("cash", msgspec.convert({"kind": kind, "times": 2}, Fault))
        for asking in (world.cash.refund_part(part), world.cash.ask_refund(NUMBER)):
            with pytest.raises(ChannelUnreachable):
                await asking
        assert await world.cash.refund_part(part)
        assert await world.cash.ask_refund(NUMBER) == SentBack(100, NOON)

    in_world(story)
