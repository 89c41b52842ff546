"""Who has an application to decide （LZ-14）: a clerk takes one, lets go of it, or takes it over when another's time is over.

Nobody need take what they decide. What is taken is decided by nobody else for so long as the scheme says; that keeps no deadline waiting
and opens no way around four eyes: who may not decide an application cannot take it.
"""

from datetime import datetime, timedelta

from huibao.core.refusal import Refusal
from huibao.enrolment import review_refusals
from huibao.enrolment.model import Claim, ClaimReview, ClaimTold, ReleaseReview
from huibao.enrolment.review import decidable, holder, is_theirs
from huibao.enrolment.state import State
from huibao.policies.numbers import order_number
from huibao.scheme.model import CLAIM_MINUTES, in_force


def claim(state: State, asked: ClaimReview, at: datetime) -> ClaimTold | Refusal:
    """The application as its reviewer has it now, which they may have had before: then nothing changes, and no time is added."""
    found = decidable(state, asked.order, asked.credential, asked.reviewer, at)
    if isinstance(found, Refusal):
        return found
    _, waiting = found
    before, has = waiting.claim, holder(waiting, at)
    if has is None:
        clock = in_force(state.programme.scheme.review_clock, state.on)
        minutes = timedelta(minutes=clock.claim_minutes if clock else CLAIM_MINUTES)
        has = waiting.claim = Claim(asked.credential, asked.reviewer, at, min(at + minutes, waiting.void_at))
        state.move_review(waiting)
    over = before is not None and before is not has and not is_theirs(before, asked.credential, asked.reviewer)
    return _told(state, asked.order, has, before.credential if before is not None and over else None)


def release(state: State, asked: ReleaseReview, at: datetime) -> ClaimTold | Refusal:
    """The application as it is free again."""
    waiting = state.reviews.get(asked.order)
    has = waiting.claim if waiting is not None and waiting.state == "open" else None
    if waiting is None or has is None or not is_theirs(has, asked.credential, asked.reviewer):
        return review_refusals.claimed(has) if has is not None and at < has.until else review_refusals.not_claimed()
    waiting.claim = None
    state.move_review(waiting)
    told = _told(state, asked.order, has, None)
    return ClaimTold(told.order, "released", told.credential, told.since, min(at, has.until), told.person)


def _told(state: State, order: int, claim: Claim, took_over: int | None) -> ClaimTold:
    number = order_number(state.programme.code, order)
    return ClaimTold(number, "claimed", claim.credential, claim.since, claim.until, claim.person, took_over)
