"""The reference of applications that wait: who is added to one or taken out, who may review it, what is asked again, when time is over."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from huibao.enrolment.model import Amend, Buy, Consent, Escalate, InsuredWish, Unreviewed
from huibao.enrolment.model import Review as Reviewed
from huibao.record.model import DONE, Answer
from tests.simulation.days import day
from tests.simulation.model import ENTERED, Made, Model, same


@dataclass
class Applications:
    """Orders that wait for their money or their review; what is decided moves the model."""

    model: Model

    def meets(self) -> dict[type, Callable[[Any, datetime, Answer], None]]:
        """What compares the answer to each kind of command."""
        return {Amend: self.amend, Reviewed: self.reviewed, Escalate: self.escalate, Unreviewed: self.unreviewed}

    def reviewed(self, command: Reviewed, at: datetime, answer: Answer) -> None:
        """A clerk approves or rejects; before the last approval everything is asked again."""
        made = self.model.orders.get(command.order)
        refused = self._not_reviewed(command, made, at)
        if refused or made is None or made.review is None:
            return same(answer, refused)
        if command.verdict == "reject":
            self.model.void(made, at)
        else:
            again = self._again(made, at)
            if again:
                return same(answer, again)
            made.review.votes.append((command.credential, command.reviewer))
            if len(made.review.votes) == made.review.reviewers:
                self.model.let_go(made)
                self.model.freeze(made.covers, at)
                self.model.begin(made, at)
        return same(answer, DONE)

    def _not_reviewed(self, command: Reviewed, made: Made | None, at: datetime) -> str:
        if made is None:
            return "order.unknown"
        if made.state != "awaiting-review" or made.review is None:
            return "review.not_waiting"
        if made.review.void_at <= at:
            return "review.over"
        parties = {made.buyer, *(cover.insured for cover in made.covers), *(person for _, person in made.hands)} - {None}
        if command.credential in {credential for credential, _ in made.hands} or command.reviewer in parties:
            return "review.own_entry"
        if any(command.credential == credential or (person is not None and command.reviewer == person) for credential, person in made.review.votes):
            return "review.same_reviewer"
        return "review.reason_needed" if command.verdict == "reject" and command.reason is None else ""

    def _again(self, made: Made, at: datetime) -> str:
        """Why an order would not be granted now, what it holds counted as free."""
        buyer = self.model.people[made.buyer]
        if buyer.died is not None and buyer.died <= day(at):
            return "person.died"
        if buyer.state != "open":
            return "account.not_open"
        command = Buy(ENTERED, made.buyer, made.covers[0].good.id, tuple(InsuredWish(cover.insured) for cover in made.covers), "account",
                      Consent("", (), "", guardian=True))
        with self._as_if_free(made):
            granted = self.model.in_years(command, made.covers[0].good, at, (day(at).year,))
        return granted if isinstance(granted, str) else ""

    @contextmanager
    def _as_if_free(self, made: Made) -> Iterator[None]:
        """For as long as something is decided: as if an order that waits were not there."""
        states = [cover.state for cover in made.covers]
        self.model.let_go(made)
        for cover in made.covers:
            cover.state = "void"
        yield
        for cover, state in zip(made.covers, states, strict=True):
            cover.state = state
            self.model.people[made.buyer].hold(cover.parts, made.years, 1)

    # ── changed ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def amend(self, command: Amend, at: datetime, answer: Answer) -> None:
        """Somebody is added or taken out: decided as a purchase is, and another order stands in the place of the one that waited."""
        made = self.model.orders.get(command.order)
        refused = self._not_amended(command, made, at)
        if refused or made is None:
            return same(answer, refused)
        named = [cover.insured for cover in made.covers if cover.insured != command.remove]
        wishes = (*map(InsuredWish, named), *([command.add] if command.add is not None else []))
        buy = Buy(command.credential, made.buyer, made.covers[0].good.id, wishes, made.pay_with, command.consent, command.identity, entry=command.entry)
        with self._as_if_free(made):
            granted = self.model.decide(buy, at)
        if isinstance(granted, str):
            return same(answer, granted)
        same(answer, DONE)
        followed = [one for one in self.model.proposals.values() if one.bought == made.id and one.insured in {wish.member for wish in wishes}]
        self.model.void(made, at)
        instead = self.model.take_up(buy, granted, at, answer, made.hands)
        for proposed in followed:
            self.model.confirmed(proposed, instead)
        instead.endorses = (made.id, "insured-added" if command.add is not None else "insured-removed")
        return None

    def _not_amended(self, command: Amend, made: Made | None, at: datetime) -> str:
        if made is None or command.buyer not in (None, made.buyer):
            return "order.unknown"
        if made.state == "completed":
            return "order.captured"
        if made.state == "void" or (made.state == "awaiting-payment" and made.deadline is not None and made.deadline <= at):
            return "order.not_waiting"
        if made.state == "awaiting-review" and made.cash_fen:
            return "order.cash_paid"
        named = {cover.insured for cover in made.covers}
        if command.add is not None and command.add.member in named:
            return "order.insured_twice"
        if command.remove is not None and command.remove not in named:
            return "order.insured_unknown"
        return "order.nobody_left" if command.add is None and named == {command.remove} else ""

    # ── late ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def escalate(self, command: Escalate, at: datetime, answer: Answer) -> None:
        made = self.model.orders.get(command.order)
        if made is None or made.state != "awaiting-review" or made.review is None:
            return same(answer, "order.unknown" if made is None else "review.not_waiting")
        if made.review.escalated or at < made.review.escalate_at:
            return same(answer, "review.not_due")
        made.review.escalated = True
        return same(answer, DONE)

    def unreviewed(self, command: Unreviewed, at: datetime, answer: Answer) -> None:
        made = self.model.orders.get(command.order)
        if made is None or made.state != "awaiting-review" or made.review is None:
            return same(answer, "order.unknown" if made is None else "review.not_waiting")
        if not made.review.escalated or at < made.review.void_at:
            return same(answer, "review.not_due")
        self.model.void(made, at)
        return same(answer, DONE)
