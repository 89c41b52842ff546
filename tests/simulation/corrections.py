"""The reference of endorsements: details that are mended at once, facts that one asks to correct and another approves, and what that comes to."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, Final

from huibao.endorsements.model import Actor, Answer, Change, Correct, Expire
from huibao.record.model import DONE
from huibao.record.model import Answer as Told
from tests.simulation.care import Bill, Care
from tests.simulation.days import day
from tests.simulation.goods import IN_HARDSHIP
from tests.simulation.model import Cover, Found, Model, same, same_figures
from tests.simulation.people import Citizen, Spell

PROPOSAL: Final = timedelta(days=15)
STANDING: Final = ("offered", "confirmed")
VALUES: Final = {"hardship": (*IN_HARDSHIP, "none"), "hospital_grade": ("1", "2", "3")}


@dataclass(slots=True)
class Proposal:
    """What somebody asked for: of a person from a day on, or of one bill; what stood there then."""

    person: Citizen
    bill: Bill | None
    fact: str
    since: date
    value: str
    before: str
    by: Actor
    expires_at: datetime
    state: str = "proposed"


@dataclass
class Corrections:
    """Proposals by number; what is done moves people, policies, bills and what is due for them."""

    model: Model
    care: Care
    proposals: dict[int, Proposal] = field(default_factory=dict)

    def meets(self) -> dict[type, Callable[[Any, datetime, Told], None]]:
        """What compares the answer to each kind of command."""
        return {Change: self.change, Correct: self.correct, Answer: self.answered, Expire: self.expire}

    def change(self, command: Change, at: datetime, answer: Told) -> None:  # noqa: ARG002 - the form of every comparison
        """A phone number is another at once."""
        person = self.model.people.get(command.person)
        if person is None:
            return same(answer, "person.unknown")
        if command.by.insurer is not None:
            return same(answer, "endorsement.by_agency")
        if not (command.value.isdigit() and 5 <= len(command.value) <= 20):
            return same(answer, "endorsement.value_unreadable")
        if command.value == person.phone:
            return same(answer, "endorsement.no_change")
        same(answer, DONE)
        person.phone = command.value
        return same_figures(json.loads(answer.body), state="done")

    # ── asked for ────────────────────────────────────────────────────────────────────────────────────────────────────

    def correct(self, command: Correct, at: datetime, answer: Told) -> None:
        bill = self.care.by_id(command.settlement) if command.settlement is not None else None
        person = self.model.people.get(bill.person if bill is not None else command.person or 0)
        if person is None:
            return same(answer, "settlement.unknown" if command.settlement is not None else "person.unknown")
        asked = Proposal(person, bill, command.fact, command.since or day(at), command.value, "", command.by, at + PROPOSAL)
        refused = self._not_asked(command, asked, day(at))
        if refused:
            return same(answer, refused)
        same(answer, DONE)
        asked.before = now(asked)
        told = json.loads(answer.body)
        self.proposals[told["endorsement"]] = asked
        return same_figures(told, state="proposed")

    def _not_asked(self, command: Correct, asked: Proposal, on: date) -> str:
        if (asked.fact == "hospital_grade") != (asked.bill is not None):
            return "endorsement.names_settlement" if asked.fact == "hospital_grade" else "endorsement.names_person"
        if command.by.insurer is not None and asked.bill is None:
            return "endorsement.by_agency"
        if command.by.insurer not in (None, "lead"):
            return "settlement.unknown"
        if asked.bill is not None and asked.bill.state not in STANDING:
            return "endorsement.settlement_ended"
        if asked.value not in VALUES[asked.fact]:
            return "endorsement.value_unreadable"
        if self._stands(asked):
            return "endorsement.no_change"
        if not command.evidence:
            return "endorsement.evidence_needed"
        return "endorsement.loss_not_backwards" if self._is_lost(asked, on) else ""

    def _stands(self, asked: Proposal) -> bool:
        """Whether a fact is so already, on every day and in every policy that is reached."""
        if asked.bill is not None:
            return now(asked) == asked.value
        if any(cover.hardship_on(first) != asked.value for cover, first in self._reached(asked)):
            return False
        spells = [spell for spell in asked.person.hardship if spell.until is None or asked.since <= spell.until]
        if asked.value == "none":
            return not spells
        return any((spell.value, spell.until) == (asked.value, None) and spell.since <= asked.since for spell in spells)

    def _is_lost(self, asked: Proposal, on: date) -> bool:
        """Whether somebody would lose a category, or go down to a weaker one, for a day that is over."""
        if asked.bill is not None or asked.since >= on:
            return False
        before = [spell.value for spell in asked.person.hardship
                  if spell.since < on and (spell.until is None or asked.since <= spell.until)]
        before += [cover.hardship_on(first) for cover, first in self._reached(asked) if first < on]
        order = VALUES["hardship"]
        return any(order.index(value) < order.index(asked.value) for value in before)

    def _reached(self, asked: Proposal) -> list[tuple[Cover, date]]:
        """Each policy whose cover does not end before a correction, with the first of its days that is reached."""
        found = []
        for _, cover in self.model.policies(asked.person.id):
            if cover.state in ("in-force", "surrendered") and cover.since is not None and cover.until is not None:
                last = cover.until if cover.ended is None else cover.ended - timedelta(days=1)
                if cover.since <= last and asked.since <= last:
                    found.append((cover, max(asked.since, cover.since)))
        return found

    # ── answered ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def answered(self, command: Answer, at: datetime, answer: Told) -> None:
        found = self.proposals.get(command.endorsement)
        refused = self._not_answered(command, found, at)
        if refused or found is None:
            return same(answer, refused)
        if command.approve:
            refused = self._not_approved(command, found, at)
            if refused:
                return same(answer, refused)
        same(answer, DONE)
        found.state = "done" if command.approve else "rejected"
        told = json.loads(answer.body)
        same_figures(told, state=found.state)
        return self._carry_out(found, told) if command.approve else None

    def _not_answered(self, command: Answer, found: Proposal | None, at: datetime) -> str:
        if found is None:
            return "endorsement.unknown"
        if found.bill is not None and command.by.insurer not in (None, "lead"):
            return "endorsement.unknown"
        if command.by.insurer is not None and found.bill is None:
            return "endorsement.by_agency"
        return "endorsement.not_waiting" if found.state != "proposed" or found.expires_at <= at else ""

    def _not_approved(self, command: Answer, found: Proposal, at: datetime) -> str:
        if found.bill is not None and found.bill.state not in STANDING:
            return "endorsement.settlement_ended"
        if command.by.credential == found.by.credential or (command.by.person is not None and command.by.person in (found.person.id, found.by.person)):
            return "endorsement.four_eyes"
        if now(found) != found.before:
            return "endorsement.overtaken"
        return "endorsement.loss_not_backwards" if self._is_lost(found, day(at)) else ""

    def _carry_out(self, found: Proposal, told: dict[str, Any]) -> None:
        """Everything that stands is folded again; what is more due is posted, what is less due stays."""
        if found.bill is not None:
            found.bill.grade = int(found.value)
        else:
            for cover, first in self._reached(found):
                cover.corrected.append((first, found.value))
            _lay_over(found.person, found.since, found.value)
        changed = self.care.fold_again(found.person.id)
        more, less = self.care.put_everything_right(found.person.id)
        effects = [(pays.order, before, pays.target) for _, pays, before in changed]
        said = [(int(one["policy"].split("-")[1]), one["before_fen"], one["after_fen"]) for one in told.get("effects", ())]
        if (said, told.get("more_due_fen", 0), told.get("less_due_fen", 0)) != (effects, more, less):
            raise Found(f"corrected to {told}, the reference {effects}, more {more}, less {less}")

    def expire(self, command: Expire, at: datetime, answer: Told) -> None:
        found = self.proposals.get(command.endorsement)
        if found is None:
            return same(answer, "endorsement.unknown")
        if found.state != "proposed" or found.expires_at > at:
            return same(answer, "endorsement.not_waiting")
        found.state = "expired"
        return same(answer, DONE)


def now(asked: Proposal) -> str:
    """What a proposal is about, as it stands."""
    return str(asked.bill.grade) if asked.bill is not None else asked.person.hardship_on(asked.since)


def _lay_over(person: Citizen, since: date, value: str) -> None:
    """A category from a day on, in the place of all that would go on from there."""
    kept = [spell for spell in person.hardship if spell.until is not None and spell.until < since]
    kept += [replace(spell, until=since - timedelta(days=1)) for spell in person.hardship
             if spell.since < since and (spell.until is None or spell.until >= since)]
    person.hardship[:] = kept if value == "none" else [*kept, Spell(value, since)]
