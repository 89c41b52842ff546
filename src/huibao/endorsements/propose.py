"""Deciding what is asked for: may it be asked, is it another than what stands, has it its proof; what matters waits for a second person.

1. the person is known here, or the settlement stands and its person is;
2. the value is one that may stand there, and another than what does;
3. what matters has the reference of its proof;
4. an identity is nobody else's; a hardship category is not lost backwards.

A phone number is mended at once. Everything else is done when somebody else has approved it.
"""

from datetime import datetime, timedelta

from huibao.core.refusal import Refusal
from huibao.endorsements import corrections, details, refusals
from huibao.endorsements.facts import CORRECTABLE, readable
from huibao.endorsements.model import Actor, Change, Content, Correct, Endorsement
from huibao.endorsements.state import Person, State
from huibao.endorsements.told import tell_asked, tell_done
from huibao.members import indexes


def change(state: State, command: Change, request_id: int, at: datetime) -> Endorsement | Refusal:
    """A detail is to be another: done at once, or proposed."""
    person = state.known(command.person)
    if person is None:
        return refusals.person_unknown()
    if command.by.insurer is not None:
        return refusals.not_insurers(command.kind)
    if not details.readable(command.kind, command.value):
        return refusals.value_unreadable(command.kind)
    before = details.now(state, person, command.kind)
    if details.same(command.kind, before, command.value):
        return refusals.no_change()
    # Who asks for themselves was checked when they signed in: their own word is the proof of their account.
    if command.kind in details.SENSITIVE and not command.evidence and command.by.person != person.id:
        return refusals.evidence_needed()
    index = indexes.of_identity(state.index_key, state.desk.programme.code, command.value) if command.kind == "identity" else None
    if details.is_taken(state, person.id, index):
        return refusals.identity_taken()
    made = Endorsement(
        id=request_id, at=at, kind=command.kind, person=person.id, settlement=None, fact=None, effective_on=state.desk.on, until_on=None,
        identity_index=index, asked_by=command.by.credential, asker=command.by.person, expires_at=None, state="proposed")
    _add(state, made, Content(before, command.value, command.reason, command.evidence), at)
    if command.kind not in details.SENSITIVE:
        details.mend(state, person, command.kind, command.value)
        made.state, made.expires_at, made.ended_by = "done", None, request_id
        tell_done(state, made)
    return made


def correct(state: State, command: Correct, request_id: int, at: datetime) -> Endorsement | Refusal:
    """A fact is to be another as of a day: proposed."""
    person = state.known(state.whose.get(command.settlement, 0) if command.settlement is not None else command.person or 0)
    if person is None:
        return refusals.settlement_unknown() if command.settlement is not None else refusals.person_unknown()
    refused = _shape(command) or _reach(state, command, person)
    if refused:
        return refused
    if not readable(command.fact, command.value):
        return refusals.value_unreadable(command.fact)
    since = command.since or state.desk.on
    if corrections.stands_already(state, person, command.fact, command.value, since, command.until, command.settlement):
        return refusals.no_change()
    if not command.evidence:
        return refusals.evidence_needed()
    if corrections.is_lost(state, person.id, command.fact, command.value, since):
        return refusals.loss_not_backwards(state.desk.programme.scheme, state.desk.on)
    before = corrections.now(state, person, command.fact, since, command.settlement)
    made = Endorsement(
        id=request_id, at=at, kind="correction", person=person.id, settlement=command.settlement, fact=command.fact, effective_on=since,
        until_on=command.until, identity_index=None, asked_by=command.by.credential, asker=command.by.person, expires_at=None,
        state="proposed")
    _add(state, made, Content(before, command.value, command.reason, command.evidence), at)
    return made


def _shape(command: Correct) -> Refusal | None:
    """A fact of a visit names the settlement, one of a person the person and a day."""
    if CORRECTABLE[command.fact].of_visit:
        named = command.settlement is not None and command.person is None and command.since is None and command.until is None
        return None if named else refusals.fact_of_visit(command.fact)
    backwards = command.until is not None and (command.fact != "away" or (command.since is not None and command.until < command.since))
    return refusals.fact_of_person(command.fact) if command.settlement is not None or command.person is None or backwards else None


def _reach(state: State, command: Correct, person: Person) -> Refusal | None:
    """Whether the settlement stands, and whether an insurer pays for it."""
    if command.by.insurer is not None and command.settlement is None:
        return refusals.not_insurers(command.fact)
    if command.settlement is None:
        return None
    if not pays(state, command.by, command.settlement):
        return refusals.settlement_unknown()
    return None if stands(state, person.id, command.settlement) else refusals.not_taken_up()


def stands(state: State, person: int, settlement: int) -> bool:
    """Whether a settlement is one that a fact can be corrected of: not taken back, and of whom it can be opened."""
    return any(one.taken.id == settlement for one in state.desk.history.get(person, ()))


def pays(state: State, by: Actor, settlement: int | None) -> bool:
    """Whether somebody may speak of a settlement: an insurer only of what it leads, also where that was taken back."""
    return by.insurer is None or (settlement, by.insurer) in state.leads


def _add(state: State, made: Endorsement, content: Content, at: datetime) -> None:
    made.expires_at = at + timedelta(days=state.proposal_days)
    made.sealed = state.packed(made.person, made.id, content)
    state.new.append(made)
    state.endorsements[made.id] = made
    tell_asked(state, made)
