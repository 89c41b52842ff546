"""Asking a hospital over a real network what became of a deduction: what it may say, and what is known when it says nothing."""

import asyncio

import httpx
import pytest

from huibao.core.clock import SimulatedClock
from huibao.gateways.hospital import Deducted, DeductionState, HospitalDesk, HospitalRefused, HospitalUnreachable, State
from huibao.gateways.signing import answering, sign, verify
from huibao.gateways.simulators.faults import Fault
from huibao.gateways.simulators.hospital import Deduction, tell_deduction
from tests.gateways.simulated import NOON, SECRETS, TOO_LATE_MS, World, in_world

CODE, SETTLEMENT = "990000", "990000G0000000012345"

STANDINGS: list[tuple[State, int | None, DeductionState]] = [
    # state,          fen,     what the platform then knows
    ("deducted",      12_345,  Deducted(12_345)),
    ("deducted",      0,       Deducted(0)),
    ("not-deducted",  None,    "not-deducted"),
    ("reversed",      None,    "reversed"),
    ("reversed",      12_345,  "reversed"),
]


@pytest.mark.parametrize("state, fen, known", STANDINGS)
def test_what_became_of_a_deduction(state: State, fen: int | None, known: DeductionState) -> None:
    async def story(world: World) -> None:
        assert await world.hospital().ask(CODE, SETTLEMENT) == "unknown"
        world.simulators.hospitals["H1"].remember(CODE, SETTLEMENT, state, fen)
        assert await world.hospital().ask(CODE, SETTLEMENT) == known
        assert await world.hospital().ask(CODE, SETTLEMENT) == known
        assert await world.hospital("H2").ask(CODE, SETTLEMENT) == "unknown"
        assert await world.hospital().ask("110000", SETTLEMENT) == "unknown"

    in_world(story)


@pytest.mark.parametrize("setl_id", ["a/b", "../..", ".", "a?b=c", "a b", "a%2Fb", "a#b", "结算/1", "a+b", "/"])
def test_an_id_of_theirs_is_one_segment_of_the_path(setl_id: str) -> None:
    async def story(world: World) -> None:
        world.simulators.hospitals["H1"].remember(CODE, setl_id, "deducted", 1)
        assert await world.hospital().ask(CODE, setl_id) == Deducted(1)
        assert await world.hospital().ask(CODE, setl_id + "x") == "unknown"

    in_world(story)


FAULTS = [
    # fault                                       why
    (Fault("error"),                              "failed"),
    (Fault("drop"),                               "silent"),
    (Fault("delay", ms=TOO_LATE_MS),              "silent"),
    (Fault("half-answer", bytes=0),               "cut"),
    (Fault("half-answer", bytes=7),               "cut"),
    (Fault("wrong-signature"),                    "unsigned"),
]


@pytest.mark.parametrize("fault, why", FAULTS, ids=lambda given: given.kind if isinstance(given, Fault) else None)
def test_without_an_answer_nothing_is_assumed(fault: Fault, why: str) -> None:
    async def story(world: World) -> None:
        for known in ("unknown", Deducted(12_345)):
            await world.fail("hospital-H1", fault)
            with pytest.raises(HospitalUnreachable) as failure:
                await world.hospital().ask(CODE, SETTLEMENT)
            assert failure.value.why == why
            assert failure.value.zh
            assert failure.value.en
            assert await world.hospital().ask(CODE, SETTLEMENT) == known
            world.simulators.hospitals["H1"].remember(CODE, SETTLEMENT, "deducted", 12_345)

    in_world(story)


def test_the_wrong_amount_is_passed_on_as_it_was_told() -> None:
    async def story(world: World) -> None:
        world.simulators.hospitals["H1"].remember(CODE, SETTLEMENT, "deducted", 12_345)
        await world.fail("hospital-H1", Fault("wrong-amount"))
        assert [await world.hospital().ask(CODE, SETTLEMENT) for _ in range(2)] == [Deducted(12_346), Deducted(12_345)]

    in_world(story)


def test_no_amount_is_made_wrong_where_there_is_none() -> None:
    async def story(world: World) -> None:
        await world.fail("hospital-H1", Fault("wrong-amount"))
        world.simulators.hospitals["H1"].remember(CODE, SETTLEMENT, "not-deducted")
        assert await world.hospital().ask(CODE, SETTLEMENT) == "not-deducted"
        world.simulators.hospitals["H1"].remember(CODE, SETTLEMENT, "deducted", 1)
        assert await world.hospital().ask(CODE, SETTLEMENT) == Deducted(2)

    in_world(story)


