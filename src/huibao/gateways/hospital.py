"""A hospital's own system: asked what became of a deduction at its desk that it never confirmed.

    GET /settlements/{programme}/{setl_id}      how the settlement and its deduction stand

A 404 says that no such settlement was ever finished there. Only an answer ends the waiting: silence says nothing.
"""

from typing import Annotated, Final, Literal
from urllib.parse import quote

import httpx
import msgspec

from huibao.core.clock import Clock
from huibao.gateways.signing import PATIENCE_S, Declined, Denied, Peer, Unreachable

State = Literal["deducted", "not-deducted", "reversed"]

#: What a hospital's system says where it has no such settlement: any other 404 is a wrong address, and says nothing.
UNKNOWN: Final = "settlement.unknown"

#: A deduction of nothing is one too: the desk asked, and there was nothing to pay.
Deductible = Annotated[int, msgspec.Meta(ge=0)]


class HospitalUnreachable(Unreachable):
    """The hospital's system did not answer: what became of the deduction stays open, and is asked again."""


class HospitalRefused(Declined):
    """The hospital's system will not say what became of a settlement."""

    def __init__(self, provider: str, denied: Denied) -> None:
        self.who = f"hospital {provider}"
        super().__init__(denied)
        self.provider: Final = provider


class Standing(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a settlement stands at the hospital; `fen` where something was taken off."""

    state: State
    fen: Deductible | None = None


class Deducted(msgspec.Struct, frozen=True):
    """So much was taken off what the patient paid at the desk, which need not be what was decided."""

    fen: Deductible


#: `not-deducted`: settled, and paid in full by the patient; `reversed`: the basic-insurance settlement was taken back;
#: `unknown`: no such settlement was ever finished there.
DeductionState = Deducted | Literal["not-deducted", "reversed", "unknown"]


class HospitalDesk:
    """One hospital's system over HTTP."""

    def __init__(
        self, client: httpx.AsyncClient, endpoint: str, provider: str, secret: bytes, clock: Clock, patience_s: float = PATIENCE_S
    ) -> None:
        self.provider: Final = provider
        self._peer = Peer(client, endpoint, secret, clock, HospitalUnreachable, patience_s)

    async def ask(self, programme: str, setl_id: str) -> DeductionState:
        """What became of the deduction. Raises `HospitalUnreachable` and `HospitalRefused`."""
        standing = await self._peer.call("GET", f"/settlements/{_segment(programme)}/{_segment(setl_id)}", Standing)
        if isinstance(standing, Denied):
            if (standing.status, standing.code) == (404, UNKNOWN):
                return "unknown"
            raise HospitalRefused(self.provider, standing)
        if standing.state != "deducted":
            return standing.state
        if standing.fen is None:
            raise HospitalUnreachable("unreadable")
        return Deducted(standing.fen)


def _segment(id: str) -> str:
    """An id of theirs as one segment of a path; its dots too, or the client would take `..` for a way up."""
    return quote(id, safe="").replace(".", "%2E")
