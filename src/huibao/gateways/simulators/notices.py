"""A simulated notice channel: sends to every mobile number of the mainland, and declines any other."""

import re
from typing import Final

import msgspec

from huibao.core.clock import Clock
from huibao.gateways.notices import NoticeMessage
from huibao.gateways.signing import Taken
from huibao.gateways.simulators.model import Said, Simulator, no

_REACHED: Final = re.compile(r"1[0-9]{10}")


class NoticeSimulator(Simulator):
    """The channel. `sent` has each message once, in the order in which they came."""

    def __init__(self, clock: Clock, secret: bytes) -> None:
        super().__init__(clock, secret)
        self._by_reference: dict[str, NoticeMessage] = {}

    @property
    def sent(self) -> list[NoticeMessage]:
        return list(self._by_reference.values())

    async def answer(self, method: str, path: str, body: bytes) -> Said:
        if (method, path) != ("POST", "/notices"):
            return no(404, "path.unknown")
        message = msgspec.json.decode(body, type=NoticeMessage)
        if not _REACHED.fullmatch(message.phone):
            return no(422, "phone.unreachable")
        if self._by_reference.setdefault(message.reference, message) != message:
            return no(409, "notice.other_content")
        return Said(200, Taken(message.reference))
