"""What policies would have cost by a corrected fact. Said with the correction; nothing is charged or sent back for it."""

from huibao.benefits.premium import premium_fen
from huibao.endorsements.model import Endorsement, PremiumTold
from huibao.endorsements.state import State
from huibao.policies.numbers import policy_number
from huibao.settlement.covers import CORRECTED, facts_on
from huibao.settlement.model import Cover


def other_now(state: State, found: Endorsement) -> tuple[PremiumTold, ...]:
    """The policies of whom a correction that was carried out is about, whose premium would be another by what held on their first day.

    A plan that has no premium for the corrected facts says none.
    """
    if found.kind != "correction" or found.state != "done":
        return ()
    told = [_told(state, cover) for cover in state.desk.covers.get(found.person, ()) if CORRECTED in cover.facts]
    return tuple(one for one in told if one.charged_fen != one.right_fen)


def _told(state: State, cover: Cover) -> PremiumTold:
    plan = state.desk.offer(cover).plan
    frozen = {name: value for name, value in cover.facts.items() if name != CORRECTED}
    charged = premium_fen(plan, frozen)
    assert charged is not None, "who has a policy was asked for its premium"
    return PremiumTold(policy_number(state.desk.programme.code, cover.order, cover.position), charged,
                       premium_fen(plan, facts_on(cover, cover.period_from)))
