"""Facts that benefits rest on: what they are now, and correcting them, with what was paid folded again."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from huibao.benefits.reading import text
from huibao.core.time import whole_years
from huibao.endorsements.facts import CORRECTABLE
from huibao.endorsements.model import Endorsement
from huibao.endorsements.state import Moved, Person, Spell, State
from huibao.members import indexes
from huibao.settlement.correct import Corrected, PolicyFact, VisitFact, correct, policies
from huibao.settlement.covers import facts_on

_LAST_DAY = date.max


def now(state: State, person: Person, fact: str, since: date, settlement: int | None) -> str:
    """A fact as it stands: of one visit, or of the person on a day; empty where nobody knows."""
    if settlement is not None:
        standing = next(one for one in state.desk.history[person.id] if one.taken.id == settlement)
        return text(standing.folded, CORRECTABLE[fact].column)
    match fact:
        case "born":
            return person.born.isoformat()
        case "look_back":
            return state.desk.look_backs.get(person.id, "")
        case "insutype":
            return _insutype(state, person.id, since)
        case _:
            return next((spell.value for spell in state.spells[person.id] if spell.kind == fact and spell.holds(since)), "none")


def apply(state: State, endorsement: Endorsement, value: str) -> Corrected:
    """Corrects a fact, for the visits that it decides."""
    fact, person = endorsement.fact, state.people[endorsement.person]
    assert fact is not None, "a correction names its fact"
    if CORRECTABLE[fact].of_visit:
        return correct(state.desk, VisitFact(person.id, CORRECTABLE[fact].column, value, endorsement.settlement))
    match fact:
        case "born":
            born = date.fromisoformat(value)
            _rebirth(state, person, born)
            return correct(state.desk, PolicyFact(endorsement.id, person.id, "age", date.min,
                                                  lambda cover: whole_years(born, cover.period_from)))
        case "look_back":
            state.look_backs[person.id] = state.seal(person.id, "look_back", person.id, "sealed", value)
            state.desk.look_backs[person.id] = value
            return correct(state.desk, VisitFact(person.id, "history_dise", value))
        case "away":
            _spell(state, person.id, Spell("away", value, endorsement.effective_on, endorsement.until_on, is_new=True))
            return correct(state.desk, VisitFact(person.id, "place", "" if value == "none" else value, None, endorsement.effective_on,
                                                 endorsement.until_on or _LAST_DAY))
        case "hardship":
            _spell(state, person.id, Spell("hardship", value, endorsement.effective_on, None, is_new=True))
    return correct(state.desk, _same_for_all(endorsement, fact, value))


def _same_for_all(endorsement: Endorsement, fact: str, value: Any) -> PolicyFact:
    return PolicyFact(endorsement.id, endorsement.person, fact, endorsement.effective_on, lambda _: value)


def _insutype(state: State, person: int, since: date) -> str:
    """The kind of basic insurance that the first policy reached has frozen."""
    reached = policies(state.desk, PolicyFact(0, person, "insutype", since, lambda _: ""))
    if not reached:
        return ""
    first = min(reached, key=lambda cover: (cover.period_from, cover.order, cover.position))
    return str(facts_on(first, max(since, first.period_from)).get("insutype", ""))


def _rebirth(state: State, person: Person, born: date) -> None:
    """Another birth date, and what the person is found by with it."""
    person.born = born
    name = state.open(person.id, "person", person.id, "name_sealed", person.name)
    index = indexes.of_name(state.index_key, state.desk.programme.code, name, born)
    state.moved[person.id] = replace(state.moved.get(person.id, Moved()), name_index=index)


def _spell(state: State, person: int, new: Spell) -> None:
    """A spell of one kind in the place of all that it meets: what of those lies outside of it stays."""
    kept: list[Spell] = []
    for spell in state.spells[person]:
        if spell.kind != new.kind or not _meet(spell, new):
            kept.append(spell)
            continue
        if not spell.is_new:
            state.closed.append((person, spell))
        if spell.since < new.since:
            kept.append(replace(spell, until=new.since - timedelta(days=1), is_new=True))
        if new.until is not None and (spell.until is None or new.until < spell.until):
            kept.append(replace(spell, since=new.until + timedelta(days=1), is_new=True))
    state.spells[person] = kept if new.value == "none" else [*kept, new]


def _meet(one: Spell, other: Spell) -> bool:
    return (other.until is None or one.since <= other.until) and (one.until is None or other.since <= one.until)
