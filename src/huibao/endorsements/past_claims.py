"""What the years before paid, counted again: a payment that was taken back after the next year was bought is none.

What a policy froze when it was bought is never worse for it: a year in which something was paid late keeps the count that its
buyer was told, and the next purchase counts it.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from huibao.benefits.facts import Value
from huibao.endorsements.model import Endorsement
from huibao.endorsements.state import State
from huibao.enrolment.continuity import Earlier, claims, year_before
from huibao.settlement.correct import PolicyFact, policies
from huibao.settlement.covers import facts_on
from huibao.settlement.model import Cover

#: Facts that are counted from the record, and whether more of it is better for the insured.
COUNTED: Final[Mapping[str, bool]] = {"claim_free_years": True, "healthy_years": True, "paid_last_year": False}

Improved = dict[tuple[int, int], dict[str, int]]


def now(state: State, person: int, since: date) -> str:
    """What the policies hold that a correction reaches, and what the record says, as text."""
    found = better(state, person, since)
    return ";".join(f"{order}.{position}.{name}.{value}" for (order, position), improved in sorted(found.items())
                    for name, value in improved.items())


def better(state: State, person: int, since: date) -> Improved:
    """By policy that begins a year after another without a break: what the record says better of it than the policy holds."""
    desk = state.desk
    held = [_earlier(state, cover) for cover in desk.covers.get(person, ())]
    found: Improved = {}
    for cover in _reached(state, person, since):
        before = year_before(cover.product, cover.facts, held, desk.shelf.renews)
        if before is None:
            continue
        holds = facts_on(cover, max(since, cover.period_from))
        improved = {name: int(str(value)) for name, value in claims(before, held, desk.shelf.renews).items() if _beats(name, value, holds)}
        if improved:
            found[cover.order, cover.position] = improved
    return found


def corrections(state: State, endorsement: Endorsement) -> list[PolicyFact]:
    """A correction of each counted fact, for the policies of which the record says better."""
    found = better(state, endorsement.person, endorsement.effective_on)

    def counted(name: str) -> PolicyFact:
        return PolicyFact(endorsement.id, endorsement.person, name, endorsement.effective_on,
                          lambda cover: found.get((cover.order, cover.position), {}).get(name))

    return [counted(name) for name in COUNTED]


def _beats(name: str, value: Value, holds: Mapping[str, Any]) -> bool:
    counted, held = int(str(value)), int(holds.get(name) or 0)
    return counted > held if COUNTED[name] else counted < held


def _reached(state: State, person: int, since: date) -> list[Cover]:
    return policies(state.desk, PolicyFact(0, person, "", since, lambda _: None))


def _earlier(state: State, cover: Cover) -> Earlier:
    """A policy as a year before: what is due of it for settlements that stand; one that ended early is no whole year."""
    desk = state.desk
    paid = sum(paying.target_fen for standing in desk.history.get(cover.insured, ()) for paying in standing.taken.paying
               if (paying.cover.order, paying.cover.position) == (cover.order, cover.position))
    whole = cover.period_to >= desk.offer(cover).plan.valid_to
    return Earlier(cover.product, "in-force" if whole else "surrendered", cover.period_to, cover.facts, paid)
