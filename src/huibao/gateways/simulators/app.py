"""The simulated systems behind one ASGI application, each under its name.

`/cash`, `/identity`, `/insurer-{id}`, `/hospital-{id}`, `/bank`, `/notices` and `/accounts`.

Each takes `POST /faults` with a `Fault` and `DELETE /faults`, from anybody: this is for demos and tests.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

import httpx
import msgspec

from huibao.core.clock import Clock
from huibao.gateways.signing import HEADER, answering, sign, verify
from huibao.gateways.simulators.accounts import AccountSimulator, Openings
from huibao.gateways.simulators.bank import BankSimulator
from huibao.gateways.simulators.cash import CashSimulator, Page
from huibao.gateways.simulators.faults import Fault
from huibao.gateways.simulators.hospital import HospitalSimulator
from huibao.gateways.simulators.identity import IdentitySimulator
from huibao.gateways.simulators.insurer import InsurerSimulator
from huibao.gateways.simulators.model import Said, Simulator, no
from huibao.gateways.simulators.notices import NoticeSimulator

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_JSON: Final = b"application/json"
_NO_NONCE: Final = "0" * 32


@dataclass(frozen=True, slots=True)
class Secrets:
    """What each system and the platform share; insurers and hospitals by id."""

    cash: bytes
    identity: bytes
    insurers: Mapping[str, bytes]
    hospitals: Mapping[str, bytes]
    bank: bytes
    notices: bytes
    accounts: bytes = b""


class Simulators:
    """The application, and its systems for who runs it in the same process."""

    def __init__(
        self, cash: CashSimulator, identity: IdentitySimulator, insurers: Mapping[str, InsurerSimulator],
        hospitals: Mapping[str, HospitalSimulator], bank: BankSimulator, notices: NoticeSimulator, accounts: AccountSimulator,
    ) -> None:
        self.cash: Final = cash
        self.identity: Final = identity
        self.insurers: Final = insurers
        self.hospitals: Final = hospitals
        self.bank: Final = bank
        self.notices: Final = notices
        self.accounts: Final = accounts
        self._by_name: dict[str, Simulator] = {"cash": cash, "identity": identity, "bank": bank, "notices": notices, "accounts": accounts}
        self._by_name |= {f"insurer-{id}": insurer for id, insurer in insurers.items()}
        self._by_name |= {f"hospital-{id}": hospital for id, hospital in hospitals.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        # As it came, quoted: that is what was signed, and what stands in one segment may have a slash in it.
        _, name, *rest = scope["raw_path"].decode("latin-1").removeprefix(scope.get("root_path", "")).split("/", 2)
        simulator, path = self._by_name.get(unquote(name)), "/" + "".join(rest).rstrip("/")
        body = await _whole(receive)
        if simulator is None:
            await _send(send, 404, _JSON, msgspec.json.encode(no(404, "system.unknown").message))
        elif path == "/faults":
            await _plan(simulator, scope["method"], body, send)
        elif simulator is self.cash and (page := await self.cash.page(scope["method"], unquote(path))):
            await _send_page(send, page)
        else:
            signature = next((value for header, value in scope["headers"] if header == HEADER.lower().encode()), b"")
            await _answer(simulator, scope["method"], path, body, signature.decode("latin-1"), receive, send)


def build(
    clock: Clock, secrets: Secrets, callback: str, public: str, client: httpx.AsyncClient, products: Mapping[str, Collection[str]],
    hospitals: Collection[str] = (), openings: Openings | None = None, journal: Path | None = None,
) -> Simulators:
    """The simulated systems of a demo or a test.

    `callback` is where the platform takes the cash channel's notices, with `{programme}` where that belongs; `public` is
    the address under which people reach this application; `client` sends the notices and is the caller's to close;
    `products` has what each insurer insures, by its id; `hospitals` the hospitals' ids;
    `openings` says what is on the accounts of who is asked about for the first time, `journal` is where their system keeps its books.
    """
    return Simulators(
        CashSimulator(clock, secrets.cash, callback, f"{public}/cash", client),
        IdentitySimulator(clock, secrets.identity),
        {id: InsurerSimulator(clock, secrets.insurers[id], known) for id, known in products.items()},
        {id: HospitalSimulator(clock, secrets.hospitals[id]) for id in hospitals},
        BankSimulator(clock, secrets.bank),
        NoticeSimulator(clock, secrets.notices),
        AccountSimulator(clock, secrets.accounts or secrets.bank, openings, journal),
    )


async def _answer(
    simulator: Simulator, method: str, path: str, body: bytes, signature: str, receive: Receive, send: Send
) -> None:
    """The signed answer to a signed request, after what faults make of it."""
    nonce = verify(simulator.secret, f"{method} {path}", body, signature, simulator.clock.now())
    if nonce is None and not simulator.faults.strikes("any-signature"):
        await _send(send, 401, _JSON, msgspec.json.encode(no(401, "signature.invalid").message))
        return
    if simulator.faults.strikes("error"):
        await _send(send, 500, b"text/plain", b"error")
        return
    if simulator.faults.strikes("lose"):
        await receive()
        return
    if simulator.faults.strikes("late"):
        simulator.under_way.append((method, path, body))
        await receive()
        return
    said = await _said(simulator, method, path, body)
    if simulator.faults.strikes("repeat"):
        said = await _said(simulator, method, path, body)
    while simulator.under_way:
        await _said(simulator, *simulator.under_way.pop(0))
    if late := simulator.faults.strikes("delay"):
        await asyncio.sleep(late.ms / 1000)
    if simulator.faults.strikes("drop"):
        await receive()  # returns when the other side has gone
        return
    told = b"<html>" if simulator.faults.strikes("garbage") else msgspec.json.encode(said.message)
    secret = simulator.secret + b"?" if simulator.faults.strikes("wrong-signature") else simulator.secret
    signed = sign(secret, answering(said.status, nonce or _NO_NONCE), told, simulator.clock.now(), nonce or _NO_NONCE)
    cut = simulator.faults.strikes("half-answer")
    await _send(send, said.status, _JSON, told, signed, cut.bytes if cut else None)


async def _said(simulator: Simulator, method: str, path: str, body: bytes) -> Said:
    try:
        return await simulator.answer(method, path, body)
    except msgspec.DecodeError:
        return no(400, "body.malformed")


async def _plan(simulator: Simulator, method: str, body: bytes, send: Send) -> None:
    """Faults to come, or none any more."""
    if method == "DELETE":
        simulator.faults.clear()
        await _send(send, 204, _JSON, b"")
        return
    try:
        simulator.faults.plan(msgspec.json.decode(body, type=Fault))
    except msgspec.DecodeError as mistake:
        await _send(send, 400, b"text/plain; charset=utf-8", str(mistake).encode())
        return
    await _send(send, 204, _JSON, b"")


# ── ASGI ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

async def _whole(receive: Receive) -> bytes:
    body = bytearray()
    more = True
    while more:
        event = await receive()
        body += event.get("body", b"")
        more = event.get("more_body", False)
    return bytes(body)


async def _send_page(send: Send, page: Page) -> None:
    await _send(send, page.status, b"text/html; charset=utf-8", page.html.encode())


async def _send(
    send: Send, status: int, media_type: bytes, body: bytes, signature: str = "", only: int | None = None
) -> None:
    """An answer, or its head and the first `only` bytes: the server closes the connection over what is missing."""
    headers = [(b"content-type", media_type), (b"content-length", str(len(body)).encode())]
    if signature:
        headers.append((HEADER.lower().encode(), signature.encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body[:only], "more_body": only is not None})


async def _live(receive: Receive, send: Send) -> None:
    while True:
        event = await receive()
        await send({"type": f"{event['type']}.complete"})
        if event["type"] == "lifespan.shutdown":
            return
