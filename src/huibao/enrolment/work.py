"""The commands of orders as one family: what a batch of them loads, how each is decided and told, what is written."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from huibao.catalogue import shelf as catalogue
from huibao.catalogue.model import Programme, Shelf
from huibao.core.refusal import Refusal
from huibao.core.sealing import Keyring, Place, seal, unwrap
from huibao.core.time import business_date
from huibao.db import sqlfile
from huibao.db.arrays import Byteas, Int8s, Texts
from huibao.db.wire import Wire
from huibao.enrolment import orders
from huibao.enrolment.amend import amend
from huibao.enrolment.model import Amend, Buy, Command, Order, OrderTold, Paid, PartTold, Policy, PolicyTold, Release
from huibao.enrolment.purchase import Granting, decide
from huibao.enrolment.state import State, moved_columns, order_columns, policy_columns
from huibao.ledger import books as ledger
from huibao.ledger.books import Books
from huibao.ledger.model import Account, Hold
from huibao.members import people
from huibao.policies.numbers import order_number, policy_number
from huibao.record.model import DONE, Decision, told

SQL: Final = sqlfile.load("huibao.enrolment")

_ENCODER: Final = msgspec.json.Encoder()
_KINDS: Final = {Buy: "purchase", Paid: "payment", Release: "release", Amend: "purchase"}


class Orders:
    """`Work` of a programme's orders; keeps the shelf between batches."""

    def __init__(self, programme: Programme, keyring: Keyring, *, looks_only: bool = False) -> None:
        """`looks_only` locks nothing, for who decides without writing."""
        self.programme = programme
        self._keyring = keyring
        self._looks_only = looks_only
        self._shelf: Shelf | None = None

    async def load(self, wire: Wire, commands: Sequence[Command], at: datetime) -> State:
        """Locks the people of the commands, then sponsors; reads what is true of them afterwards."""
        on = business_date(at)
        order_ids = sorted({command.order for command in commands if not isinstance(command, Buy)})
        buys = [command for command in commands if isinstance(command, Buy)]
        # No sponsor has a name that the database cannot hold.
        sponsors = sorted({buy.sponsor for buy in buys if buy.sponsor is not None and "\0" not in buy.sponsor})
        named = {person for buy in buys for person in (buy.buyer, *(wish.member for wish in buy.insured))}
        named |= {command.add.member for command in commands if isinstance(command, Amend) and command.add is not None}
        locked = people.look(wire, sorted(named)) if self._looks_only else people.lock(wire, sorted(named), order_ids)
        sponsored = wire.ask(ledger.SQL["look_at_sponsors" if self._looks_only else "lock_sponsors"],
                             {"sponsors": Texts(sponsors)}) if sponsors else None
        version = wire.ask(catalogue.SQL["version"])
        found = await self._orders(wire, order_ids) if order_ids else {}
        everyone = sorted(named | {order.buyer for order in found.values()}
                          | {policy.insured for order in found.values() for policy in order.policies})
        asked = people.ask(wire, locked, everyone, on)
        accounts = wire.ask(ledger.SQL["accounts_of"], {"people": Int8s(everyone)})
        years = wire.ask(ledger.SQL["years_of"], {"people": Int8s(everyone)})
        holds = wire.ask(ledger.SQL["holds_of_orders"], {"orders": Int8s(order_ids)}) if order_ids else None
        live = wire.ask(SQL["live_policies"], {"people": Int8s(everyone)})
        await wire.go()
        loaded = [Account(*row) for row in accounts.rows()] + [Account(*row) for row in (sponsored.rows() if sponsored else ())]
        pending = [Hold(account, fen, order, position, tuple(limit_years), id)
                   for id, account, fen, order, position, limit_years in (holds.rows() if holds else ())]
        books = Books(loaded, years.rows(), pending)
        _parts_from_holds(found, books)
        [now] = version.row()
        if self._shelf is None or self._shelf.version != now:
            self._shelf = await catalogue.load(wire.plain(), now)
        insured = {(person, product) for person, product in live.rows()}
        return State(self.programme, self._shelf, self._keyring, on, people.read(asked), books, insured, found)

    def decide(self, state: State, request_id: int, command: Command, at: datetime) -> Decision:
        """Decides one command and moves the state on; what was refused leaves it as it was."""
        granting: Granting | None = None
        outcome: Order | Refusal
        if isinstance(command, Buy):
            decided = decide(state, command, at)
            if isinstance(decided, Granting):
                granting = decided
                outcome = orders.take_up(state, request_id, command, granting, at)
            else:
                outcome = decided
        elif isinstance(command, Amend):
            amended = amend(state, command, request_id, at)
            outcome, granting = amended if not isinstance(amended, Refusal) else (amended, None)
        elif isinstance(command, Paid):
            outcome = orders.pay(state, command, at)
        else:
            outcome = orders.release(state, command, at)
        kind = _KINDS[type(command)]
        person, sealed = self._evidence(state, request_id, command)
        if isinstance(outcome, Refusal):
            return Decision(kind, outcome.code, told(outcome), command.credential, person, sealed)
        replaced = command.order if isinstance(command, Amend) else None
        body = _ENCODER.encode(self._told(state, outcome, granting, replaced))
        return Decision(kind, DONE, body, command.credential, person, sealed)

    def write(self, wire: Wire, state: State, at: datetime) -> None:
        """Queues orders, policies, movements of money."""
        if state.moved:                                # first: who was let go of may be insured again by the same batch
            orders_moved, policies_moved = moved_columns(list(state.moved.values()))
            wire.ask(SQL["move_orders"], orders_moved)
            wire.ask(SQL["move_policies"], policies_moved)
        if state.new_orders:
            wire.ask(SQL["insert_orders"], {"at": at, **order_columns(state.new_orders)})
            policies = [policy for order in state.new_orders for policy in order.policies]
            wire.ask(SQL["insert_policies"], policy_columns(policies))
        if state.amended:
            self._amended(wire, state, at)
        state.books.write(wire, at)

    def _amended(self, wire: Wire, state: State, at: datetime) -> None:
        """Endorsements of orders: a row for each, its reason sealed under the policyholder's key."""
        made, code = state.amended, self.programme.code
        said = [{"before": order_number(code, one.order), "after": order_number(code, one.id), "reason": one.reason} for one in made]
        sealed = [seal(unwrap(self._keyring, code, one.buyer, _key(state, one.buyer)), _ENCODER.encode(content),
                       Place(code, "endorsement", one.id, "sealed")) for one, content in zip(made, said, strict=True)]
        wire.ask(SQL["insert_endorsements"], {
            "at": at, "on": state.on, "ids": Int8s([a.id for a in made]), "kinds": Texts([a.kind for a in made]),
            "people": Int8s([a.buyer for a in made]), "orders": Int8s([a.order for a in made]),
            "asked_by": Int8s([a.credential for a in made]), "askers": Int8s([a.asker for a in made]), "sealed": Byteas(sealed)})

    def write_hot(self, wire: Wire, state: State, at: datetime) -> None:
        """Queues what every batch wants to move: product accounts and pool totals."""
        state.books.write_hot(wire)
        state.pool.write(wire, at)

    async def _orders(self, wire: Wire, ids: Sequence[int]) -> dict[int, Order]:
        """Orders and their policies by id; their people are locked by the statement before."""
        rows = wire.ask(SQL["orders"], {"orders": Int8s(ids)})
        lines = wire.ask(SQL["policies_of_orders"], {"orders": Int8s(ids)})
        await wire.go()
        policies: defaultdict[int, list[Policy]] = defaultdict(list)
        for order, position, insured, product, relation, tier, premium, cash, share, state, since, until in lines.rows():
            policies[order].append(
                Policy(order, position, insured, product, relation, tier, premium, (), cash, share, {}, state, since, until))
        return {
            id: Order(id, at, buyer, offer, product, pay_with, sponsor, premium, cash, state, review_by, deadline, credential, policies[id])
            for id, at, buyer, offer, product, pay_with, sponsor, premium, cash, state, review_by, deadline, credential
            in rows.rows()
        }

    def _evidence(self, state: State, request_id: int, command: Command) -> tuple[int | None, bytes | None]:
        """What was read, ticked, signed and checked, sealed under the buyer's key; a refused purchase keeps it too."""
        if not isinstance(command, Buy | Amend) or (command.consent is None and command.identity is None):
            return None, None
        buyer = state.people.get(_buyer(state, command))
        if buyer is None or buyer.wrapped is None:
            return None, None
        key = unwrap(self._keyring, self.programme.code, buyer.id, buyer.wrapped)
        plain = _ENCODER.encode({"consent": command.consent, "identity": command.identity})
        return buyer.id, seal(key, plain, Place(self.programme.code, "event", request_id, "sealed"))

    def _told(self, state: State, order: Order, granting: Granting | None, replaced: int | None = None) -> OrderTold:
        offer = state.shelf.wordings[order.offer]
        sentences = _granted(granting) if granting else _went_on(order)
        sponsor_fen = order.premium_fen if order.sponsor is not None else 0
        return OrderTold(
            order=order_number(self.programme.code, order.id), state=order.state, product=order.product, premium_fen=order.premium_fen,
            account_fen=order.premium_fen - order.cash_fen - sponsor_fen, cash_fen=order.cash_fen, sponsor_fen=sponsor_fen,
            policies=tuple(_policy_told(self.programme.code, order, policy) for policy in order.policies),
            plan_digest=offer.plan_digest.hex(), engine=offer.engine, terms_digest=offer.terms_digest.hex(),
            clauses=sentences[0], zh=sentences[1], en=sentences[2], pay_by=order.deadline,
            replaces=order_number(self.programme.code, replaced) if replaced is not None else None)


