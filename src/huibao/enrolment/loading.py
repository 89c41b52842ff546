"""What a batch of orders reads besides people and money: orders with their policies, reviews, who entered them, mandates."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Final

import msgspec

from huibao.db import sqlfile
from huibao.db.arrays import Int8s
from huibao.db.wire import Wire
from huibao.enrolment.model import Check, Claim, Order, Policy, Reviewing, Vote
from huibao.enrolment.state import Hands
from huibao.ledger.books import Books
from huibao.mandates.model import Mandate
from huibao.mandates.work import of_row

SQL: Final = sqlfile.load("huibao.enrolment")

_CHECKS: Final = msgspec.json.Decoder(tuple[Check, ...])

Rows = Sequence[tuple[Any, ...]]


async def orders_of(wire: Wire, ids: Sequence[int]) -> dict[int, Order]:
    """Orders and their policies by id; their people are locked by the statement before."""
    rows = wire.ask(SQL["orders"], {"orders": Int8s(ids)})
    lines = wire.ask(SQL["policies_of_orders"], {"orders": Int8s(ids)})
    await wire.go()
    return read_orders(rows.rows(), lines.rows())


def reviews_of(wire: Wire, ids: Sequence[int]) -> Callable[[], dict[int, Reviewing]]:
    """Asks for the reviews of orders; what is returned reads them once they are there."""
    rows, votes = (wire.ask(SQL[name], {"orders": Int8s(ids)}) for name in ("reviews", "votes"))
    return lambda: read_reviews(rows.rows(), votes.rows())


def hands_of(wire: Wire, ids: Sequence[int]) -> Callable[[], dict[int, Hands]]:
    """Asks who entered orders, and those whose place they took; as above."""
    rows = wire.ask(SQL["hands"], {"orders": Int8s(ids)})
    return lambda: read_hands(rows.rows())


def mandates_of(wire: Wire, pairs: Iterable[tuple[int, int | None]], on: date) -> Callable[[], Mapping[tuple[int, int], Sequence[Mandate]]]:
    """Asks for what is in force between principals and agents on a day; as above."""
    known = sorted((principal, agent) for principal, agent in pairs if agent is not None)
    rows = wire.ask(SQL["mandates_among"], {
        "principals": Int8s([principal for principal, _ in known]), "agents": Int8s([agent for _, agent in known]), "on": on})

    def read() -> Mapping[tuple[int, int], Sequence[Mandate]]:
        found: defaultdict[tuple[int, int], list[Mandate]] = defaultdict(list)
        for row in rows.rows():
            mandate = of_row(*row)
            found[mandate.principal, mandate.agent].append(mandate)
        return found

    return read


# ── rows ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

def read_orders(rows: Rows, lines: Rows) -> dict[int, Order]:
    """Orders by id, from their rows and their policies'."""
    policies: defaultdict[int, list[Policy]] = defaultdict(list)
    for order, position, insured, product, relation, tier, premium, cash, share, state, since, until in lines:
        policies[order].append(
            Policy(order, position, insured, product, relation, tier, premium, (), cash, share, {}, state, since, until))
    return {
        id: Order(id, at, buyer, offer, product, pay_with, sponsor, premium, cash, state, review_by, deadline, credential, policies[id])
        for id, at, buyer, offer, product, pay_with, sponsor, premium, cash, state, review_by, deadline, credential in rows
    }


def read_reviews(rows: Rows, votes: Rows) -> dict[int, Reviewing]:
    """Reviews by order, with what was decided in them."""
    cast: defaultdict[int, list[Vote]] = defaultdict(list)
    for order, number, request, credential, person, verdict, reason, checked in votes:
        cast[order].append(Vote(number, request, credential, person, verdict, reason, _CHECKS.decode(checked)))
    return {
        order: Reviewing(order, since, tuple(entered_by), reviewers, _CHECKS.decode(checked), escalate_at, void_at, because, escalated_at,
                         state, cast[order], Claim(by, person, at, until) if by is not None else None)
        for order, since, entered_by, reviewers, checked, escalate_at, void_at, because, escalated_at, state, by, person, at, until in rows
    }


def read_hands(rows: Rows) -> dict[int, Hands]:
    """Credentials and people who entered each order, or one whose place it took."""
    found: defaultdict[int, Hands] = defaultdict(tuple)
    for order, credential, person in rows:
        found[order] += ((credential, person),)
    return dict(found)


def parts_from_holds(found: Mapping[int, Order], books: Books) -> None:
    """What an order that waits takes from accounts is what is held for it."""
    for order in found.values():
        for policy in order.policies:
            policy.parts = tuple((books.accounts[hold.account_id].kind, hold.fen)
                                 for hold in books.holds(order.id) if hold.position == policy.position)
