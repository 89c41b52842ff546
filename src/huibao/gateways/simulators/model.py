"""What every simulator is: a system with a secret, a clock and faults, whose state is gone when the process ends."""

from dataclasses import dataclass

import msgspec

from huibao.core.clock import Clock
from huibao.gateways.simulators.faults import Faults


@dataclass(frozen=True, slots=True)
class Said:
    """An answer: a status and what is said."""

    status: int
    message: msgspec.Struct


class No(msgspec.Struct, frozen=True):
    """Why nothing was done."""

    code: str


def no(status: int, code: str) -> Said:
    return Said(status, No(code))


class Simulator:
    """One simulated system. Paths are those below its base address."""

    def __init__(self, clock: Clock, secret: bytes) -> None:
        self.clock = clock
        self.secret = secret
        self.faults = Faults()
        #: Requests on their way: method, path and body of what was sent before and comes after the next one.
        self.under_way: list[tuple[str, str, bytes]] = []

    async def answer(self, method: str, path: str, body: bytes) -> Said:
        """The answer to a request whose signature was checked. Raises `msgspec.DecodeError` for a body that is none."""
        raise NotImplementedError