def _key(state: State, person: int) -> bytes:
    wrapped = state.people[person].wrapped
    assert wrapped is not None, "who was erased buys nothing"
    return wrapped


def _buyer(state: State, command: Buy | Amend) -> int:
    """Who buys; of an order that is not there, nobody."""
    if isinstance(command, Buy):
        return command.buyer
    order = state.orders.get(command.order)
    return order.buyer if order is not None else 0


def _policy_told(programme: str, order: Order, policy: Policy) -> PolicyTold:
    parts = [PartTold(kind, fen) for kind, fen in policy.parts]
    if policy.cash_fen:
        parts.append(PartTold("cash", policy.cash_fen))
    if order.sponsor is not None:
        parts.append(PartTold("sponsor", policy.premium_fen))
    return PolicyTold(
        number=policy_number(programme, order.id, policy.position), insured=policy.insured, relation=policy.relation, state=policy.state,
        premium_fen=policy.premium_fen, parts=tuple(parts), tier=policy.tier, period_from=policy.period_from, period_to=policy.period_to)


def _parts_from_holds(found: dict[int, Order], books: Books) -> None:
    """What an order that waits takes from accounts is what is held for it."""
    for order in found.values():
        for policy in order.policies:
            policy.parts = tuple((books.accounts[hold.account_id].kind, hold.fen)
                                 for hold in books.holds(order.id) if hold.position == policy.position)


def _granted(granting: Granting) -> tuple[tuple[str, ...], str, str]:
    """The clauses and the sentences of an order's grants."""
    found = [grant.granted for grant in granting.grants]
    clauses = tuple(dict.fromkeys(clause for granted in found for clause in granted.clauses))
    return clauses, "\n".join(granted.zh for granted in found), "\n".join(granted.en for granted in found)


def _went_on(order: Order) -> tuple[tuple[str, ...], str, str]:
    said = {
        "completed": ("已支付，保单生效日见各保单。", "paid: the policies say from when they cover"),
        "awaiting-review": ("已支付，待审核，尚未承保。", "paid; awaiting review, not yet insured"),
        "void": ("订单已撤销，冻结的账户资金已释放。", "the order is void, and what was set aside is free again"),
    }[order.state]
    return (), *said
