"""Facts that benefits rest on: what they are now, and correcting them, with what was paid folded again."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any, Final

from huibao.benefits.reading import text
from huibao.core.time import whole_years
from huibao.endorsements import past_claims
from huibao.endorsements.facts import CORRECTABLE, weaker
from huibao.endorsements.model import Endorsement
from huibao.endorsements.state import Moved, Person, Spell, State
from huibao.members import indexes
from huibao.settlement.correct import Corrected, PolicyFact, VisitFact, correct, policies
from huibao.settlement.covers import facts_on

_LAST_DAY: Final = date.max
#: Facts that policies freeze, and facts that hold for a time.
_FROZEN: Final = ("hardship", "insutype")
_SPELLS: Final = ("hardship", "away")


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
        case "past_claims":
            return past_claims.now(state, person.id, since)
        case _:
            return next((spell.value for spell in state.spells[person.id] if spell.kind == fact and spell.holds(since)), "none")


def stands_already(
    state: State, person: Person, fact: str, value: str, since: date, until: date | None, settlement: int | None
) -> bool:
    """Whether a fact is so already: for every day, and in every policy, that it is asked for."""
    if fact == "past_claims":
        return not past_claims.better(state, person.id, since)
    if fact in _FROZEN and any(frozen != value for _, frozen in _frozen(state, person.id, fact, since)):
        return False
    if fact not in _SPELLS:
        return now(state, person, fact, since, settlement) == value
    spells = [spell for spell in state.spells[person.id] if spell.kind == fact and _meet(spell, Spell(fact, value, since, until))]
    if value == "none":
        return not spells
    return any(spell.value == value and spell.since <= since and _ends_with(spell, until) for spell in spells)


def is_lost(state: State, person: int, fact: str, value: str, since: date) -> bool:
    """Whether a hardship category would be lost for a day before today, wholly or to one that counts less."""
    yesterday = state.desk.on - timedelta(days=1)
    if fact != "hardship" or since > yesterday:
        return False
    over = Spell(fact, value, since, yesterday)
    before = [spell.value for spell in state.spells[person] if spell.kind == fact and _meet(spell, over)]
    before += [str(frozen) for first, frozen in _frozen(state, person, fact, since) if first <= yesterday]
    return any(weaker(category, value) for category in before)


def _frozen(state: State, person: int, fact: str, since: date) -> list[tuple[date, Any]]:
    """The first day that a correction would reach in each policy, and what holds on it."""
    reached = policies(state.desk, PolicyFact(0, person, fact, since, lambda _: ""))
    days = [(cover, max(since, cover.period_from)) for cover in reached]
    return [(day, facts_on(cover, day).get(fact, "none" if fact == "hardship" else "")) for cover, day in days]


def _ends_with(spell: Spell, until: date | None) -> bool:
    """Whether a spell lasts as long as is asked for."""
    return spell.until is None or (until is not None and until <= spell.until)


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
        case "past_claims":
            return correct(state.desk, *past_claims.corrections(state, endorsement))
    return correct(state.desk, _same_for_all(endorsement, fact, value))


def _same_for_all(endorsement: Endorsement, fact: str, value: Any) -> PolicyFact:
    return PolicyFact(endorsement.id, endorsement.person, fact, endorsement.effective_on, lambda _: value)


def _insutype(state: State, person: int, since: date) -> str:
    """The kind of basic insurance that the first policy reached has frozen."""
    frozen = sorted(_frozen(state, person, "insutype", since), key=lambda one: one[0])
    return str(frozen[0][1]) if frozen else ""


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
