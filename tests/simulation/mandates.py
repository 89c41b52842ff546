"""The reference of mandates: who may be let act for whom, until when, and who takes that back."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from huibao.mandates.model import Authorise, Revoke
from huibao.record.model import DONE, Answer
from tests.simulation.days import age, day
from tests.simulation.model import Model, same
from tests.simulation.people import Mandate

MOST_DAYS: Final = 366
CHECKED: Final = timedelta(minutes=15)


@dataclass
class Mandates:
    """Mandates of the model's people."""

    model: Model

    def meets(self) -> dict[type, Callable[[Any, datetime, Answer], None]]:
        """What compares the answer to each kind of command."""
        return {Authorise: self.authorise, Revoke: self.revoke}

    def authorise(self, command: Authorise, at: datetime, answer: Answer) -> None:
        refused = self._checked(command, at) or self._parties(command, at) or self._terms(command, at)
        if refused:
            return same(answer, refused)
        same(answer, DONE)
        id = json.loads(answer.body)["mandate"]
        self.model.mandates[id] = Mandate(id, command.principal, command.agent, frozenset(command.may), command.valid_from, command.valid_to)
        return None

    def revoke(self, command: Revoke, at: datetime, answer: Answer) -> None:  # noqa: ARG002 - the form of every comparison
        found = self.model.mandates.get(command.mandate)
        if found is None or command.person not in (None, found.principal, found.agent):
            return same(answer, "mandate.unknown")
        if found.revoked:
            return same(answer, "mandate.revoked_already")
        found.revoked = True
        return same(answer, DONE)

    def _checked(self, command: Authorise, at: datetime) -> str:
        checked_at = command.checked_at
        return "" if checked_at is None or at - CHECKED <= checked_at <= at + timedelta(minutes=1) else "identity.expired"

    def _parties(self, command: Authorise, at: datetime) -> str:
        """Of an agent who may not be one, nobody is told why."""
        if command.principal == command.agent:
            return "mandate.to_oneself"
        return self._unfit(command.principal, at) or ("mandate.agent_unfit" if self._unfit(command.agent, at) else "")

    def _unfit(self, person: int, at: datetime) -> str:
        found = self.model.people.get(person)
        if found is None:
            return "mandate.principal_unknown"
        if found.died is not None and found.died <= day(at):
            return "person.died"
        return "mandate.principal_minor" if age(found.born, day(at)) < 18 else ""

    def _terms(self, command: Authorise, at: datetime) -> str:
        may, since, until = frozenset(command.may), command.valid_from, command.valid_to
        if "order" not in may:
            return "mandate.pay_alone"
        if "pay" in may and not self.model.rules.lent:
            return "mandate.account_closed"
        if since < day(at) or until < since:
            return "mandate.term_wrong"
        if (until - since).days >= MOST_DAYS:
            return "mandate.term_too_long"
        for one in self.model.mandates.values():
            if (one.principal, one.agent, one.revoked) == (command.principal, command.agent, False) and one.may >= may and one.since <= since and until <= one.until:
                return "mandate.given_already"
        return ""
