"""The words of the record: a command as it arrives, a decision as it is kept, an answer as it is given."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Generic, NamedTuple, Protocol, TypeVar

import msgspec
from psycopg import AsyncConnection

from huibao.core.refusal import Refusal
from huibao.db.wire import Wire

C_contra = TypeVar("C_contra", contravariant=True)
C = TypeVar("C")
S = TypeVar("S")

DONE: Final = "done"
#: The key was used before, for something else. Not stored: the key's own answer stays what it is.
OTHER_BODY: Final = "key.other_body"

Connection = AsyncConnection[Any]


class Sealed(NamedTuple):
    """The evidence of a request as the record has it, and the wrapped key that opens it; none where the person was erased."""

    request_id: int
    person_id: int
    sealed: bytes
    wrapped: bytes | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command is told: `outcome` is `done` or a refusal's code, `body` JSON. `replayed` says it was told before; where the
    plain record keeps less than was told, the whole is in `sealed`."""

    outcome: str
    body: bytes
    replayed: bool = False
    sealed: Sealed | None = None


class Decision(msgspec.Struct, frozen=True):
    """What is recorded of one command; `sealed` is the evidence, under the key of `person_id`.

    `told` is what the caller is told now, where the record's plain `body` keeps less: the whole is in the evidence then. `again`
    says that it was told before, under another key.
    """

    kind: str
    outcome: str
    body: bytes
    credential: int
    person_id: int | None = None
    sealed: bytes | None = None
    told: bytes | None = None
    again: bool = False


#: Under whom what the service does by itself is recorded.
NOBODY: Final = 0
OURSELVES: Final = f"credential:{NOBODY}"


class Request(NamedTuple, Generic[C]):
    """A command as it is submitted: whose key, by which route, which key, its canonical body."""

    principal: str
    route: str
    key: str
    body: bytes
    command: C


class Work(Protocol[C_contra, S]):
    """Commands of one family, decided over one state.

    `load` asks for everything in one go and reads it; `decide` is pure but for the state it moves on; `write` and
    `write_hot` only queue statements, the latter for rows that every batch wants, under the lock of the chain's head.
    """

    async def load(self, wire: Wire, commands: Sequence[C_contra], at: datetime) -> S: ...

    def decide(self, state: S, request_id: int, command: C_contra, at: datetime) -> Decision: ...

    def write(self, wire: Wire, state: S, at: datetime) -> None: ...

    def write_hot(self, wire: Wire, state: S, at: datetime) -> None: ...


class _Told(msgspec.Struct, frozen=True, omit_defaults=True):
    """A refusal as it is stored and answered."""

    code: str
    clause: str | None
    zh: str
    en: str
    figures: dict[str, int | str] = {}


_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(_Told)


def told(refusal: Refusal) -> bytes:
    """A refusal as JSON."""
    return _ENCODER.encode(_Told(refusal.code, refusal.clause, refusal.zh, refusal.en, dict(refusal.figures)))


def untold(body: bytes) -> Refusal:
    """The refusal that `told` wrote."""
    read = _DECODER.decode(body)
    return Refusal(read.code, read.clause, read.zh, read.en, read.figures)


def key_digest(principal: str, key: str) -> bytes:
    """16 bytes for a principal's own key: two principals' keys never meet."""
    return hashlib.sha256(b"%d:%s:%s" % (len(principal), principal.encode(), key.encode())).digest()[:16]


def body_digest(principal: str, route: str, programme: str, command: bytes) -> bytes:
    """32 bytes over what was asked, by whom and where; `command` is the parsed command in its canonical encoding."""
    head = f"{principal}\0{route}\0{programme}".encode()
    return hashlib.sha256(b"%d:%s:%s" % (len(head), head, command)).digest()


KEY_USED: Final = Refusal(
    OTHER_BODY, None,
    "该幂等键已用于另一笔内容不同的请求，未作任何处理。请核对：重发原请求须内容一致，新请求请换一个键。",
    "this idempotency key was used for another request, and nothing was done: send the same body to ask again, or a new key"
    " for a new request")
