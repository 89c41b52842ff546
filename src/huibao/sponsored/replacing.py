"""Own purchases that a sponsor's takes the place of, where the scheme says so.

Only before their start: nothing was settled under them, no accumulator has moved and no waiting day has passed, and the new cover
begins on the very day on which the old one would have. All of the premium goes back the way it came, as of any policy that is given
back before its start. What has begun, waits, is shared by a household, or was paid by a sponsor stays: its line is rejected.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from huibao.db.arrays import Int8s, Texts
from huibao.db.wire import Wire
from huibao.enrolment import state as enrolment
from huibao.policies.numbers import policy_number
from huibao.refunds import loading as refunds_loading
from huibao.refunds.model import ACCOUNTS, Grant, Held, Instead, Surrender
from huibao.refunds.rules import grant
from huibao.refunds.state import State as Refunding
from huibao.refunds.surrender import surrender
from huibao.scheme.model import SPONSORED, Scheme, in_force
from huibao.sponsored.model import Enrol
from huibao.sponsored.work import SQL


class Own(NamedTuple):
    """A policy in force that nobody sponsored: whose, of what, and from when it covers."""

    person: int
    product: str
    order: int
    position: int
    offer: int
    since: date


@dataclass(slots=True)
class Replacing:
    """The own policies of a chunk's people, and those of them that have not begun as a surrender sees them.

    `refunding` is what surrenders are decided on; None for who only asks.
    """

    own: Mapping[tuple[int, str], Own] = field(default_factory=dict)
    held: Mapping[tuple[int, int], Held] = field(default_factory=dict)
    refunding: Refunding | None = None

    def waiting(self, on: date) -> list[Own]:
        """Own policies that have not begun."""
        return [one for one in self.own.values() if one.since > on]

    def of(self, state: enrolment.State, command: Enrol) -> Held | None:
        """The policy whose place a line's would take; None where it has nothing to replace, or may not."""
        own, offer = self._own(command), state.shelf.offers.get(command.buy.product)
        held = self.held.get((own.order, own.position)) if own is not None else None
        if held is None or offer is None or (command.buy.buyer, command.buy.product) not in state.live:
            return None
        wording = state.shelf.wordings[held.offer]
        # Who leaves a household's order leaves the deductible that it shares; accounts that another system keeps are asked by others.
        if wording.plan.household or offer.plan.household or (state.elsewhere and any(part.source in ACCOUNTS for part in held.parts)):
            return None
        granted = grant(held, wording.plan.surrender, state.on)
        if not isinstance(granted, Grant) or granted.ground != "before-start" or granted.ended_on != offer.cover_from(state.on):
            return None
        return held

    def may_be_surrendered(self, state: enrolment.State, command: Enrol) -> bool:
        """Whether there is an own policy that its holder can give back, so that the line may be sent again."""
        own = self._own(command)
        if own is None:
            return False
        terms = state.shelf.wordings[own.offer].plan.surrender
        return terms.allowed and (own.since > state.on or terms.after != "none" or terms.cooling_days > 0)

    def give_back(self, held: Held, command: Enrol, request_id: int, code: str) -> None:
        """Ends the policy, and sends its premium on its way back; its holder is told what stands in its place."""
        assert self.refunding is not None, "who only asks gives nothing back"
        instead = Instead(command.buy.sponsor or "", policy_number(code, request_id, 1))
        asked = Surrender(command.buy.credential, held.order, held.position, held.premium_fen)
        found = surrender(self.refunding, asked, request_id, instead)
        assert isinstance(found, tuple), "what may be replaced can be given back"

    def _own(self, command: Enrol) -> Own | None:
        return self.own.get((command.buy.buyer, command.buy.product))


@contextmanager
def without(state: enrolment.State, held: Held | None) -> Iterator[None]:
    """For as long as a line is decided: as if the policy that it would replace were not there; who has a new one keeps that."""
    if held is None:
        yield
        return
    state.live.discard((held.insured, held.product))
    try:
        yield
    finally:
        state.live.add((held.insured, held.product))


def allowed(scheme: Scheme, on: date) -> bool:
    """Whether own purchases give way here."""
    return (in_force(scheme.sponsored, on) or SPONSORED).replaces_own


async def look(wire: Wire, scheme: Scheme, commands: Sequence[Enrol], on: date) -> Replacing:
    """The own policies of the people of lines, before anything of them is locked; nothing is asked where the scheme lets none give way."""
    if not commands or not allowed(scheme, on):
        return Replacing()
    rows = wire.ask(SQL["own_policies"], {
        "people": Int8s([one.buy.buyer for one in commands]), "products": Texts([one.buy.product for one in commands])})
    await wire.go()
    return Replacing({(one.person, one.product): one for one in (Own(*row) for row in rows.rows())})


async def look_closely(wire: Wire, replacing: Replacing, on: date) -> None:
    """Reads those that have not begun as a surrender sees them; for who only asks: nothing is locked."""
    orders = Int8s(sorted({one.order for one in replacing.waiting(on)}))
    if orders.values:
        policies = wire.ask(refunds_loading.SQL["policies"], {"orders": orders})
        parts = wire.ask(refunds_loading.SQL["parts"], {"orders": orders})
        await wire.go()
        replacing.held = refunds_loading.held(policies.rows(), parts.rows())
