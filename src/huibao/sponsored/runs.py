"""The lines of rosters as one family: each is the purchase that it is, decided and written as any other, and its outcome kept."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from huibao.catalogue.model import Programme
from huibao.core.batcher import TurnedAway
from huibao.core.refusal import Refusal
from huibao.core.sealing import Keyring
from huibao.core.time import business_date
from huibao.db.arrays import Int8s
from huibao.db.wire import Wire
from huibao.enrolment import refusals as of_orders
from huibao.enrolment import state as enrolment
from huibao.enrolment.purchase import Granting
from huibao.enrolment.work import Orders
from huibao.members import notices
from huibao.members.notices import Notice
from huibao.policies.numbers import policy_number
from huibao.record.model import DONE, Decision, told, untold
from huibao.refunds.model import Held, Surrender
from huibao.refunds.work import Refunds
from huibao.scheme.model import SPONSORED, in_force
from huibao.sponsored import refusals, replacing
from huibao.sponsored.alike import Alike
from huibao.sponsored.model import Enrol, Outcome
from huibao.sponsored.replacing import Replacing
from huibao.sponsored.words import CATEGORIES
from huibao.sponsored.work import SQL, refusal_columns


@dataclass(slots=True)
class State:
    """The state of orders, what lines may take the place of, and what became of each line."""

    orders: enrolment.State
    replacing: Replacing
    alike: Alike = field(default_factory=Alike)
    outcomes: list[tuple[Enrol, Outcome]] = field(default_factory=list)


def entitled(state: enrolment.State, command: Enrol) -> Refusal | None:
    """Whether the person holds the hardship that the file claims, as the register knows it on the day."""
    member = state.people.get(command.buy.buyer)
    if command.category is None or member is None or member.hardship == command.category:
        return None
    return refusals.not_entitled(CATEGORIES[command.category], CATEGORIES.get(member.hardship, member.hardship))


def judge(
    state: enrolment.State, own: Replacing, alike: Alike, command: Enrol, at: datetime
) -> tuple[Granting | Refusal, Held | None]:
    """What a line would come to now, and what it would take the place of: the decision of its purchase, and nothing is moved."""
    held = own.of(state, command)
    with replacing.without(state, held):
        found = entitled(state, command) or alike.decide(state, command.buy, at)
    return (reason(state, own, command, found), None) if isinstance(found, Refusal) else (found, held)


def reason(state: enrolment.State, own: Replacing, command: Enrol, refusal: Refusal) -> Refusal:
    """A refusal as a sponsor reads it: whose policy it is that somebody has, is not a sponsor's to learn."""
    member = state.people.get(command.buy.buyer)
    match refusal.code:
        case of_orders.ALREADY_INSURED:
            return refusals.SURRENDER_FIRST if own.may_be_surrendered(state, command) else refusals.OWN_POLICY
        case of_orders.SPONSOR_SHORT:
            return refusals.PRICE_ROSE
        case of_orders.JOIN_NOT_MET if member and not member.person.enrolments:
            return refusals.NOT_ENROLLED
    return refusal


class Stopped(TurnedAway):
    """Somebody has stopped the roster, or it is over: its lines are left as they are."""

    def __init__(self) -> None:
        super().__init__(1)


