"""The simulated systems on a port of this machine, with a platform that takes the cash channel's notices."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import httpx
from granian.constants import Interfaces
from granian.server.embed import Server

from huibao.core.clock import SimulatedClock
from huibao.gateways.bank import PayoutBank
from huibao.gateways.cash import CashChannel, Notice
from huibao.gateways.hospital import HospitalDesk
from huibao.gateways.identity import IdentityService
from huibao.gateways.insurers import InsurerSystem
from huibao.gateways.notices import NoticeChannel
from huibao.gateways.signing import HEADER
from huibao.gateways.simulators.app import Receive, Scope, Secrets, Send, Simulators, build
from huibao.gateways.simulators.faults import Fault

NOON: Final = datetime(2026, 3, 2, 4, tzinfo=UTC)
SECRETS: Final = Secrets(b"cash secret", b"identity secret", {"lead": b"lead secret", "second": b"second secret"},
                        {"H1": b"H1 secret", "H2": b"H2 secret"}, b"bank secret", b"notices secret")
#: Long enough for an answer on this machine, short enough to wait for one that never comes.
PATIENCE_S: Final = 1.0
#: Past the port's patience.
TOO_LATE_MS: Final = 3000


@dataclass(slots=True)
class World:
    """The ports as the service has them, the systems behind them, and the notices that came, each with its signature."""

    clock: SimulatedClock
    client: httpx.AsyncClient
    url: str
    simulators: Simulators
    cash: CashChannel
    identity: IdentityService
    bank: PayoutBank
    phones: NoticeChannel
    came: list[tuple[bytes, str]] = field(default_factory=list)
    #: The platform answers notices with these, then with 200.
    statuses: list[int] = field(default_factory=list)

    def insurer(self, id: str = "lead") -> InsurerSystem:
        return InsurerSystem(self.client, f"{self.url}/insurer-{id}", id, SECRETS.insurers[id], self.clock, PATIENCE_S)

    def hospital(self, id: str = "H1") -> HospitalDesk:
        return HospitalDesk(self.client, f"{self.url}/hospital-{id}", id, SECRETS.hospitals[id], self.clock, PATIENCE_S)

    def notices(self) -> list[Notice | None]:
        """What the platform makes of what came."""
        return [self.cash.verify_notice(body, signature) for body, signature in self.came]

    async def pay(self, reference: str) -> None:
        """A tester pushes the button."""
        assert (await self.client.post(f"{self.url}/cash/pay/{reference}")).status_code == 200

    async def fail(self, system: str, *faults: Fault) -> None:
        """Tells a system to fail, over the network as a tester would."""
        for fault in faults:
            told = await self.client.post(f"{self.url}/{system}/faults", json={name: getattr(fault, name) for name in fault.__struct_fields__})
            assert told.status_code == 204, told.text


def in_world(story: Callable[[World], Coroutine[Any, Any, None]], products: Sequence[str] = ("plan",)) -> None:
    """Lives a story in a world of its own."""
    async def live() -> None:
        async with world(products) as made:
            await story(made)

    asyncio.run(live())


@asynccontextmanager
async def world(products: Sequence[str] = ("plan",)) -> AsyncIterator[World]:
    """The simulators, served by granian on a port of their own; both insurers insure `products`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    clock = SimulatedClock(NOON)
    async with httpx.AsyncClient(trust_env=False) as client, httpx.AsyncClient(trust_env=False) as notices:
        simulators = build(clock, SECRETS, url + "/platform/{programme}", url, notices, dict.fromkeys(SECRETS.insurers, products),
                           list(SECRETS.hospitals))
        made = World(clock, client, url, simulators, CashChannel(client, f"{url}/cash", SECRETS.cash, clock, PATIENCE_S),
                     IdentityService(client, f"{url}/identity", SECRETS.identity, clock, PATIENCE_S),
                     PayoutBank(client, f"{url}/bank", SECRETS.bank, clock, PATIENCE_S),
                     NoticeChannel(client, f"{url}/notices", SECRETS.notices, clock, PATIENCE_S))
        server = Server(_beside(simulators, made), port=int(url.rpartition(":")[2]), interface=Interfaces.ASGI, log_enabled=False)
        serving = asyncio.create_task(server.serve())
        try:
            await _up(client, url)
            yield made
        finally:
            server.stop()  # type: ignore[no-untyped-call]  # granian has no types here
            await serving


def _beside(simulators: Simulators, made: World) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    """The simulators, and under /platform who takes their notices."""
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if not scope.get("path", "").startswith("/platform"):
            await simulators(scope, receive, send)
            return
        body, more = b"", True
        while more:
            event = await receive()
            body, more = body + event["body"], event["more_body"]
        made.came.append((body, dict(scope["headers"])[HEADER.lower().encode()].decode()))
        await send({"type": "http.response.start", "status": made.statuses.pop(0) if made.statuses else 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    return app


async def _up(client: httpx.AsyncClient, url: str) -> None:
    async with asyncio.timeout(10):
        while True:
            try:
                await client.get(url)
            except httpx.TransportError:
                await asyncio.sleep(0.01)
            else:
                return
