"""The identity service over a real network: verdicts by every method, and no verdict where none can be relied on."""

from datetime import timedelta

import pytest

from huibao.enrolment.model import IdentityCheck
from huibao.gateways.identity import METHODS, IdentityUnreachable
from huibao.gateways.simulators.faults import Fault
from tests.gateways.simulated import NOON, TOO_LATE_MS, World, in_world

CODE = "990000"


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("proof, passed", [("told", True), ("fail", False)])
def test_verdicts(method: str, proof: str, passed: bool) -> None:
    async def story(world: World) -> None:
        check = await world.identity.check(CODE, 7, method, proof)
        assert check == IdentityCheck(7, method, passed, NOON, check.reference)
        assert check.reference.startswith(f"{method}-")

    in_world(story)


def test_a_check_is_as_old_as_the_service_says() -> None:
    """What is signed late is not newer for it: the purchase looks at when the person was there."""
    async def story(world: World) -> None:
        check = await world.identity.check(CODE, 7, "face", "told")
        world.clock.advance(timedelta(minutes=4))
        later = await world.identity.check(CODE, 8, "face", "told")
        assert (check.at, later.at) == (NOON, NOON + timedelta(minutes=4))
        assert check.reference != later.reference

    in_world(story)


NO_VERDICT = [
    # fault                                       method,    proof,      why
    (None,                                        "face",    "unknown",  "undecided"),
    (None,                                        "iris",    "told",     "denied"),
    (Fault("error"),                              "sms",     "told",     "failed"),
    (Fault("drop"),                               "face",    "told",     "silent"),
    (Fault("delay", ms=TOO_LATE_MS),              "face",    "fail",     "silent"),
    (Fault("half-answer", bytes=7),               "counter", "told",     "cut"),
    (Fault("wrong-signature"),                    "face",    "told",     "unsigned"),
]


@pytest.mark.parametrize("fault, method, proof, why", NO_VERDICT)
def test_without_a_verdict_nobody_passed_and_nobody_failed(fault: Fault | None, method: str, proof: str, why: str) -> None:
    async def story(world: World) -> None:
        if fault:
            await world.fail("identity", fault)
        with pytest.raises(IdentityUnreachable) as failure:
            await world.identity.check(CODE, 7, method, proof)
        assert failure.value.why == why
        refusal = failure.value.refusal
        assert refusal.code == "identity.service_unreachable"
        assert all(way in refusal.zh for way in ("人脸识别", "短信验证", "柜台核验"))
        assert all(way in refusal.en for way in ("face", "sms", "counter"))

    in_world(story)


def test_a_face_is_never_the_only_way() -> None:
    async def story(world: World) -> None:
        assert set(world.identity.methods) > {"face"}

    in_world(story)