class Runs:
    """`Work` of the lines of rosters: that of orders, with each line's outcome in the same transaction.

    The sponsor's money was set aside when the roster was confirmed, so its account is not locked while lines are decided: two
    runners of one sponsor wait for each other at the end of a batch alone.
    """

    def __init__(self, programme: Programme, keyring: Keyring) -> None:
        self._code, self._scheme = programme.code, programme.scheme
        self._refunds = Refunds(programme, keyring)
        self._orders = Orders(programme, keyring, locks="people")

    async def load(self, wire: Wire, commands: Sequence[Enrol], at: datetime) -> State:
        """Locks the roster of a part's lines against being stopped, then the part, then people, with those whose own policies may give
        way, in one go, then the products of these. Raises `Stopped` where the roster is."""
        part = {"roster": commands[0].roster, "part": commands[0].part}
        running = wire.ask(SQL["share_running"], part)
        wire.ask(SQL["lock_part"], {"number": self._number(**part)})
        left = wire.ask(SQL["left"], part)
        own = await replacing.look(wire, self._scheme, commands, business_date(at))
        beside = own.waiting(business_date(at))
        orders = await self._orders.load_with(wire, [command.buy for command in commands], at, [one.order for one in beside])
        if not running.rows():
            raise Stopped
        if beside:
            own.refunding = await self._refunds.load(wire, [Surrender(0, one.order, one.position, 0) for one in beside], at)
            own.held = own.refunding.held
        for account in orders.books.accounts.values():
            if account.kind == "sponsor":
                # What was set aside for the lines of this part, less what those before these cost, and no more.
                [account.balance_fen] = left.row()
                account.held_fen = account.credit_limit_fen = 0
        return State(orders, own)

    def _number(self, roster: int, part: int) -> int:
        """By what a part is locked."""
        return int.from_bytes(sha256(f"{self._code} roster {roster} part {part}".encode()).digest()[:8], signed=True)

    def decide(self, state: State, request_id: int, command: Enrol, at: datetime) -> Decision:
        """Decides one line as the purchase that it is."""
        if refused := entitled(state.orders, command):
            state.outcomes.append((command, Outcome(command.line, why=refused)))
            return Decision("purchase", refused.code, told(refused), command.buy.credential)
        held = state.replacing.of(state.orders, command)
        decision = self._alone(state, request_id, command, at) if held is None else self._instead(state, request_id, command, held, at)
        if decision.outcome != DONE:
            why = reason(state.orders, state.replacing, command, untold(decision.body))
            state.outcomes.append((command, Outcome(command.line, why=why)))
            return decision
        replaces = (held.order, held.position) if held is not None else None
        state.outcomes.append((command, Outcome(command.line, request_id, state.orders.new_orders[-1].premium_fen, replaces=replaces)))
        return decision

    def _alone(self, state: State, request_id: int, command: Enrol, at: datetime) -> Decision:
        """A line that takes nothing's place: what one like it came to, or decided by itself."""
        said = state.alike.again(state.orders, request_id, command.buy)
        if said is not None:
            return Decision("purchase", DONE, said, command.buy.credential)
        decision = self._orders.decide(state.orders, request_id, command.buy, at)
        if decision.outcome == DONE:
            state.alike.keep(state.orders, command.buy, decision.body)
        return decision

    def _instead(self, state: State, request_id: int, command: Enrol, held: Held, at: datetime) -> Decision:
        """A line that takes the place of an own policy, which is given back."""
        number = policy_number(self._code, held.order, held.position)
        with replacing.without(state.orders, held):
            decision = self._orders.decide_instead(state.orders, request_id, command.buy, at, number)
        if decision.outcome == DONE:
            state.replacing.give_back(held, command, request_id, self._code)
        return decision

    def write(self, wire: Wire, state: State, at: datetime) -> None:
        """Queues what became of the lines, what people are told, and what purchases write; the sponsor's account is the last of it."""
        done = [(command, found) for command, found in state.outcomes if found.order is not None]
        if done:
            wire.ask(SQL["lines_enrolled"], {
                "rosters": Int8s([command.roster for command, _ in done]), "lines": Int8s([found.line for _, found in done]),
                "orders": Int8s([found.order for _, found in done]), "fen": Int8s([found.premium_fen for _, found in done]),
                "replaced": Int8s([found.replaces[0] if found.replaces else None for _, found in done]),
                "positions": Int8s([found.replaces[1] if found.replaces else None for _, found in done])})
            sponsor = state.orders.books.sponsor(done[0][0].buy.sponsor or "")
            assert sponsor is not None, "a line is enrolled with its sponsor's money"
            state.orders.books.reserve(sponsor, -sum(found.premium_fen or 0 for _, found in done))
        write_refused(wire, [(command.roster, found.line, found.why) for command, found in state.outcomes if found.why is not None])
        notices.write(wire, _notices(state), at)
        if state.replacing.refunding is not None:       # first: who gave a policy back is insured by the new one
            self._refunds.write(wire, state.replacing.refunding, at)
        self._orders.write(wire, state.orders, at)

    def write_hot(self, wire: Wire, state: State, at: datetime) -> None:
        if state.replacing.refunding is not None:
            self._refunds.write_hot(wire, state.replacing.refunding, at)
        self._orders.write_hot(wire, state.orders, at)


def write_refused(wire: Wire, refused: Sequence[tuple[int, int, Refusal]]) -> None:
    """Queues why lines are rejected: roster, line, reason."""
    if refused:
        wire.ask(SQL["lines_refused"], {
            "rosters": Int8s([roster for roster, _, _ in refused]), "lines": Int8s([line for _, line, _ in refused]),
            **refusal_columns([why for _, _, why in refused])})


def _notices(state: State) -> list[Notice]:
    """What people are told who are insured now, where the scheme has them told."""
    orders = state.orders
    rule = in_force(orders.programme.scheme.sponsored, orders.on) or SPONSORED
    if not rule.notice:
        return []
    told_: list[Notice] = []
    for order in orders.new_orders:
        offer = orders.shelf.wordings[order.offer]
        for policy in order.policies:
            number = policy_number(orders.programme.code, order.id, policy.position)
            told_.append(Notice(
                policy.insured,
                f"{order.sponsor}已为您出资参加{offer.name}，保单号 {number}，保障期 {policy.period_from} 至 {policy.period_to}，您无需缴费。",
                f"{order.sponsor} paid for your cover under {offer.name}: policy {number}, from {policy.period_from} to {policy.period_to};"
                " you pay nothing", order=order.id))
    return told_
