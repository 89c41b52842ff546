"""Commands of proposals as one family: what a batch of them loads, how each is decided and told, what is written."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from huibao.catalogue import shelf as catalogue
from huibao.catalogue.model import Programme, Shelf
from huibao.core.money import yuan
from huibao.core.refusal import Refusal
from huibao.core.time import business_date
from huibao.db import sqlfile
from huibao.db.arrays import Column, Dates, Int8s, Texts
from huibao.db.wire import Wire
from huibao.enrolment.continuity import Earlier, earlier
from huibao.enrolment.loading import SQL as ENROLMENT
from huibao.members import notices, people
from huibao.policies.numbers import policy_number
from huibao.record.model import DONE, Decision, told
from huibao.renewal import proposals
from huibao.renewal.model import Asked, Command, Decline, Expiring, Propose, Remind, Renewal, RenewalTold
from huibao.renewal.state import State

SQL: Final = sqlfile.load("huibao.renewal")

_ENCODER: Final = msgspec.json.Encoder()
_KINDS: Final = {Propose: "renewal-proposal", Remind: "renewal-reminder", Decline: "renewal-refusal"}


class Renewals:
    """`Work` of a programme's proposals; keeps the shelf between batches."""

    def __init__(self, programme: Programme) -> None:
        self.programme = programme
        self._shelf: Shelf | None = None

    async def load(self, wire: Wire, commands: Sequence[Command], at: datetime) -> State:
        """Locks buyers and insured of the policies, and with them the proposals; reads what is true of them afterwards."""
        on = business_date(at)
        orders = sorted({order for command in commands for order in _orders(command)})
        given = {"orders": Int8s(orders)}
        locked = people.lock(wire, (), orders)
        version = wire.ask(catalogue.SQL["version"])
        expiring, found = wire.ask(SQL["expiring"], given), wire.ask(SQL["renewals"], given)
        await wire.go()
        policies = {(order, position): Expiring(order, position, *rest) for order, position, *rest in expiring.rows()}
        everyone = sorted({id for policy in policies.values() for id in (policy.buyer, policy.insured)})
        asked = people.ask(wire, locked, everyone, on)
        live = wire.ask(ENROLMENT["live_policies"], {"people": Int8s(everyone)})
        await wire.go()
        held: defaultdict[int, list[Earlier]] = defaultdict(list)
        for person, *policy in live.rows():
            held[person].append(earlier(*policy))
        renewals = [Renewal(*row) for row in found.rows()]
        [now] = version.row()
        if self._shelf is None or self._shelf.version != now:
            self._shelf = await catalogue.load(wire.plain(), now)
        return State(self.programme, self._shelf, on, people.read(asked), held, policies, {one.key: one for one in renewals})

    def decide(self, state: State, request_id: int, command: Command, at: datetime) -> Decision:  # noqa: ARG002 - as every Work
        """Decides one command and moves the state on; what was refused leaves it as it was."""
        outcome = _decide(state, command, at)
        kind = _KINDS[type(command)]
        if isinstance(outcome, Refusal):
            return Decision(kind, outcome.code, told(outcome), command.credential)
        body = renewal_told(self.programme.code, outcome) if isinstance(outcome, Renewal) else _asked(outcome)
        return Decision(kind, DONE, _ENCODER.encode(body), command.credential)

    def write(self, wire: Wire, state: State, at: datetime) -> None:
        """Queues proposals and what their buyers are told."""
        if state.new:
            wire.ask(SQL["insert_renewals"], {
                "at": at, **_columns(state.new), "buyers": Int8s([one.buyer for one in state.new]),
                "insured": Int8s([one.insured for one in state.new]), "products": Texts([one.product for one in state.new]),
                "offers": Int8s([one.offer for one in state.new]), "tiers": Texts([one.tier for one in state.new]),
                "premiums": Int8s([one.premium_fen for one in state.new]), "ends": Dates([one.ends_on for one in state.new])})
        if state.moved:
            wire.ask(SQL["move_renewals"], {"at": at, **_columns(list(state.moved.values()))})
        notices.write(wire, proposals.notices(state), at)

    def write_hot(self, wire: Wire, state: State, at: datetime) -> None:
        """Proposals move no money, so nothing is hot."""


def _orders(command: Command) -> tuple[int, ...]:
    return (command.order,) if isinstance(command, Decline) else command.orders


def _decide(state: State, command: Command, at: datetime) -> Renewal | Sequence[Renewal] | Refusal:
    match command:
        case Propose():
            return proposals.propose(state, command, at)
        case Remind():
            return proposals.remind(state, command)
        case Decline():
            return proposals.decline(state, command)


def _asked(renewals: Sequence[Renewal]) -> Asked:
    return Asked(sum(one.state == "open" for one in renewals), sum(one.state == "lapsed" for one in renewals))


def renewal_told(programme: str, found: Renewal) -> RenewalTold:
    """A proposal as its buyer reads it."""
    price = yuan(found.premium_fen)
    zh, en = {
        "open": (f"待您确认，保费 {price} 元。不确认不会投保，也不会扣费。", f"waits for you: {price} yuan. Nothing is bought unless you confirm"),
        "confirmed": ("已确认投保，见订单。", "confirmed: see the order"),
        "declined": ("已谢绝，不再提醒，也不会扣费。", "declined: you are asked no more, and nothing is charged"),
        "lapsed": ("已失效，没有可确认的续保方案。", "there is nothing to confirm any more"),
    }[found.state]
    return RenewalTold(policy_number(programme, found.order, found.position), found.product, found.premium_fen, found.ends_on, found.state,
                       zh, en, found.remind_on, found.why)


def _columns(renewals: Sequence[Renewal]) -> dict[str, Column]:
    return {
        "orders": Int8s([one.order for one in renewals]),
        "positions": Int8s([one.position for one in renewals]),
        "states": Texts([one.state for one in renewals]),
        "reminds": Dates([one.remind_on for one in renewals]),
        "whys": Texts([one.why for one in renewals]),
    }
