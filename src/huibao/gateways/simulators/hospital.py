"""A simulated hospital's system: knows what became of the deductions at its desk, as it was told by who plays the desk."""

from typing import Final
from urllib.parse import unquote

import httpx
import msgspec

from huibao.core.clock import Clock
from huibao.gateways.hospital import Deductible, HospitalRefused, HospitalUnreachable, Standing, State
from huibao.gateways.signing import Denied, Peer
from huibao.gateways.simulators.model import Said, Simulator, no


class Deduction(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of a deduction: told by a ward that is simulated in another process, and what is answered to it."""

    programme: str
    setl_id: str
    state: State
    fen: Deductible | None = None


class HospitalSimulator(Simulator):
    """The system of one hospital; `deductions` by programme and settlement, the latest word."""

    def __init__(self, clock: Clock, secret: bytes) -> None:
        super().__init__(clock, secret)
        self.deductions: Final[dict[tuple[str, str], tuple[State, int | None]]] = {}

    def remember(self, programme: str, setl_id: str, state: State, fen: int | None = None) -> None:
        """What became of a deduction, whatever was said before."""
        self.deductions[programme, setl_id] = (state, fen)

    async def answer(self, method: str, path: str, body: bytes) -> Said:
        match method, [unquote(part) for part in path.split("/")[1:]]:
            case "GET", ["settlements", programme, setl_id]:
                return self._standing((programme, setl_id))
            case "POST", ["deductions"]:
                told = msgspec.json.decode(body, type=Deduction)
                self.remember(told.programme, told.setl_id, told.state, told.fen)
                return Said(200, told)
        return no(404, "path.unknown")

    def _standing(self, settlement: tuple[str, str]) -> Said:
        if settlement not in self.deductions or self.faults.strikes("forget"):
            return no(404, "settlement.unknown")
        state, fen = self.deductions[settlement]
        if fen is not None and self.faults.strikes("wrong-amount"):
            fen += 1
        return Said(200, Standing(state, fen))


async def tell_deduction(
    client: httpx.AsyncClient, endpoint: str, provider: str, secret: bytes, clock: Clock, deduction: Deduction
) -> None:
    """Tells a simulated hospital from another process. Raises `HospitalUnreachable` and `HospitalRefused`."""
    peer = Peer(client, endpoint, secret, clock, HospitalUnreachable)
    told = await peer.call("POST", "/deductions", Deduction, msgspec.json.encode(deduction))
    if isinstance(told, Denied):
        raise HospitalRefused(provider, told)
