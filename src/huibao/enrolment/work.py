"""The commands of orders as one family: what a batch of them loads, how each is decided and told, what is written."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal

import msgspec

from huibao.catalogue import shelf as catalogue
from huibao.catalogue.model import Programme, Shelf
from huibao.core.refusal import Refusal
from huibao.core.sealing import Keyring, Place, seal, unwrap
from huibao.core.time import business_date
from huibao.db.arrays import Byteas, Int8s, Texts
from huibao.db.wire import Wire
from huibao.enrolment import claiming, orders, outside, postings, review, tellings, writing
from huibao.enrolment.amend import amend
from huibao.enrolment.continuity import Earlier, earlier
from huibao.enrolment.entries import acting
from huibao.enrolment.loading import SQL, hands_of, mandates_of, orders_of, parts_from_holds, reviews_of
from huibao.enrolment.model import (
    Amend,
    Balances,
    Buy,
    ClaimReview,
    Command,
    Consent,
    Entry,
    Escalate,
    IdentityCheck,
    ListTold,
    Order,
    OrderTold,
    Paid,
    PartTold,
    Policy,
    PolicyTold,
    Posted,
    Proposal,
    Release,
    ReleaseReview,
    Review,
    ReviewList,
    Unreviewed,
)
from huibao.enrolment.purchase import Granting, decide
from huibao.enrolment.state import State
from huibao.ledger import books as ledger
from huibao.ledger.books import Books
from huibao.ledger.model import Account, Hold
from huibao.members import people
from huibao.policies.numbers import order_number, policy_number
from huibao.record.model import DONE, Decision, told
from huibao.scheme.running import kept_elsewhere

_ENCODER: Final = msgspec.json.Encoder()
_KINDS: Final = {Buy: "purchase", Paid: "payment", Release: "release", Amend: "purchase", Review: "review", ReviewList: "review-list",
                 ClaimReview: "review-claim", ReleaseReview: "review-release",
                 Escalate: "review-escalated", Unreviewed: "review-overdue",
                 Balances: "account-balances", Posted: "account-posting"}


#: What a batch locks before it is decided: all, people but no sponsors (whose money was set aside before), or nothing, for who only asks.
Locks = Literal["all", "people", "nothing"]


class Orders:
    """`Work` of a programme's orders; keeps the shelf between batches."""

    def __init__(self, programme: Programme, keyring: Keyring, *, locks: Locks = "all") -> None:
        self.programme = programme
        self._keyring = keyring
        self._locks = locks
        self._shelf: Shelf | None = None

    async def load(self, wire: Wire, commands: Sequence[Command], at: datetime) -> State:
        """Locks the people of the commands, then sponsors; reads what is true of them afterwards."""
        return await self.load_with(wire, commands, at, ())

    async def load_with(self, wire: Wire, commands: Sequence[Command], at: datetime, beside: Sequence[int]) -> State:
        """As `load`; the people of the orders `beside` are locked in the same go, and nothing else is read of these."""
        on = business_date(at)
        order_ids = sorted({command.order for command in commands if not isinstance(command, Buy | ReviewList)})
        buys = [command for command in commands if isinstance(command, Buy)]
        # No sponsor has a name that the database cannot hold.
        sponsors = sorted({buy.sponsor for buy in buys if buy.sponsor is not None and "\0" not in buy.sponsor})
        agents = {(buy.buyer, buy.entry.person) for buy in buys if buy.entry is not None and buy.entry.channel == "agent"}
        named = {person for buy in buys for person in (buy.buyer, *(wish.member for wish in buy.insured))}
        named |= {agent for _, agent in agents if agent is not None}
        named |= {command.add.member for command in commands if isinstance(command, Amend) and command.add is not None}
        locked = people.look(wire, sorted(named)) if self._locks == "nothing" else people.lock(wire, sorted(named), [*order_ids, *beside])
        sponsored = wire.ask(ledger.SQL["lock_sponsors" if self._locks == "all" else "look_at_sponsors"],
                             {"sponsors": Texts(sponsors)}) if sponsors else None
        version = wire.ask(catalogue.SQL["version"])
        found = await orders_of(wire, order_ids) if order_ids else {}
        everyone = sorted(named | {order.buyer for order in found.values()}
                          | {policy.insured for order in found.values() for policy in order.policies})
        # What no decision looks at is not read: a file has many people who neither spend their own money nor insure others.
        spending = Int8s(sorted({buy.buyer for buy in buys if buy.pay_with != "sponsor"} | {order.buyer for order in found.values()}))
        asked = people.ask(wire, locked, everyone, on, everyone if order_ids or agents else _families(buys))
        elsewhere = None
        if order_ids and kept_elsewhere(self.programme.scheme):
            wire.ask(postings.SQL["open_mirrors"], {"orders": Int8s(order_ids)})
            elsewhere = wire.ask(postings.SQL["postings_of_orders"], {"orders": Int8s(order_ids)})
        accounts = wire.ask(ledger.SQL["accounts_of"], {"people": spending})
        years = wire.ask(ledger.SQL["years_of"], {"people": spending})
        holds = wire.ask(ledger.SQL["holds_of_orders"], {"orders": Int8s(order_ids)}) if order_ids else None
        live = wire.ask(SQL["live_policies"], {"people": Int8s(everyone)})
        mandates = mandates_of(wire, agents, on) if agents else None
        waiting = reviews_of(wire, order_ids) if order_ids else None
        hands = hands_of(wire, order_ids) if order_ids else None
        keys = sorted({key for buy in buys for key in buy.renewing})
        proposed = wire.ask(SQL["proposals"], writing.key_columns(keys)) if keys else None
        await wire.go()
        loaded = [Account(*row) for row in accounts.rows()] + [Account(*row) for row in (sponsored.rows() if sponsored else ())]
        pending = [Hold(account, fen, order, position, tuple(limit_years), id)
                   for id, account, fen, order, position, limit_years in (holds.rows() if holds else ())]
        books = Books(loaded, years.rows(), pending)
        parts_from_holds(found, books)
        [now] = version.row()
        if self._shelf is None or self._shelf.version != now:
            self._shelf = await catalogue.load(wire.plain(), now)
        held: defaultdict[int, list[Earlier]] = defaultdict(list)
        for person, *policy in live.rows():
            held[person].append(earlier(*policy))
        insured = {(person, one.product) for person, policies in held.items() for one in policies}
        proposals = {(order, position): Proposal(*row) for order, position, *row in (proposed.rows() if proposed else ())}
        return State(self.programme, self._shelf, self._keyring, on, people.read(asked), books, insured, found,
                     waiting() if waiting else {}, mandates() if mandates else {}, hands() if hands else {}, held, proposals,
                     postings=postings.read(elsewhere.rows() if elsewhere else ()))

    def decide(self, state: State, request_id: int, command: Command, at: datetime) -> Decision:
        """Decides one command and moves the state on; what was refused leaves it as it was."""
        return self.decide_instead(state, request_id, command, at, None)

    def decide_instead(self, state: State, request_id: int, command: Command, at: datetime, takes_over: str | None) -> Decision:
        """As `decide`; `takes_over` is the number of the own policy whose place a sponsor's takes."""
        granting: Granting | None = None
        outcome: Order | Refusal
        if isinstance(command, ReviewList):
            told_ = ListTold(len(command.orders), command.verdict)
            return Decision(_KINDS[ReviewList], DONE, _ENCODER.encode(told_), command.credential)
        if isinstance(command, ClaimReview | ReleaseReview):
            has = claiming.claim(state, command, at) if isinstance(command, ClaimReview) else claiming.release(state, command, at)
            if isinstance(has, Refusal):
                return Decision(_KINDS[type(command)], has.code, told(has), command.credential)
            return Decision(_KINDS[type(command)], DONE, _ENCODER.encode(has), command.credential)
        if isinstance(command, Buy):
            decided = decide(state, command, at)
            if isinstance(decided, Granting):
                granting = decided
                outcome = orders.take_up(state, request_id, command, granting, at)
                state.confirmed.extend((key, request_id) for key in command.renewing)
            else:
                outcome = decided
        elif isinstance(command, Amend):
            amended = amend(state, command, request_id, at)
            outcome, granting = amended if not isinstance(amended, Refusal) else (amended, None)
        elif isinstance(command, Balances):
            split = outside.split(state, command, at)
            outcome, granting = (split, None) if isinstance(split, Refusal) else split
        else:
            outcome = _moved(state, request_id, command, at)
        kind = _KINDS[type(command)]
        person, sealed = self._evidence(state, request_id, command, is_done=not isinstance(outcome, Refusal))
        if isinstance(outcome, Refusal):
            return Decision(kind, outcome.code, told(outcome), command.credential, person, sealed)
        replaced = command.order if isinstance(command, Amend) else None
        said = self._told(state, outcome, granting, replaced)
        body = _ENCODER.encode(said if takes_over is None else msgspec.structs.replace(said, takes_over=takes_over))
        return Decision(kind, DONE, body, command.credential, person, sealed)

    def write(self, wire: Wire, state: State, at: datetime) -> None:
        """Queues orders, policies, reviews, what people are told, movements of money."""
        writing.write_orders(wire, state, at)
        writing.write_reviews(wire, state, at)
        if state.amended:
            self._amended(wire, state, at)
        writing.write_proposals(wire, state, at)
        state.postings.write(wire, at)
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

    def _evidence(self, state: State, request_id: int, command: Command, *, is_done: bool) -> tuple[int | None, bytes | None]:
        """What was read, ticked, signed, checked and presented, or what a reviewer noted, sealed under the buyer's key; what was refused
        keeps it too, under the key of who acted."""
        if isinstance(command, Buy | Amend) and (command.consent is not None or command.identity is not None):
            shown: dict[str, Consent | IdentityCheck | Entry | None] = {"consent": command.consent, "identity": command.identity}
            if command.entry is not None:
                shown["entry"] = command.entry
            person, plain = _whose(state, command, is_done=is_done), _ENCODER.encode(shown)
        elif isinstance(command, Review) and command.note and command.order in state.orders:
            person, plain = state.orders[command.order].buyer, _ENCODER.encode({"note": command.note})
        else:
            return None, None
        buyer = state.people.get(person)
        if buyer is None or buyer.wrapped is None:
            return None, None
        key = unwrap(self._keyring, self.programme.code, buyer.id, buyer.wrapped)
        return buyer.id, seal(key, plain, Place(self.programme.code, "event", request_id, "sealed"))

    def _told(self, state: State, order: Order, granting: Granting | None, replaced: int | None = None) -> OrderTold:
        offer = state.shelf.wordings[order.offer]
        waiting = state.reviews.get(order.id)
        votes = len(waiting.votes) if waiting else 0
        standing = tellings.standing(order.state, order.cash_fen, votes)
        sentences = _granted(granting, order, standing) if granting else ((), *standing)
        sponsor_fen = order.premium_fen if order.sponsor is not None else 0
        return OrderTold(
            order=order_number(self.programme.code, order.id), state=order.state, product=order.product, premium_fen=order.premium_fen,
            account_fen=order.premium_fen - order.cash_fen - sponsor_fen, cash_fen=order.cash_fen, sponsor_fen=sponsor_fen,
            policies=tuple(_policy_told(self.programme.code, order, policy) for policy in order.policies),
            plan_digest=offer.plan_digest.hex(), engine=offer.engine, terms_digest=offer.terms_digest.hex(),
            clauses=sentences[0], zh=sentences[1], en=sentences[2], pay_by=order.deadline if order.state == "awaiting-payment" else None,
            replaces=order_number(self.programme.code, replaced) if replaced is not None else None)


