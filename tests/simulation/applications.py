"""The reference of the agency's review: who may decide an application, what is asked again before it is approved, when time is over."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from huibao.enrolment.model import Buy, Consent, Escalate, InsuredWish, Unreviewed
from huibao.enrolment.model import Review as Reviewed
from huibao.record.model import DONE, Answer
from tests.simulation.model import ENTERED, Made, Model, day, same


@dataclass
class Applications:
    """Applications under review; what is decided moves the model."""

    model: Model

    def meets(self) -> dict[type, Callable[[Any, datetime, Answer], None]]:
        """What compares the answer to each kind of command."""
        return {Reviewed: self.reviewed, Escalate: self.escalate, Unreviewed: self.unreviewed}

    def reviewed(self, command: Reviewed, at: datetime, answer: Answer) -> None:
        """A clerk approves or rejects; before the last approval everything is asked again."""
        made = self.model.orders.get(command.order)
        refused = self._not_reviewed(command, made, at)
        if refused or made is None or made.review is None:
            return same(answer, refused)
        if command.verdict == "reject":
            self.model.void(made)
        else:
            again = self._again(made, at)
            if again:
                return same(answer, again)
            made.review.votes.append(command.credential)
            if len(made.review.votes) == made.review.reviewers:
                self.model.let_go(made)
                self.model.begin(made, at)
        return same(answer, DONE)

    def _not_reviewed(self, command: Reviewed, made: Made | None, at: datetime) -> str:
        if made is None:
            return "order.unknown"
        if made.state != "awaiting-review" or made.review is None:
            return "review.not_waiting"
        if made.review.void_at <= at:
            return "review.over"
        if command.credential == ENTERED or command.reviewer in {made.buyer, *(cover.insured for cover in made.covers)}:
            return "review.own_entry"
        if command.credential in made.review.votes:
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
        states = [cover.state for cover in made.covers]
        self.model.let_go(made)
        for cover in made.covers:
            cover.state = "void"
        granted = self.model.in_years(command, made.covers[0].good, at, (day(at).year,))
        for cover, state in zip(made.covers, states, strict=True):
            cover.state = state
            buyer.hold(cover.parts, made.years, 1)
        return granted if isinstance(granted, str) else ""

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
        self.model.void(made)
        return same(answer, DONE)
