"""The ground's invariants on one programme, at one instant; each finding says which, and who offends it.

The letters are those of `docs/reference/verify.md`. Settlements have theirs in `settlements`, (k) columns beside single settlements in
`columns`, (l) remittances in `remittances`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from huibao.core import chain
from huibao.db import arrays, sqlfile
from huibao.db.arrays import Int8s, Texts
from huibao.db.sqlfile import Queries
from huibao.ledger.model import ROUTES
from huibao.pool.shares import of_total
from huibao.scheme.model import Scheme, in_force

SQL: Final = sqlfile.load("huibao.verify", "invariants.sql")

#: An order is released, and a payment sent back, within this time after it was due, else something that should run does not.
GRACE: Final = timedelta(minutes=10)
#: So many offenders of one invariant are named; the rest are counted.
MOST_NAMED: Final = 20


@dataclass(frozen=True, slots=True)
class Finding:
    """One invariant and its offenders; none is good. `more` were found beyond those named; `note` says what was looked at, if not all."""

    letter: str
    name: str
    offenders: tuple[str, ...]
    more: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is verified: a programme, at an instant."""

    connection: Connection[TupleRow]
    code: str
    scheme: Scheme
    at: datetime


#: What finds the offenders of one invariant.
Check = Callable[[Subject], Iterator[str]]
#: Invariants: letter, name, and what finds who offends them.
Checks = Sequence[tuple[str, str, Check]]


def verify(subject: Subject, checks: Checks | None = None) -> Iterator[Finding]:
    """Each invariant's finding, in order; the ground's where no others are named.

    The connection's transaction is the caller's: REPEATABLE READ, search_path set.
    """
    arrays.register(subject.connection)
    for letter, name, check in CHECKS if checks is None else checks:
        named: list[str] = []
        more = 0
        try:
            # What was altered may not even be readable: that is a finding, and the other checks go on.
            with subject.connection.transaction():
                for offender in check(subject):
                    if len(named) < MOST_NAMED:
                        named.append(offender)
                    else:
                        more += 1
        except psycopg.DataError as unreadable:
            named.append(f"what is compared here cannot be read: {type(unreadable).__name__}")
        yield Finding(letter, name, tuple(named), more)


def statement(queries: Queries, name: str, given: Callable[[Subject], Mapping[str, Any]] | None = None) -> Check:
    """The offenders that a statement finds, with what it is `given`."""
    def check(subject: Subject) -> Iterator[str]:
        for (offender,) in subject.connection.execute(queries[name], given(subject) if given else {}):
            yield offender

    return check


def _sql(name: str, given: Callable[[Subject], Mapping[str, Any]] | None = None) -> Check:
    return statement(SQL, name, given)


def _routes(_: Subject) -> Mapping[str, Any]:
    ways = [(kind, leaves, reaches) for kind, (from_kinds, to_kinds) in ROUTES.items() for leaves in from_kinds for reaches in to_kinds]
    kinds, leaves, reaches = zip(*ways, strict=True)
    return {"kinds": Texts(kinds), "leaves": Texts(leaves), "reaches": Texts(reaches)}


def _limits(subject: Subject) -> Mapping[str, Any]:
    """The yearly limit of each year that counts, by the rule in force on its last day."""
    found = []
    for (year,) in subject.connection.execute(SQL["limit_years"]).fetchall():
        account = in_force(subject.scheme.account, date(year, 12, 31))
        if account and account.yearly_limit:
            found.append((year, account.yearly_limit.fen))
    return {"years": Int8s([year for year, _ in found]), "limits": Int8s([fen for _, fen in found])}


def _pool_parts(subject: Subject) -> Iterator[str]:
    """The members' parts of each stream add up to it, and none is more than a fen from its quota."""
    for product, version, stream, fen, weights in subject.connection.execute(SQL["pool_shares"]):
        parts, whole = of_total(fen, weights), sum(weights)
        if sum(parts) != fen or any(abs(part * whole - fen * weight) >= whole for part, weight in zip(parts, weights, strict=True)):
            yield f"pool of {product} version {version}, {stream}: parts {parts} of {fen} fen"


def _chain(subject: Subject) -> Iterator[str]:
    """The record is whole from the genesis to the head: every digest, every link, no number left out."""
    links = subject.connection.execute(SQL["links"]).fetchall()
    head, seq, number = chain.genesis(subject.code), 0, 0
    with subject.connection.cursor("verify_events") as events:
        events.itersize = 2_000
        events.execute(SQL["events"])
        for link_number, first_seq, last_seq, linked in links:
            digests = []
            if (link_number, first_seq) != (number + 1, seq + 1):
                yield f"link {link_number} starts at {first_seq}, after link {number} ended at {seq}"
            for wanted in range(first_seq, last_seq + 1):
                row = events.fetchone()
                if row is None or row[0] != wanted:
                    yield f"event {wanted} is missing from the record"
                    return
                found, *said, digest = row
                if chain.entry_digest(found, *said) != digest:
                    yield f"event {found} was altered"
                digests.append(digest)
            head, seq, number = chain.link(head, first_seq, digests), last_seq, link_number
            if head != linked:
                yield f"link {link_number} does not follow from the one before and its events"
                head = linked
        if events.fetchone() is not None:
            yield f"there are events after {seq}, the end of the last link"
    end = subject.connection.execute(SQL["head"]).fetchone()
    if end != (number, seq, head):
        yield f"the head stands at link {end[0] if end else None}, the last link is {number}"


def _texts(subject: Subject) -> Iterator[str]:
    """Each rule text is the one that policies were sold under."""
    for digest, kind, name, body in subject.connection.execute(SQL["rule_texts"]):
        if chain.sm3(body.encode()) != digest:
            yield f"the text of {kind} {name} was altered"


CHECKS: Final[Checks] = (
    ("a", "double entry", _sql("double_entry")),
    ("a", "routes of money", _sql("routes", _routes)),
    ("b", "balances", _sql("balances")),
    ("b", "holds on accounts", _sql("held")),
    ("c", "bounds", _sql("bounds")),
    ("d", "each request once", _sql("requests")),
    ("d", "orders as recorded", _sql("as_recorded")),
    ("e", "one effect per key", _sql("one_effect")),
    ("f", "policies and their money", _sql("policies")),
    ("f", "orders and their policies", _sql("orders")),
    ("f", "who paid", _sql("back_to_source")),
    ("f", "payments that go back", _sql("returns", lambda subject: {"overdue": subject.at - GRACE})),
    ("g", "pool totals", _sql("pool")),
    ("g", "pool shares", _pool_parts),
    ("h", "holds and their orders", _sql("holds", lambda subject: {"overdue": subject.at - GRACE})),
    ("i", "limit years", _sql("years")),
    ("i", "yearly limit", _sql("yearly_limit", _limits)),
    ("j", "chain of the record", _chain),
    ("·", "rule texts", _texts),
    ("·", "nothing without its parent", _sql("orphans")),
)