def _key(state: State, person: int) -> bytes:
    wrapped = state.people[person].wrapped
    assert wrapped is not None, "who was erased buys nothing"
    return wrapped


def _families(buys: Sequence[Buy]) -> set[int]:
    """Who buys for others, and these."""
    return {person for buy in buys if any(wish.member != buy.buyer for wish in buy.insured)
            for person in (buy.buyer, *(wish.member for wish in buy.insured))}


def _whose(state: State, command: Buy | Amend, *, is_done: bool) -> int:
    """Whose the evidence is: the buyer's, where somebody else was not refused; of an order that is not there or not theirs, nobody's."""
    if isinstance(command, Buy):
        return command.buyer if is_done else acting(command)
    order = state.orders.get(command.order)
    return order.buyer if order is not None and command.buyer in (None, order.buyer) else 0


def _policy_told(programme: str, order: Order, policy: Policy) -> PolicyTold:
    parts = [PartTold(kind, fen) for kind, fen in policy.parts]
    if policy.cash_fen:
        parts.append(PartTold("cash", policy.cash_fen))
    if order.sponsor is not None:
        parts.append(PartTold("sponsor", policy.premium_fen))
    return PolicyTold(
        number=policy_number(programme, order.id, policy.position), insured=policy.insured, relation=policy.relation, state=policy.state,
        premium_fen=policy.premium_fen, parts=tuple(parts), tier=policy.tier, period_from=policy.period_from, period_to=policy.period_to)


