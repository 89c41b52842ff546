"""What the system that keeps the accounts is asked to do for an order: the rows that ask, and how a batch moves them on."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from huibao.db import sqlfile
from huibao.db.arrays import Column, Int8s, Texts, Times
from huibao.db.wire import Wire

SQL: Final = sqlfile.load("huibao.enrolment", "postings.sql")

Kind = Literal["freeze", "confirm", "cancel", "credit"]
State = Literal["wanted", "sent", "yes", "no"]


@dataclass(slots=True)
class Posting:
    """One request to that system. `id` None is one that this batch makes; `free` is what was free on both accounts when it was decided."""

    order: int
    person: int
    kind: Kind
    try_: int
    personal_fen: int
    savings_fen: int
    state: State = "wanted"
    id: int | None = None
    free: tuple[int, int] | None = None
    reason: str | None = None
    their_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether what became of it is not known yet."""
        return self.state in ("wanted", "sent")


class Postings:
    """The postings of a batch's orders: as loaded, and what the batch asked for and came to know."""

    def __init__(self, loaded: Iterable[Posting] = ()) -> None:
        self._of: defaultdict[int, list[Posting]] = defaultdict(list)
        for posting in loaded:
            self._of[posting.order].append(posting)
        self.new: list[Posting] = []
        self.known: list[Posting] = []

    def find(self, order: int, id: int) -> Posting | None:
        return next((posting for posting in self._of[order] if posting.id == id), None)

    def open(self, order: int, kind: Kind) -> Posting | None:
        """What is asked of this kind for an order and not answered yet."""
        return next((posting for posting in self._of[order] if posting.kind == kind and posting.is_open), None)

    def tries(self, order: int) -> int:
        """How often money was asked for."""
        return max((posting.try_ for posting in self._of[order] if posting.kind == "freeze"), default=0)

    def frozen(self, order: int) -> Posting | None:
        """The latest try to set money aside, unless it is known to have come to nothing."""
        last = self.tries(order)
        declined = {(posting.kind, posting.try_) for posting in self._of[order] if posting.state == "no"}
        cancelled = any(posting.kind == "cancel" and posting.state == "yes" and posting.try_ == last for posting in self._of[order])
        if cancelled or declined & {("freeze", last), ("confirm", last)}:
            return None
        return next((posting for posting in self._of[order] if posting.kind == "freeze" and posting.try_ == last), None)

    def was(self, order: int, kind: Kind) -> bool:
        """Whether anything of this kind was ever asked for an order."""
        return any(posting.kind == kind for posting in self._of[order])

    def ask(self, posting: Posting) -> None:
        self._of[posting.order].append(posting)
        self.new.append(posting)

    def know(self, posting: Posting, is_done: bool, their_at: datetime | None = None, reason: str | None = None) -> None:
        """What became of it: from now on it is what it is."""
        posting.state, posting.their_at, posting.reason = "yes" if is_done else "no", their_at, reason
        self.known.append(posting)

    def write(self, wire: Wire, at: datetime) -> None:
        """Queues what was asked for and what is known."""
        if self.new:
            wire.ask(SQL["insert_postings"], {"at": at, **_columns(self.new)})
        if known := [posting for posting in self.known if posting.id is not None]:
            wire.ask(SQL["know_postings"], {
                "at": at, "ids": Int8s([p.id for p in known]), "states": Texts([p.state for p in known]),
                "reasons": Texts([p.reason for p in known]), "their": Times([p.their_at for p in known])})


def read(rows: Sequence[tuple[object, ...]]) -> Postings:
    """Postings as `postings_of_orders` has them."""
    return Postings(Posting(*row) for row in rows)  # type: ignore[arg-type]  # the statement's columns are the fields


def _columns(postings: Sequence[Posting]) -> Mapping[str, Column]:
    return {
        "orders": Int8s([p.order for p in postings]),
        "people": Int8s([p.person for p in postings]),
        "kinds": Texts([p.kind for p in postings]),
        "tries": Int8s([p.try_ for p in postings]),
        "personal": Int8s([p.personal_fen for p in postings]),
        "savings": Int8s([p.savings_fen for p in postings]),
        "personal_free": Int8s([p.free[0] if p.free else None for p in postings]),
        "savings_free": Int8s([p.free[1] if p.free else None for p in postings]),
    }
