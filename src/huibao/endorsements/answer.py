"""A second person's answer: done, or sent back; and what nobody answered in time."""

from datetime import datetime
from typing import Final, Literal

from huibao.core.refusal import Refusal
from huibao.endorsements import corrections, details, refusals
from huibao.endorsements.model import Answer, Endorsement, Expire
from huibao.endorsements.propose import pays, stands
from huibao.endorsements.state import State
from huibao.endorsements.told import tell_done, tell_not_done
from huibao.settlement.correct import Corrected, can_be_folded

#: What a detail came to in money: nothing.
NOTHING: Final = Corrected(0, 0, ())


def answer(state: State, command: Answer, request_id: int, at: datetime) -> tuple[Endorsement, Corrected] | Refusal:
    """What becomes of a proposal. Who asked may take it back, and nobody approves what is their own."""
    found = state.endorsements.get(command.endorsement)
    if found is None or state.known(found.person) is None:
        return refusals.unknown()
    if found.settlement is not None and not pays(state, command.by, found.settlement):
        return refusals.unknown()
    if command.by.insurer is not None and found.settlement is None:
        return refusals.not_insurers(found.kind)
    if found.state != "proposed":
        return refusals.not_waiting(found.state)
    if found.expires_at is not None and found.expires_at <= at:
        return refusals.not_waiting("expired")
    if not command.approve:
        _end(state, found, "rejected", command, request_id)
        tell_not_done(state, found)
        return found, NOTHING
    if refused := _taken_back(state, found) or _four_eyes(found, command) or _still(state, found):
        return refused
    came_to = _carry_out(state, found)
    _end(state, found, "done", command, request_id)
    tell_done(state, found)
    state.effects += [(found.id, changed) for changed in came_to.changed]
    return found, came_to


def expire(state: State, command: Expire, request_id: int, at: datetime) -> tuple[Endorsement, Corrected] | Refusal:
    """A proposal that nobody answered in time is one no more."""
    found = state.endorsements.get(command.endorsement)
    if found is None:
        return refusals.unknown()
    if found.state != "proposed" or found.expires_at is None or found.expires_at > at:
        return refusals.not_waiting("done" if found.state == "proposed" else found.state)
    found.state, found.ended_by = "expired", request_id
    state.ended[found.id] = found
    tell_not_done(state, found)
    return found, NOTHING


def _taken_back(state: State, found: Endorsement) -> Refusal | None:
    """Whether there is a settlement to correct something of: where it was taken back, no other person could approve either."""
    return refusals.taken_back_since() if found.settlement is not None and not stands(state, found.person, found.settlement) else None


def _four_eyes(found: Endorsement, command: Answer) -> Refusal | None:
    by = command.by
    is_own = by.credential == found.asked_by or (by.person is not None and by.person in (found.person, found.asker))
    return refusals.own_proposal() if is_own else None


def _still(state: State, found: Endorsement) -> Refusal | None:
    """Whether what was proposed can still be done: nothing has overtaken it, and what was paid can be folded again."""
    content, person = state.content(found), state.people[found.person]
    if found.kind != "correction":
        if details.now(state, person, found.kind) != content.before:
            return refusals.overtaken()
        return refusals.identity_taken() if details.is_taken(state, found.person, found.identity_index) else None
    assert found.fact is not None, "a correction names its fact"
    if refused := can_be_folded(state.desk, found.person):
        return refused
    if corrections.now(state, person, found.fact, found.effective_on, found.settlement) != content.before:
        return refusals.overtaken()
    is_lost = corrections.is_lost(state, found.person, found.fact, content.after, found.effective_on)
    return refusals.loss_not_backwards(state.desk.programme.scheme, state.desk.on) if is_lost else None


def _carry_out(state: State, found: Endorsement) -> Corrected:
    value = state.content(found).after
    if found.kind == "correction":
        return corrections.apply(state, found, value)
    details.mend(state, state.people[found.person], found.kind, value)
    return NOTHING


def _end(state: State, found: Endorsement, how: Literal["done", "rejected"], command: Answer, request_id: int) -> None:
    found.state, found.ended_by = how, request_id
    found.answered_by, found.answerer = command.by.credential, command.by.person
    state.ended[found.id] = found
