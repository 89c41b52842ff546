"""The world around the service: simulated systems, reached over wires that lose, repeat and cut what they carry."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

import httpx

from huibao.core.clock import SimulatedClock
from huibao.gateways.signing import HEADER
from huibao.gateways.simulators.app import Secrets, Simulators, build
from tests.app.street import SECRET
from tests.simulation.care import DESKS
from tests.simulation.goods import GOODS
from tests.simulation.service import OUTSIDE

#: What befalls a message, and how often of a thousand in ordinary weather.
BEFALLS: Final = (("lost", 15), ("unanswered", 20), ("twice", 20), ("failed", 10))


@dataclass
class Wires(httpx.AsyncBaseTransport):
    """Carries what the service asks to the simulated systems, inside this process. `dice` decide what befalls a message; of the
    next `storm` messages most are lost, cut or repeated."""

    dice: Random
    systems: Any = None
    calm: bool = False
    storm: int = 0
    befell: dict[str, int] = field(default_factory=dict)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        fate = self._fate()
        inner = httpx.ASGITransport(app=self.systems)
        if fate == "lost":
            raise httpx.ConnectError("lost", request=request)
        if fate == "failed":
            return httpx.Response(500, stream=httpx.ByteStream(b""), request=request)
        if fate == "twice":
            await inner.handle_async_request(request)
        answer = await inner.handle_async_request(request)
        if fate == "unanswered":
            raise httpx.ReadError("unanswered", request=request)
        return answer

    def _fate(self) -> str:
        thrown = self.dice.randrange(1000)
        if self.storm:
            self.storm -= 1
            thrown //= 10
        for fate, per_mille in () if self.calm else BEFALLS:
            thrown -= per_mille
            if thrown < 0:
                self.befell[fate] = self.befell.get(fate, 0) + 1
                return fate
        return ""


class Notices(httpx.AsyncBaseTransport):
    """Carries the cash channel's notices to the service: `take` is told the body and its signature, and says whether it took it."""

    def __init__(self, take: Callable[[bytes, str], Awaitable[bool]]) -> None:
        self._take = take

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        taken = await self._take(await request.aread(), request.headers.get(HEADER, ""))
        return httpx.Response(204 if taken else 503, request=request)


def systems(clock: SimulatedClock, notices: httpx.AsyncClient) -> Simulators:
    """Every outside system, in its first hour."""
    logging.getLogger("httpx").setLevel(logging.WARNING)
    shared = Secrets(SECRET, SECRET, {"lead": SECRET, "second": SECRET}, dict.fromkeys(DESKS, SECRET), SECRET, SECRET)
    return build(clock, shared, "http://platform/{programme}", OUTSIDE, notices, {"lead": set(GOODS), "second": set()}, DESKS)