def _moved(
    state: State, request_id: int, command: Paid | Release | Review | Escalate | Unreviewed | Posted, at: datetime
) -> Order | Refusal:
    """What becomes of an order that was there before."""
    match command:
        case Paid():
            return orders.pay(state, command, at)
        case Release():
            return orders.release(state, command, at)
        case Review():
            return review.review(state, command, request_id, at)
        case Escalate():
            return review.escalate(state, command, at)
        case Unreviewed():
            return review.unreviewed(state, command, request_id, at)
        case Posted():
            return outside.posted(state, command, request_id, at)


def _granted(granting: Granting, order: Order, standing: tuple[str, str]) -> tuple[tuple[str, ...], str, str]:
    """The clauses and the sentences of an order's grants; where another system keeps the accounts, and what is waited for."""
    found = [grant.granted for grant in granting.grants]
    clauses = tuple(dict.fromkeys(clause for granted in found for clause in granted.clauses))
    if order.sponsor is not None:
        # The scheme's sentences are about the buyer's money, and none of it is spent.
        return clauses, *standing
    if order.state == "awaiting-account" and not any(policy.parts for policy in order.policies):
        return clauses, *tellings.CHECKING
    said = [(granted.zh, granted.en) for granted in found] + ([standing] if granting.elsewhere else [])
    return clauses, "\n".join(zh for zh, _ in said), "\n".join(en for _, en in said)
