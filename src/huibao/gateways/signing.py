"""Messages to the systems around us and from them: signed both ways, bounded in time and size.

A signature is HMAC-SM3 over four lines: what the message is, the time in Unix seconds, a nonce, the body's SM3 in hex. It
travels in a header of its own:

    X-Huibao-Signature: HMAC-SM3 t=1735689600,n=<32 hex digits>,s=<64 hex digits>

What a message is: `POST /payments` for a request (the path below the receiver's base address), `notice` for a notice, and
for an answer its status with the nonce of the request, `answer 200 <nonce>`. So no message passes for another, and no
old answer for a new one; only a 401 comes unsigned. A signature is good for five minutes; within them a message may come
again, and every message here may be taken twice.
"""

import asyncio
import hmac
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Annotated, Final, Literal, TypeVar

import httpx
import msgspec
from cryptography.hazmat.primitives.hashes import SM3
from cryptography.hazmat.primitives.hmac import HMAC

from huibao.core.chain import sm3
from huibao.core.clock import Clock
from huibao.core.time import EPOCH

T = TypeVar("T")

#: An instant in a message names its zone.
Instant = Annotated[datetime, msgspec.Meta(tz=True)]
#: An amount of money that moves.
Fen = Annotated[int, msgspec.Meta(gt=0)]

HEADER: Final = "X-Huibao-Signature"
NOTICE: Final = "notice"

#: How far the time of a signature may be from ours, either way.
FRESH: Final = timedelta(minutes=5)
#: How long an answer may take in all, and how many bytes it may have.
PATIENCE_S: Final = 8.0
MOST_BYTES: Final = 64 * 1024

_SIGNATURE: Final = re.compile(r"HMAC-SM3 t=([0-9]{1,11}),n=([0-9a-f]{32}),s=([0-9a-f]{64})")

Why = Literal[
    "silent", "cut", "failed", "too-long", "signature-refused", "unsigned", "unreadable", "mismatch", "differs", "denied", "undecided"]

_REASONS: Final[dict[Why, tuple[str, str]]] = {
    "silent": ("限时内没有答复", "no answer in time"),
    "cut": ("连接不上，或连接中断", "no connection, or one that broke off"),
    "failed": ("对方系统出错", "an error on its side"),
    "too-long": ("答复过长", "an answer that is too long"),
    "signature-refused": ("对方不认本平台的签名，请核对密钥与时钟", "it refuses our signature: check secret and clock"),
    "unsigned": ("答复的签名不符，请核对密钥与时钟", "an answer whose signature does not fit: check secret and clock"),
    "unreadable": ("答复不符合约定的格式", "an answer that is not in the agreed form"),
    "mismatch": ("答复的摘要与所发报文不符", "a digest that is not of what was sent"),
    "differs": ("答复与所问不符", "an answer about something else than was asked"),
    "denied": ("对方拒绝办理", "it declined"),
    "undecided": ("对方未能得出结论", "it could not decide"),
}


class Unreachable(Exception):
    """No answer that can be relied on: what was asked may have been done or not. Ask again, never assume.

        Unreachable
        ├── ChannelUnreachable     the cash channel
        ├── IdentityUnreachable    the identity service
        ├── InsurerUnreachable     an insurer's system
        ├── HospitalUnreachable    a hospital's system
        ├── BankUnreachable        the bank of the payout accounts
        ├── AccountsUnreachable    the agency's system that keeps the accounts
        └── NoticesUnreachable     the channel of messages to people

    `zh` and `en` say what was the matter and hold nothing that was sent.
    """

    def __init__(self, why: Why) -> None:
        self.why: Final = why
        self.zh, self.en = _REASONS[why]
        super().__init__(self.en)


@dataclass(frozen=True, slots=True)
class Denied:
    """A genuine answer that says no: nothing was done. `code` is the other side's word for why."""

    status: int
    code: str


class Declined(Exception):
    """A genuine no to what the other side should take: a reference that it has with other content, say. A bug, or theirs.

        Declined
        ├── ChannelRefused     the cash channel
        ├── BankRefused        the bank of the payout accounts
        ├── AccountsRefused    the agency's system that keeps the accounts
        ├── HospitalRefused    a hospital's system
        └── InsurerRefused     an insurer's system
    """

    who: str

    def __init__(self, denied: Denied, what: str = "") -> None:
        super().__init__(f"{self.who} declined{what}: {denied.status} {denied.code}")
        self.denied: Final = denied