def test_a_hospital_that_forgets() -> None:
    async def story(world: World) -> None:
        world.simulators.hospitals["H1"].remember(CODE, SETTLEMENT, "deducted", 12_345)
        await world.fail("hospital-H1", Fault("forget"))
        assert [await world.hospital().ask(CODE, SETTLEMENT) for _ in range(2)] == ["unknown", Deducted(12_345)]

    in_world(story)


# ── an answer that is none ───────────────────────────────────────────────────────────────────────────────────────────

ANSWERS = [
    # status, body,                                 error,                says
    (200,     b'{"state":"deducted"}',              HospitalUnreachable,  "not in the agreed form"),
    (200,     b'{"state":"deducted","fen":-1}',     HospitalUnreachable,  "not in the agreed form"),
    (200,     b'{"state":"deducted","fen":1.5}',    HospitalUnreachable,  "not in the agreed form"),
    (200,     b'{"state":"gone"}',                  HospitalUnreachable,  "not in the agreed form"),
    (401,     b"{}",                                HospitalUnreachable,  "refuses our signature"),
    (422,     b'{"code":"programme.unknown"}',      HospitalRefused,      "hospital H1 declined: 422 programme.unknown"),
]


@pytest.mark.parametrize("status, body, error, says", ANSWERS)
def test_answers(status: int, body: bytes, error: type[Exception], says: str) -> None:
    clock = SimulatedClock(NOON)

    def answer(request: httpx.Request) -> httpx.Response:
        nonce = verify(b"secret", f"GET /settlements/{CODE}/{SETTLEMENT}", b"", request.headers["X-Huibao-Signature"], clock.now())
        assert nonce is not None
        headers = {"X-Huibao-Signature": sign(b"secret", answering(status, nonce), body, clock.now(), nonce)}
        return httpx.Response(status, stream=httpx.ByteStream(body), headers=headers)

    async def story() -> None:
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
            with pytest.raises(error, match=says):
                await HospitalDesk(client, "http://hospital.example/api/", "H1", b"secret", clock).ask(CODE, SETTLEMENT)

    asyncio.run(story())


def test_nobody_there() -> None:
    async def story() -> None:
        async with httpx.AsyncClient(trust_env=False) as client:
            with pytest.raises(HospitalUnreachable, match="no connection"):
                await HospitalDesk(client, "http://127.0.0.1:1", "H1", b"secret", SimulatedClock(NOON)).ask(CODE, SETTLEMENT)

    asyncio.run(story())


# ── a ward in another process ────────────────────────────────────────────────────────────────────────────────────────

async def tell(world: World, deduction: Deduction, secret: bytes = SECRETS.hospitals["H1"]) -> None:
    await tell_deduction(world.client, f"{world.url}/hospital-H1", "H1", secret, world.clock, deduction)


def test_a_ward_tells_the_hospital() -> None:
    async def story(world: World) -> None:
        await tell(world, Deduction(CODE, SETTLEMENT, "deducted", 12_345))
        assert await world.hospital().ask(CODE, SETTLEMENT) == Deducted(12_345)
        await tell(world, Deduction(CODE, SETTLEMENT, "reversed"))
        assert world.simulators.hospitals["H1"].deductions == {(CODE, SETTLEMENT): ("reversed", None)}
        assert await world.hospital().ask(CODE, SETTLEMENT) == "reversed"

    in_world(story)


def test_a_ward_that_the_hospital_does_not_listen_to() -> None:
    async def story(world: World) -> None:
        with pytest.raises(HospitalUnreachable, match="refuses our signature"):
            await tell(world, Deduction(CODE, SETTLEMENT, "deducted", 1), secret=b"another")
        with pytest.raises(HospitalRefused, match=r"hospital H1 declined: 400 body\.malformed"):
            await tell(world, Deduction(CODE, SETTLEMENT, "deducted", -1))
        assert (await world.client.post(f"{world.url}/hospital-H1/deductions", content=b"{}")).status_code == 401
        assert world.simulators.hospitals["H1"].deductions == {}

    in_world(story)
