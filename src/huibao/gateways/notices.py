"""The notice channel: messages to people's phones.

`POST /notices` takes a message in both languages and sends it once: asked again with its reference, it is the same
message. 422 says that the channel will never reach the number. Nothing here shows a number or what a message says.
"""

from dataclasses import dataclass, field

import httpx
import msgspec

from huibao.core.clock import Clock
from huibao.gateways.signing import PATIENCE_S, Denied, Peer, Taken, Unreachable


class NoticesUnreachable(Unreachable):
    """The channel did not take the message, or did not say so: it may have been sent or not, and is sent again."""


@dataclass(frozen=True, slots=True)
class NoticeMessage:
    """What a person is told, under a reference of ours."""

    reference: str
    phone: str = field(repr=False)
    zh: str = field(repr=False)
    en: str = field(repr=False)


class NoticeChannel:
    """The channel over HTTP."""

    def __init__(
        self, client: httpx.AsyncClient, base_url: str, secret: bytes, clock: Clock, patience_s: float = PATIENCE_S
    ) -> None:
        self._peer = Peer(client, base_url, secret, clock, NoticesUnreachable, patience_s)

    async def send(self, message: NoticeMessage) -> bool:
        """Has the message sent; False where the channel declines the number for good. Raises `NoticesUnreachable`."""
        told = await self._peer.call("POST", "/notices", Taken, msgspec.json.encode(message))
        if isinstance(told, Denied) and told.status == 409:
            return True                                # it was taken before, and went to the number that was known then
        if isinstance(told, Denied) and told.status != 422:
            raise NoticesUnreachable("denied")
        return isinstance(told, Taken)
