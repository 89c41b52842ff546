"""The reference of premiums that go back: what a surrender gives back to whom, and what insurers pay back of it."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final

from huibao.policies.numbers import read_refund
from huibao.record.model import DONE, Answer
from huibao.refunds.model import AnswerRepayment, CashArrived, CashDeclined, Repay, Resolve, Surrender
from tests.simulation.care import Care
from tests.simulation.days import day
from tests.simulation.model import Cover, Found, Made, Model, add, same, same_figures
from tests.simulation.remitting import ACCOUNTS, Back, Remitting

COOLING: Final = timedelta(days=10)


@dataclass
class Afterwards:
    """Refunds by number, what insurers pay back of them; where account money stands is known by `remitting`."""

    code: str
    model: Model
    care: Care
    remitting: Remitting
    refunds: dict[int, Back] = field(default_factory=dict)
    repayments: dict[int, list[Back]] = field(default_factory=dict)

    def meets(self) -> dict[type, Callable[[Any, datetime, Answer], None]]:
        """What compares the answer to each kind of command."""
        return {Surrender: self.surrender, Resolve: self.resolve,
                CashArrived: self.cash_arrived, CashDeclined: self.cash_declined, Repay: self.repay, AnswerRepayment: self.answer_repayment}

    # ── surrenders ───────────────────────────────────────────────────────────────────────────────────────────────────

    def surrender(self, command: Surrender, at: datetime, answer: Answer) -> None:
        made = self.model.orders.get(command.order)
        if made is None or not 0 < command.position <= len(made.covers) or command.buyer not in (None, made.buyer):
            return same(answer, "policy.unknown")
        died, cover = self.model.people[made.buyer].died, made.covers[command.position - 1]
        if command.buyer is not None and died is not None and died <= day(at):
            return same(answer, "surrender.holder_died")
        granted = self.quote(made, command.position, day(at))
        if answer.outcome == "surrender.settlement_open" and self.bills(cover):
            return None                                # what is open of a settlement, its payouts and cases too, is not kept here
        if isinstance(granted, str):
            return same(answer, granted)
        ended, fen, whole = granted
        if fen != command.fen:
            return same(answer, "surrender.quote_differs")
        same(answer, DONE)
        cover.state, cover.ended = "surrendered", ended
        return self._give_back(made, command.position, fen, whole and day(at), json.loads(answer.body)["parts"])

    def replaced(self, made: Made, position: int, on: date, told: list[dict[str, Any]]) -> None:
        """A policy that has not begun gives way to a sponsor's: all of its premium goes back, as if its holder had given it back."""
        cover = made.covers[position - 1]
        cover.state, cover.ended = "surrendered", cover.since
        self._give_back(made, position, sum(cover.parts.values()) + cover.cash_fen, on, told)

    def quote(self, made: Made, position: int, on: date) -> tuple[date, int, bool] | str:
        """The first day without cover, what goes back, and whether all of it was undone before the start; or why nothing is."""
        cover = made.covers[position - 1]
        if cover.state != "in-force" or cover.since is None or cover.until is None or cover.begun is None:
            return {"surrendered": "surrender.already", "pending": "surrender.order_waits"}.get(cover.state, "surrender.not_in_force")
        premium = sum(cover.parts.values()) + cover.sponsor_fen + cover.cash_fen
        if on < cover.since:
            return cover.since, premium, True
        if on >= cover.until:
            return "surrender.cover_over"
        bills = self.bills(cover)
        if not bills and on <= day(cover.begun) + COOLING:
            return cover.since, premium, False
        if any(bill.state in ("offered", "confirmed") and sum(pays.posted for pays in bill.pays if pays.cover is cover) for bill in bills):
            return "surrender.benefit_paid"
        left, days = (cover.until - on).days, (cover.until - cover.since).days + 1
        return on + timedelta(days=1), (2 * premium * left + days) // (2 * days), False

    def bills(self, cover: Cover) -> list[Any]:
        return [bill for bill in self.care.bills.values() if any(pays.cover is cover for pays in bill.pays)]

    def _give_back(self, made: Made, position: int, fen: int, whole: date | bool, told: list[dict[str, Any]]) -> None:
        """Each source gets its proportion, the odd fen by the largest remainder, the earlier source first."""
        cover = made.covers[position - 1]
        paid: list[tuple[str, int]] = [(kind, cover.parts[kind]) for kind in ACCOUNTS if kind in cover.parts]
        paid += [(kind, fen_) for kind, fen_ in (("sponsor", cover.sponsor_fen), ("cash", cover.cash_fen)) if fen_]
        premium = sum(one for _, one in paid)
        shares = [fen * one // premium for _, one in paid]
        remainders = sorted(range(len(paid)), key=lambda n: (-(fen * paid[n][1] % premium), n))
        for n in remainders[:fen - sum(shares)]:
            shares[n] += 1
        expected = [(kind, share) for (kind, _), share in zip(paid, shares, strict=True) if share]
        if [(part["source"], part["fen"]) for part in told] != expected:
            raise Found(f"gives back {told}, the reference {expected}")
        for part in told:
            back = Back(read_refund(self.code, part["refund"]) or 0, made, cover, position, part["source"], part["fen"], "waiting")
            self.refunds[back.id] = back
            if back.source in ACCOUNTS:
                self.remitting.backs.append(back)
            if back.source == "cash":
                back.state = "sent"
                continue
            if back.source == "sponsor":
                back.state = "done"
                self.model.payers[made.sponsor or ""].balance_fen += back.fen
                add(self.model.income, cover.good.id, -back.fen)
                continue
            if isinstance(whole, date) and cover.begun is not None and day(cover.begun).year == whole.year:
                self.model.people[made.buyer].spent[whole.year] -= back.fen
            self._settle(back)
            same_figures(part, state=back.state)

    def _settle(self, back: Back) -> None:
        """What is in clearing goes back at once, what the insurer has it owes, what is listed waits."""
        where = self.remitting.standing.get(back.movement, "unlisted")
        if where == "unlisted":
            back.state, back.is_reversed = "done", True
            add(self.model.clearing, back.cover.good.id, -back.fen)
            self.model.people[back.made.buyer].money[back.source] += back.fen
        else:
            back.state = "owed" if where == "remitted" else "waiting"

    # ── on their way ─────────────────────────────────────────────────────────────────────────────────────────────────

    def resolve(self, command: Resolve, at: datetime, answer: Answer) -> None:  # noqa: ARG002
        back = self.refunds.get(command.refund)
        if back is None or back.source not in ACCOUNTS or back.state not in ("waiting", "owed") or back.repayment is not None:
            return same(answer, "refund.not_waiting")
        before = back.state
        self._settle(back)
        return same(answer, DONE if back.state != before else "refund.nothing_new")

    def cash_arrived(self, command: CashArrived, at: datetime, answer: Answer) -> None:  # noqa: ARG002
        back = self.refunds.get(command.refund)
        if back is None or back.state != "sent" or command.fen != back.fen:
            return same(answer, "refund.not_waiting")
        back.state = "done"
        add(self.model.income, back.cover.good.id, -back.fen)
        return same(answer, DONE)

    def cash_declined(self, command: CashDeclined, at: datetime, answer: Answer) -> None:  # noqa: ARG002
        back = self.refunds.get(command.refund)
        if back is None or back.state != "sent":
            return same(answer, "refund.not_waiting")
        back.state = "owed"
        return same(answer, DONE)

    def repay(self, command: Repay, at: datetime, answer: Answer) -> None:  # noqa: ARG002
        found = [self.refunds.get(id) for id in command.refunds]
        backs = [back for back in found if back is not None]
        if len(backs) < len(found) or len({*command.refunds}) < len(found) or not found or command.insurer not in (None, "lead"):
            return same(answer, "repayment.refunds_unknown")
        if any(back.source not in ACCOUNTS or back.state != "owed" or back.repayment is not None or not self._is_with_insurer(back) for back in backs):
            return same(answer, "repayment.refund_not_owed")
        if sum(back.fen for back in backs) != command.fen:
            return same(answer, "repayment.sum_differs")
        if answer.outcome == "repayment.reference_used":
            return None
        same(answer, DONE)
        id = json.loads(answer.body)["repayment"]
        self.repayments[id] = backs
        for back in backs:
            back.repayment = id
        return None

    def answer_repayment(self, command: AnswerRepayment, at: datetime, answer: Answer) -> None:  # noqa: ARG002
        backs = self.repayments.get(command.repayment)
        if backs is None:
            return same(answer, "repayment.unknown")
        if any(back.repayment != command.repayment or back.state == "done" for back in backs):
            return same(answer, "repayment.answered")
        if command.fen not in (0, sum(back.fen for back in backs)):
            return same(answer, "repayment.received_differs")
        if command.fen and not all(map(self._is_with_insurer, backs)):
            return same(answer, "repayment.came_back")
        same(answer, DONE)
        for back in backs:
            back.repayment = command.repayment if command.fen else None
            if command.fen:
                back.state = "done"
                add(self.model.income, back.cover.good.id, -back.fen)
                self.model.people[back.made.buyer].money[back.source] += back.fen
        return None

    def _is_with_insurer(self, back: Back) -> bool:
        """Whether the insurer has the money; a bank may have brought it back since."""
        return self.remitting.standing.get(back.movement) == "remitted"
