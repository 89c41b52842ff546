"""The identity service: checks that a person is there and means it, by face, by a message to the phone, or at a counter.

`POST /checks` takes programme, person, method and proof, and answers with a verdict and when the check was made. The proof
is what the service's own dialogue left with the person; it is passed on and kept nowhere.
"""

from collections.abc import Sequence
from typing import Final, Literal

import httpx
import msgspec

from huibao.core.clock import Clock
from huibao.core.refusal import Refusal
from huibao.enrolment.model import IdentityCheck
from huibao.gateways.signing import PATIENCE_S, Denied, Instant, Peer, Unreachable

#: What people call each way. A face is never the only one (《人脸识别技术应用安全管理办法》, in force since 2025-06-01).
METHODS: Final = {"face": "人脸识别", "sms": "短信验证", "counter": "柜台核验"}


class IdentityUnreachable(Unreachable):
    """There is no verdict: the service did not answer, or could not decide. Nobody passed, nobody failed."""

    @property
    def refusal(self) -> Refusal:
        ways = "、".join(METHODS.values())
        return Refusal("identity.service_unreachable", None, f"身份核验暂时没有结果（{self.zh}），请稍后重试，或改用其他方式：{ways}。",
                       f"there is no verdict on the identity ({self.en}): try again, or another way: {', '.join(METHODS)}",
                       {"methods": "、".join(METHODS)})


class Proof(msgspec.Struct, frozen=True):
    """Who is to be checked, by which method, on what."""

    programme: str
    person: int
    method: str
    proof: str


class Verdict(msgspec.Struct, frozen=True):
    """How a check ended and when it was made, under the service's reference."""

    verdict: Literal["passed", "failed", "unknown"]
    reference: str
    at: Instant


class IdentityService:
    """The service over HTTP."""

    def __init__(
        self, client: httpx.AsyncClient, base_url: str, secret: bytes, clock: Clock, patience_s: float = PATIENCE_S
    ) -> None:
        self._peer = Peer(client, base_url, secret, clock, IdentityUnreachable, patience_s)

    @property
    def methods(self) -> Sequence[str]:
        return tuple(METHODS)

    async def check(self, programme: str, person: int, method: str, proof: str) -> IdentityCheck:
        """The check, passed or failed, as of when the service made it. Raises `IdentityUnreachable`."""
        body = msgspec.json.encode(Proof(programme, person, method, proof))
        told = await self._peer.call("POST", "/checks", Verdict, body)
        if isinstance(told, Denied):
            raise IdentityUnreachable("denied")
        if told.verdict == "unknown":
            raise IdentityUnreachable("undecided")
        return IdentityCheck(person, method, told.verdict == "passed", told.at, told.reference)
