"""A simulated bank: pays at once what it is asked to, and co-insurers pay at once what they owe, unless told otherwise."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from urllib.parse import unquote

import msgspec

from huibao.core.clock import Clock
from huibao.gateways.bank import Collection, CollectionStanding, Payout, PayoutStanding
from huibao.gateways.signing import Taken
from huibao.gateways.simulators.model import Said, Simulator, no


@dataclass(slots=True)
class _Payout:
    """A payout that was asked for, and what became of it."""

    asked: Payout
    state: Literal["pending", "paid", "returned"] = "pending"
    at: datetime | None = None
    paid_fen: int = 0


@dataclass(slots=True)
class _Collection:
    """A collection that was asked for; `at` once the co-insurer paid."""

    asked: Collection
    at: datetime | None = None


class BankSimulator(Simulator):
    """The bank. `paid` has each payout that was made and did not come back, `received` each collection that was paid.

    Where a fault may hold a payout or send it back, its fate is thrown each time that it is asked about.
    """

    def __init__(self, clock: Clock, secret: bytes) -> None:
        super().__init__(clock, secret)
        self._payouts: dict[str, _Payout] = {}
        self._collections: dict[str, _Collection] = {}
        self.paid: Final[list[Payout]] = []
        self.received: Final[list[Collection]] = []

    async def answer(self, method: str, path: str, body: bytes) -> Said:
        match method, [unquote(part) for part in path.split("/")[1:]]:
            case "POST", ["payouts"]:
                return self._pay(msgspec.json.decode(body, type=Payout))
            case "GET", ["payouts", reference]:
                return self._payout(reference)
            case "POST", ["collections"]:
                return self._collect(msgspec.json.decode(body, type=Collection))
            case "GET", ["collections", reference]:
                return self._collection(reference)
        return no(404, "path.unknown")

    # ── payouts ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _pay(self, asked: Payout) -> Said:
        payout = self._payouts.get(asked.reference)
        if payout is None:
            payout = self._payouts[asked.reference] = _Payout(asked)
            if not any(self.faults.may_strike(kind) for kind in ("hold", "return")):
                self._carry_out(payout)
        return Said(200, Taken(asked.reference)) if payout.asked == asked else no(409, "payout.other_content")

    def _payout(self, reference: str) -> Said:
        payout = self._payouts.get(reference)
        if payout is None:
            return no(404, "payout.unknown")
        if payout.state == "pending" and not self.faults.strikes("hold"):
            self._carry_out(payout)
        said_fen = (payout.paid_fen if payout.state == "paid" else payout.asked.fen) + bool(self.faults.strikes("wrong-amount"))
        return Said(200, PayoutStanding(payout.state, said_fen, payout.at))

    def _carry_out(self, payout: _Payout) -> None:
        payout.at = self.clock.now()
        if self.faults.strikes("return"):
            payout.state = "returned"
        else:
            payout.state, payout.paid_fen = "paid", payout.asked.fen
            if self.faults.strikes("partial"):
                payout.paid_fen = (payout.asked.fen + 1) // 2
            self.paid.append(payout.asked)

    # ── collections ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _collect(self, asked: Collection) -> Said:
        collection = self._collections.get(asked.reference)
        if collection is None:
            collection = self._collections[asked.reference] = _Collection(asked)
            if not self.faults.may_strike("hold"):
                self._receive(collection)
        return Said(200, Taken(asked.reference)) if collection.asked == asked else no(409, "collection.other_content")

    def _collection(self, reference: str) -> Said:
        collection = self._collections.get(reference)
        if collection is None:
            return no(404, "collection.unknown")
        if collection.at is None and not self.faults.strikes("hold"):
            self._receive(collection)
        if collection.at is None:
            return Said(200, CollectionStanding("waiting"))
        return Said(200, CollectionStanding("received", collection.asked.fen, collection.at))

    def _receive(self, collection: _Collection) -> None:
        collection.at = self.clock.now()
        self.received.append(collection.asked)
