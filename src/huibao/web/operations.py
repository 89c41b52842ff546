"""One operation of the API, and what its handler is given: every route is declared alike and answered by one service."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, Literal, NamedTuple, TypeVar

import msgspec

from huibao.catalogue.model import Programme
from huibao.policies.numbers import order_number, policy_number, refund_number, settlement_number
from huibao.web.authorisation import Reach
from huibao.web.credentials import Principal
from huibao.web.engine import Engine
from huibao.web.problems import Reply

Method = Literal["GET", "POST", "DELETE"]

A = TypeVar("A", bound=msgspec.Struct)

JSON: Final = "application/json"
#: A body may have so many bytes, where its operation does not need more.
BODY_LIMIT: Final = 64 * 1024


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing is asked beyond the path."""


@dataclass(slots=True)
class Call(Generic[A]):
    """A request that was let in: what it asks, read and checked, and who asks. `key` is its idempotency key where it has one.

    `raw` is the body as sent, `headers` are by lower-case name. A body that is streamed comes by `pieces` instead, once.
    """

    engine: Engine
    headers: Mapping[bytes, bytes]
    path: Mapping[str, str]
    asked: A
    raw: bytes
    key: str
    caller: Principal | None
    reach: Reach
    pieces: AsyncIterator[bytes] | None = None

    @property
    def principal(self) -> Principal:
        """The caller, where the table lets nobody in without a credential."""
        assert self.caller is not None, "the authorisation table let somebody in without a credential"
        return self.caller

    @property
    def person(self) -> int:
        """The person whose credential it is, where the table lets in members alone."""
        assert self.principal.person_id is not None, "a member's credential names its person"
        return self.principal.person_id

    @property
    def programme(self) -> Programme:
        return self.engine.programmes[self.path["programme"]]


Handle = Callable[[Call[A]], Awaitable[msgspec.Struct | Reply]]


class PathPart(NamedTuple):
    """A part of a path that varies: what it must look like, what it is, one that looks like it."""

    pattern: str
    about: str
    example: str


#: Every variable part of a path has one meaning everywhere; what does not look like it is no address here.
PATH_PARTS: Final[Mapping[str, PathPart]] = {
    "programme": PathPart("[0-9]{6}", "The programme: the code of its city or province.", "990000"),
    "product": PathPart("[A-Za-z0-9][A-Za-z0-9._-]{0,63}", "The product's id.", "example-2026"),
    "insurer": PathPart("[A-Za-z0-9][A-Za-z0-9._-]{0,63}", "The insurer's id.", "anxin"),
    "order": PathPart("[0-9]{6}-[0-9]{12}-[0-9]", "The order's number.", order_number("990000", 123)),
    "policy": PathPart("[0-9]{6}-[0-9]{12}-[0-9]-[0-9]{2}", "The policy's number.", policy_number("990000", 123, 1)),
    "settlement": PathPart("[0-9]{6}-S[0-9]{12}-[0-9]", "The settlement's number here.", settlement_number("990000", 124)),
    "refund": PathPart("[0-9]{6}-R[0-9]{12}-[0-9]", "The refund's number.", refund_number("990000", 1000)),
    "repayment": PathPart("[1-9][0-9]{0,17}", "The repayment's number.", "130"),
    "statement": PathPart("[1-9][0-9]{0,17}", "The statement's number.", "125"),
    "endorsement": PathPart("[1-9][0-9]{0,17}", "The endorsement's number.", "126"),
    "payout": PathPart("[1-9][0-9]{0,17}", "The payout's number.", "7"),
    "sponsor": PathPart("[1-9][0-9]{0,17}", "The sponsor's number.", "126"),
    "remittance": PathPart("[1-9][0-9]{0,17}", "The batch's number.", "126"),
    "account": PathPart("[1-9][0-9]{0,17}", "The number of a receiving account.", "127"),
    "case": PathPart("[1-9][0-9]{0,17}", "The case's number.", "12"),
    "roster": PathPart("[1-9][0-9]{0,17}", "The roster's number.", "8"),
    "mandate": PathPart("[1-9][0-9]{0,17}", "The mandate's number.", "127"),
    "credential": PathPart("[1-9][0-9]{0,17}", "The credential's id.", "42"),
}

_PART: Final = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Operation(Generic[A]):
    """A route: how it is called, what it asks and answers with an example of each, which refusals to expect of it.

    `asks` is the body of a POST, the query of a GET; `keyed` operations need an idempotency key. `refuses` has the
    statuses that are not plain from all this, `also` the media types besides JSON that it may answer with. A body has at most
    `most_bytes`; one of `media` other than JSON is read by the handler itself, `streamed` piece by piece.
    """

    id: str
    method: Method
    path: str
    handle: Handle[A]
    asks: type[A]
    answers: type[msgspec.Struct] | None
    status: int
    keyed: bool
    refuses: tuple[int, ...]
    asked_example: msgspec.Struct | None
    answer_example: msgspec.Struct | None
    most_bytes: int
    media: str
    streamed: bool = False
    also: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """The first sentence of the handler's docstring."""
        return (self.handle.__doc__ or "").strip().partition("\n")[0]

    @property
    def description(self) -> str:
        return " ".join((self.handle.__doc__ or "").split())

    @property
    def parts(self) -> tuple[str, ...]:
        """The names of the path's variable parts."""
        return tuple(_PART.findall(self.path))

    @property
    def has_body(self) -> bool:
        return self.method == "POST" and (self.asks is not Nothing or self.media != JSON)

    @property
    def has_query(self) -> bool:
        return self.method == "GET" and self.asks is not Nothing


def operation(
    method: Method,
    path: str,
    *,
    asks: type[A],
    answers: type[msgspec.Struct] | None,
    status: int = 200,
    keyed: bool = False,
    refuses: tuple[int, ...] = (),
    asked: A | None = None,
    answered: msgspec.Struct | None = None,
    most_bytes: int = BODY_LIMIT,
    media: str = JSON,
    streamed: bool = False,
    also: tuple[str, ...] = (),
) -> Callable[[Handle[A]], Operation[A]]:
    """Makes an operation of its handler, under the handler's name; `asked` and `answered` are its examples."""

    def made(handle: Handle[A]) -> Operation[A]:
        name: Any = handle
        return Operation(name.__name__, method, path, handle, asks, answers, status, keyed, refuses, asked, answered, most_bytes, media,
                         streamed, also)

    return made
