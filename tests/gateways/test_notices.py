"""Messages to phones over a real network: each goes out once, and nobody's number is shown."""

import asyncio
import logging
from dataclasses import replace

import httpx
import pytest

from huibao.core.clock import SimulatedClock
from huibao.gateways.notices import NoticeChannel, NoticeMessage, NoticesUnreachable
from huibao.gateways.signing import HEADER
from huibao.gateways.simulators.faults import Fault
from tests.gateways.simulated import NOON, PATIENCE_S, TOO_LATE_MS, World, in_world

PHONE, NAME = "19000000123", "扎西"
MESSAGE = NoticeMessage("990000-N1", PHONE, f"{NAME}，您的赔付款已到账。", "your claim was paid")


def test_a_message_is_sent_once() -> None:
    async def story(world: World) -> None:
        assert [await world.phones.send(MESSAGE) for _ in range(2)] == [True, True]
        second = replace(MESSAGE, reference="990000-N2")
        assert await world.phones.send(second)
        assert world.simulators.notices.sent == [MESSAGE, second]

    in_world(story)


@pytest.mark.parametrize("phone", ["", "1900000012", "190000001234", "29000000123", "+85212345678", "１９０００００００１２３"])
def test_a_number_that_is_never_reached(phone: str) -> None:
    async def story(world: World) -> None:
        assert [await world.phones.send(replace(MESSAGE, phone=phone)) for _ in range(2)] == [False, False]
        assert world.simulators.notices.sent == []

    in_world(story)


@pytest.mark.parametrize("other", [replace(MESSAGE, phone="19000000124"), replace(MESSAGE, zh="？"), replace(MESSAGE, en="?")])
def test_a_reference_stands_for_one_message(other: NoticeMessage) -> None:
    """Under a reference that was taken before nothing more is sent: it went to the number, and in the words, that were known then."""
    async def story(world: World) -> None:
        await world.phones.send(MESSAGE)
        assert await world.phones.send(other)
        assert world.simulators.notices.sent == [MESSAGE]

    in_world(story)


FAULTS = [
    # fault                                       why,                 was it sent
    (Fault("error"),                              "failed",            False),
    (Fault("drop"),                               "silent",            True),
    (Fault("delay", ms=TOO_LATE_MS),              "silent",            True),
    (Fault("half-answer", bytes=0),               "cut",               True),
    (Fault("half-answer", bytes=7),               "cut",               True),
    (Fault("wrong-signature"),                    "unsigned",          True),
]


@pytest.mark.parametrize("fault, why, sent", FAULTS, ids=lambda given: given.kind if isinstance(given, Fault) else None)
def test_without_an_answer_it_is_sent_again_and_arrives_once(fault: Fault, why: str, sent: bool) -> None:
    async def story(world: World) -> None:
        await world.fail("notices", fault)
        with pytest.raises(NoticesUnreachable) as failure:
            await world.phones.send(MESSAGE)
        assert (failure.value.why, bool(failure.value.zh), bool(failure.value.en)) == (why, True, True)
        assert world.simulators.notices.sent == ([MESSAGE] if sent else [])
        assert await world.phones.send(MESSAGE)
        assert world.simulators.notices.sent == [MESSAGE]

    in_world(story)


def test_a_no_that_cannot_be_relied_on_writes_nobody_off() -> None:
    """A 422 that is not signed with our nonce is not the channel's word about a number."""
    async def story() -> None:
        transport = httpx.MockTransport(lambda _: httpx.Response(422, stream=httpx.ByteStream(b"{}")))
        async with httpx.AsyncClient(transport=transport) as client:
            with pytest.raises(NoticesUnreachable, match="signature does not fit"):
                await NoticeChannel(client, "http://notices.example", b"secret", SimulatedClock(NOON)).send(MESSAGE)

    asyncio.run(story())


def test_a_secret_that_does_not_fit() -> None:
    async def story(world: World) -> None:
        stranger = NoticeChannel(world.client, f"{world.url}/notices", b"another", world.clock, PATIENCE_S)
        with pytest.raises(NoticesUnreachable, match="refuses our signature"):
            await stranger.send(MESSAGE)
        assert world.simulators.notices.sent == []

    in_world(story)


def test_nobody_there() -> None:
    async def story() -> None:
        async with httpx.AsyncClient(trust_env=False) as client:
            with pytest.raises(NoticesUnreachable, match="no connection"):
                await NoticeChannel(client, "http://127.0.0.1:1", b"secret", SimulatedClock(NOON)).send(MESSAGE)

    asyncio.run(story())


def test_no_number_and_no_text_is_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    answers: list[str] = []

    async def story(world: World) -> None:
        async def keep(response: httpx.Response) -> None:
            answers.append(f"{response.status_code} {response.headers}")

        world.client.event_hooks = {"response": [keep]}
        await world.phones.send(MESSAGE)
        await world.phones.send(replace(MESSAGE, reference="990000-N2", phone=f"0{PHONE}"))
        await world.phones.send(replace(MESSAGE, en="?"))
        said = await world.simulators.notices.answer("POST", "/notices", b'{"reference":"r","phone":"%s","zh":"","en":""}' % PHONE.encode())
        shown = [repr(one) for one in (MESSAGE, world.simulators.notices.sent, said)]
        assert [text for text in [*shown, *answers, caplog.text] if PHONE in text or NAME in text] == []

    in_world(story)
    assert len(answers) == 3
    assert HEADER.lower() in answers[0]
    assert "/notices/notices" in caplog.text
