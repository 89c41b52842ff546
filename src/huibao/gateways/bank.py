"""The bank: pays claims out of insurers' payout accounts and account money out of the agency's, and calls in what co-insurers owe.

    POST /payouts                   pays to an account, once
    GET  /payouts/{reference}       how it stands
    POST /collections               asks a co-insurer to pay its part, once
    GET  /collections/{reference}   how it stands

What comes of a call that was not answered is unknown until it is asked for. A reference is used once: asked again with
the same content, the bank has the same payout, and one that came back stays so; with other content, it answers 409.
"""

from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote

import httpx
import msgspec

from huibao.core.clock import Clock
from huibao.gateways.signing import PATIENCE_S, Declined, Denied, Fen, Instant, Peer, Taken, Unreachable, unknown


class BankUnreachable(Unreachable):
    """The bank did not answer: what was asked may have been done or not."""


class BankRefused(Declined):
    """The bank answered no to what it should take."""

    who = "the bank"


@dataclass(frozen=True, slots=True)
class Payout:
    """What is paid to `account`; `payee` is `hospital:` or `insurer:` with its id, or `person`.

    It leaves the product's `payout` account, or, as a batch of account money to its insurer, the agency's `clearing` account.
    """

    reference: str
    programme: str
    product: str
    payee: str
    account: str = field(repr=False)
    fen: Fen
    out_of: Literal["payout", "clearing"] = "payout"


class Collection(msgspec.Struct, frozen=True):
    """What a co-insurer is to pay into a product's payout account."""

    reference: str
    programme: str
    product: str
    insurer: str
    fen: Fen


class PayoutStanding(msgspec.Struct, frozen=True):
    """How a payout stands, and since when it is paid or returned."""

    state: Literal["pending", "paid", "returned"]
    fen: Fen
    at: Instant | None = None


class CollectionStanding(msgspec.Struct, frozen=True):
    """How a collection stands; what came, and when."""

    state: Literal["waiting", "received"]
    fen: Fen | None = None
    at: Instant | None = None


class Paid(msgspec.Struct, frozen=True):
    """The payout is in the receiving account: what the bank paid under the reference, and when."""

    fen: Fen
    at: Instant


class Received(msgspec.Struct, frozen=True):
    """The co-insurer paid: what really came, which need not be what was asked for."""

    fen: Fen
    at: Instant


#: `returned`: the receiving account does not exist any more, the money came back; `unknown` was never asked for.
PayoutState = Paid | Literal["pending", "returned", "unknown"]
CollectionState = Received | Literal["waiting", "unknown"]


class PayoutBank:
    """The bank over HTTP. Every call raises `BankUnreachable` where no answer can be relied on, else `BankRefused`."""

    def __init__(
        self, client: httpx.AsyncClient, base_url: str, secret: bytes, clock: Clock, patience_s: float = PATIENCE_S
    ) -> None:
        self._peer = Peer(client, base_url, secret, clock, BankUnreachable, patience_s)

    async def pay(self, payout: Payout) -> None:
        """Asks for a payout; asked again, the same payout. Whether it was made, `ask` tells."""
        await self._post("/payouts", payout)

    async def ask(self, reference: str) -> PayoutState:
        """How a payout stands."""
        standing = await self._peer.call("GET", f"/payouts/{quote(reference, safe='')}", PayoutStanding)
        if isinstance(standing, Denied):
            return unknown(standing, BankRefused)
        if standing.state != "paid":
            return standing.state
        if standing.at is None:
            raise BankUnreachable("unreadable")
        return Paid(standing.fen, standing.at)

    async def collect(self, collection: Collection) -> None:
        """Asks a co-insurer for its part; asked again, the same collection. Whether it paid, `ask_collection` tells."""
        await self._post("/collections", collection)

    async def ask_collection(self, reference: str) -> CollectionState:
        """How a collection stands."""
        standing = await self._peer.call("GET", f"/collections/{quote(reference, safe='')}", CollectionStanding)
        if isinstance(standing, Denied):
            return unknown(standing, BankRefused)
        if standing.state != "received":
            return standing.state
        if standing.fen is None or standing.at is None:
            raise BankUnreachable("unreadable")
        return Received(standing.fen, standing.at)

    async def _post(self, path: str, asked: Payout | Collection) -> None:
        told = await self._peer.call("POST", path, Taken, msgspec.json.encode(asked))
        if isinstance(told, Denied):
            raise BankRefused(told)
