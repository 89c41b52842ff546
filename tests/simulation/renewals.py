"""The reference of renewal: whose policies end and go on, when their buyers are asked, and what ends the asking."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from huibao.record.model import DONE, Answer
from huibao.renewal.model import Decline, Propose, Remind
from tests.simulation.days import day
from tests.simulation.goods import GOODS, Good
from tests.simulation.model import Cover, Model, same, same_figures
from tests.simulation.people import Proposed


@dataclass
class Renewals:
    """Proposals by the policy that ends."""

    model: Model

    def meets(self) -> dict[type, Callable[[Any, datetime, Answer], None]]:
        """What compares the answer to each kind of command."""
        return {Propose: self.propose, Remind: self.remind, Decline: self.decline}

    def propose(self, command: Propose, at: datetime, answer: Answer) -> None:
        """Each policy that ends and goes on is asked about once; where there is nothing to ask, that is known from then on."""
        on = day(at)
        ending = [((made.id, position), cover, good) for made in self.model.orders.values() if made.id in command.orders and made.buyer == command.buyer
                  for position, cover in enumerate(made.covers, 1)
                  if cover.state == "in-force" and (good := successor(cover.good, on)) is not None]
        if not ending:
            return same(answer, "renewal.nothing_expires")
        same(answer, DONE)
        for key, cover, good in ending:
            if key not in self.model.proposals:
                self.model.proposals[key] = self._proposed(command.buyer, cover, good, on)
        asked = [self.model.proposals[key].state for key, _, _ in ending]
        told = json.loads(answer.body)
        return same_figures({"open": told.get("open", 0), "lapsed": told.get("lapsed", 0)}, open=asked.count("open"), lapsed=asked.count("lapsed"))

    def _proposed(self, buyer: int, cover: Cover, good: Good, on: date) -> Proposed:
        assert cover.until is not None, "what is in force ends on a day"
        why = "sponsored" if cover.sponsor_fen else self._bar(buyer, cover.insured, good.id, on)
        made = Proposed(buyer, cover.insured, good.id, 0 if why else good.premium_fen, cover.until, "lapsed" if why else "open", why)
        made.remind_on = None if why else made.next_day(self.model.rules.remind_days, on)
        return made

    def _bar(self, buyer: int, insured: int, product: str, on: date) -> str | None:
        """Why there is nothing to confirm: insured already, or one of the two has died."""
        if self.model.live(insured, product):
            return "insured-already"
        died = [self.model.people[id].died for id in (buyer, insured)]
        return "died" if any(one is not None and one <= on for one in died) else None

    def remind(self, command: Remind, at: datetime, answer: Answer) -> None:
        on = day(at)
        found = [(key, one) for key, one in self.model.proposals.items() if key[0] in command.orders and one.buyer == command.buyer]
        due = [(key, one) for key, one in found if one.state == "open" and one.remind_on is not None and one.remind_on <= on]
        if not due:
            return same(answer, "renewal.not_open" if found else "renewal.unknown")
        same(answer, DONE)
        for (order, position), one in due:
            is_over = self.model.orders[order].covers[position - 1].state != "in-force"
            first, last = GOODS[one.product].sold
            one.why = "ended-early" if is_over else "not-on-sale" if not first <= on <= last else self._bar(one.buyer, one.insured, one.product, on)
            one.state = "lapsed" if one.why else "open"
            one.remind_on = None if one.why else one.next_day(self.model.rules.remind_days, on)
        return None

    def decline(self, command: Decline, at: datetime, answer: Answer) -> None:  # noqa: ARG002 - the form of every comparison
        found = self.model.proposals.get((command.order, command.position))
        if found is None or found.buyer != command.buyer:
            return same(answer, "renewal.unknown")
        if found.state in ("confirmed", "lapsed"):
            return same(answer, "renewal.not_open")
        found.state, found.remind_on = "declined", None
        return same(answer, DONE)


def successor(good: Good, on: date) -> Good | None:
    """The next year of what was sold, while it is on sale."""
    return next((after for after in GOODS.values() if after.renews == good.id and after.sold[0] <= on <= after.sold[1]
                 and after.cover_from(on) <= after.valid_to), None)
