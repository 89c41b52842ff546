"""What a batch of endorsements did, written set-wise."""

from collections.abc import Sequence
from datetime import datetime

from huibao.db.arrays import Byteas, Dates, Int8s, Texts, Times
from huibao.db.wire import Wire
from huibao.endorsements.loading import SQL
from huibao.endorsements.model import Endorsement
from huibao.endorsements.state import State


def write(wire: Wire, state: State, at: datetime) -> None:
    """Queues endorsements, what they changed of people, and what they came to; the desk's own follows."""
    if state.new:
        _insert(wire, state.new, at)
    if ended := [one for one in state.ended.values() if one not in state.new]:
        wire.ask(SQL["end_endorsements"], {
            "at": at, "ids": Int8s([e.id for e in ended]), "states": Texts([e.state for e in ended]),
            "answered_by": Int8s([e.answered_by for e in ended]), "answerers": Int8s([e.answerer for e in ended]),
            "ended_by": Int8s([e.ended_by for e in ended])})
    _people(wire, state)
    _facts(wire, state, at)
    if state.effects:
        wire.ask(SQL["insert_effects"], {
            "endorsements": Int8s([id for id, _ in state.effects]),
            "settlements": Int8s([c.taken.id for _, c in state.effects]),
            "orders": Int8s([c.policy[0] for _, c in state.effects]), "positions": Int8s([c.policy[1] for _, c in state.effects]),
            "before": Int8s([c.before_fen for _, c in state.effects]), "after": Int8s([c.after_fen for _, c in state.effects])})


def _insert(wire: Wire, new: Sequence[Endorsement], at: datetime) -> None:
    wire.ask(SQL["insert_endorsements"], {
        "at": at, "ids": Int8s([e.id for e in new]), "ats": Times([e.at for e in new]), "kinds": Texts([e.kind for e in new]),
        "people": Int8s([e.person for e in new]), "settlements": Int8s([e.settlement for e in new]), "facts": Texts([e.fact for e in new]),
        "since": Dates([e.effective_on for e in new]), "until": Dates([e.until_on for e in new]),
        "identities": Byteas([e.identity_index for e in new]), "asked_by": Int8s([e.asked_by for e in new]),
        "askers": Int8s([e.asker for e in new]), "expires": Times([e.expires_at for e in new]), "states": Texts([e.state for e in new]),
        "answered_by": Int8s([e.answered_by for e in new]), "answerers": Int8s([e.answerer for e in new]),
        "sealed": Byteas([e.sealed for e in new]), "ended_by": Int8s([e.ended_by for e in new])})


def _people(wire: Wire, state: State) -> None:
    if moved := state.moved:
        wire.ask(SQL["move_people"], {
            "people": Int8s(list(moved)), "born": Dates([state.people[person].born for person in moved]),
            "identity_indexes": Byteas([m.identity_index for m in moved.values()]),
            "identities": Byteas([m.identity for m in moved.values()]),
            "name_indexes": Byteas([m.name_index for m in moved.values()]), "names": Byteas([m.name for m in moved.values()]),
            "phone_indexes": Byteas([m.phone_index for m in moved.values()]), "phones": Byteas([m.phone for m in moved.values()])})


def _facts(wire: Wire, state: State, at: datetime) -> None:
    for close, insert, sealed in (("close_accounts", "insert_accounts", state.accounts),
                                  ("close_look_backs", "insert_look_backs", state.look_backs)):
        if sealed:
            wire.ask(SQL[close], {"at": at, "people": Int8s(list(sealed))})
            wire.ask(SQL[insert], {"at": at, "people": Int8s(list(sealed)), "sealed": Byteas(list(sealed.values()))})
    if closed := state.closed:
        wire.ask(SQL["close_standings"], {
            "at": at, "people": Int8s([person for person, _ in closed]), "kinds": Texts([s.kind for _, s in closed]),
            "values": Texts([s.value for _, s in closed]), "since": Dates([s.since for _, s in closed])})
    if new := [(person, spell) for person, spells in state.spells.items() for spell in spells if spell.is_new]:
        wire.ask(SQL["insert_standings"], {
            "at": at, "people": Int8s([person for person, _ in new]), "kinds": Texts([s.kind for _, s in new]),
            "values": Texts([s.value for _, s in new]), "since": Dates([s.since for _, s in new]),
            "until": Dates([s.until for _, s in new])})