def unknown(denied: Denied, refused: type[Declined]) -> Literal["unknown"]:
    """Whoever is asked about what is not there was never asked for it; any other no is raised as `refused`."""
    if denied.status != 404:
        raise refused(denied)
    return "unknown"


class Taken(msgspec.Struct, frozen=True):
    """The other side took what was asked: now, or when it was asked before."""

    reference: str


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it came, nothing checked."""

    status: int
    body: bytes
    signature: str


class _No(msgspec.Struct, frozen=True):
    code: str = ""


def new_nonce() -> str:
    """32 hex digits that were not used before."""
    return token_hex(16)


def sign(secret: bytes, what: str, body: bytes, at: datetime, nonce: str) -> str:
    """The value of the signature's header."""
    seconds = (at - EPOCH) // timedelta(seconds=1)
    return f"HMAC-SM3 t={seconds},n={nonce},s={_mac(secret, what, seconds, nonce, body).hex()}"


def verify(secret: bytes, what: str, body: bytes, signature: str, at: datetime) -> str | None:
    """The nonce of a message that is genuine and fresh; None for any other."""
    match = _SIGNATURE.fullmatch(signature)
    if match is None:
        return None
    seconds, nonce = int(match[1]), match[2]
    if not hmac.compare_digest(bytes.fromhex(match[3]), _mac(secret, what, seconds, nonce, body)):
        return None
    return nonce if abs(at - EPOCH - timedelta(seconds=seconds)) <= FRESH else None


def answering(status: int, nonce: str) -> str:
    """What an answer to the request with this nonce is."""
    return f"answer {status} {nonce}"


def _mac(secret: bytes, what: str, seconds: int, nonce: str, body: bytes) -> bytes:
    state = HMAC(secret, SM3())
    state.update(f"{what}\n{seconds}\n{nonce}\n{sm3(body).hex()}".encode())
    return state.finalize()


class Peer:
    """A system that takes signed requests below `base_url`; what goes wrong is raised as `unreachable`."""

    def __init__(
        self, client: httpx.AsyncClient, base_url: str, secret: bytes, clock: Clock, unreachable: type[Unreachable],
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._client = client
        self._base_url = base_url.rstrip("/")
        self._secret = secret
        self._clock = clock
        self._unreachable = unreachable
        self._patience_s = patience_s

    async def call(self, method: str, path: str, answer: type[T], body: bytes = b"") -> T | Denied:
        """The answer, read as `answer`, or the other side's no. Raises `unreachable`."""
        nonce = new_nonce()
        reply = await self.send(method, path, body, sign(self._secret, f"{method} {path}", body, self._clock.now(), nonce))
        if reply.status == 401:
            raise self._unreachable("signature-refused")
        if not (200 <= reply.status < 300 or 400 <= reply.status < 500):
            raise self._unreachable("failed")
        if not verify(self._secret, answering(reply.status, nonce), reply.body, reply.signature, self._clock.now()):
            raise self._unreachable("unsigned")
        try:
            if reply.status >= 400:
                return Denied(reply.status, msgspec.json.decode(reply.body, type=_No).code)
            return msgspec.json.decode(reply.body, type=answer)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise self._unreachable("unreadable") from None

    async def send(self, method: str, path: str, body: bytes, signature: str) -> Reply:
        """Whatever is answered, once all of it has come. Raises `unreachable` where nothing whole comes in time."""
        headers = {HEADER: signature, "Content-Type": "application/json", "Accept-Encoding": "identity"}
        try:
            # The client's own limits are per read: a trickle would pass them for ever.
            async with (asyncio.timeout(self._patience_s),
                        self._client.stream(method, self._base_url + path, content=body, headers=headers) as response):
                received = bytearray()
                async for chunk in response.aiter_raw():
                    received += chunk
                    if len(received) > MOST_BYTES:
                        raise self._unreachable("too-long")
        except (TimeoutError, httpx.TimeoutException):
            raise self._unreachable("silent") from None
        except (httpx.TransportError, httpx.InvalidURL):
            raise self._unreachable("cut") from None
        return Reply(response.status_code, bytes(received), response.headers.get(HEADER, ""))
