"""The reference of what happens to a premium afterwards: remitted in batches, given back when a policy is surrendered."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final

from huibao.policies.numbers import read_refund
from huibao.record.model import DONE, Answer
from huibao.refunds.model import AnswerRepayment, CashArrived, CashDeclined, Repay, Resolve, Surrender
from huibao.remittance import refusals
from huibao.remittance.model import Acknowledge, BankPaid, BankReturned, Make, Sent
from tests.simulation.care import Care
from tests.simulation.days import day
from tests.simulation.model import Cover, Found, Made, Model, add, same, same_figures

COOLING: Final = timedelta(days=10)
ACCOUNTS: Final = ("personal", "savings")
#: Why there is no batch: to who asks the code, on a day of the schedule the words.
NOTHING_DUE: Final = (refusals.nothing_due().code, refusals.nothing_due().en)
NO_ACCOUNT: Final = (refusals.no_account("lead").code, refusals.no_account("lead").en)
#: A movement of account money: of which order, which policy in it, from which account.
Movement = tuple[int, int, str]


@dataclass(slots=True)
class Back:
    """A refund: what of it goes where, and how it stands."""

    id: int
    made: Made
    cover: Cover
    position: int
    source: str
    fen: int
    state: str
    repayment: int | None = None

    @property
    def movement(self) -> Movement:
        return (self.made.id, self.position, self.source)


@dataclass(slots=True)
class Batch:
    """Account money on its way to an insurer: of what, and how it stands."""

    product: str
    lines: dict[Movement, int]
    state: str
    paid: tuple[int, int] = (0, 0)


@dataclass
class Afterwards:
    """Where account money stands, batches by number, refunds by number."""

    code: str
    model: Model
    care: Care
    standing: dict[Movement, str] = field(default_factory=dict)
    batches: dict[int, Batch] = field(default_factory=dict)
    days: set[tuple[str, date | None]] = field(default_factory=set)
    refunds: dict[int, Back] = field(default_factory=dict)
    repayments: dict[int, list[Back]] = field(default_factory=dict)

    def meets(self) -> dict[type, Callable[[Any, datetime, Answer], None]]:
        """What compares the answer to each kind of command."""
        return {Make: self.make, Sent: self.sent, Acknowledge: self.acknowledge,
                BankPaid: self.bank_paid, BankReturned: self.bank_returned, Surrender: self.surrender, Resolve: self.resolve,
                CashArrived: self.cash_arrived, CashDeclined: self.cash_declined, Repay: self.repay, AnswerRepayment: self.answer_repayment}

    # ── batches to insurers ──────────────────────────────────────────────────────────────────────────────────────────

    def due(self, product: str, until: datetime) -> dict[Movement, int]:
        """What waits in clearing from before `until`, of accounts that are open; what came back and is about to be refunded stays."""
        refunded = {back.movement for back in self.refunds.values() if back.state in ("waiting", "owed") and back.repayment is None}
        return {movement: fen for movement, cover, fen in self.movements() if cover.good.id == product and cover.begun is not None
                and cover.begun < until and fen and movement not in refunded and self.standing.get(movement, "unlisted") == "unlisted"
                and self.model.people[self.model.orders[movement[0]].buyer].state == "open"}

    def movements(self) -> Iterator[tuple[Movement, Cover, int]]:
        """Every movement into clearing, with what is left there of it."""
        reversed_ = {back.movement: back.fen for back in self.refunds.values() if back.state == "done" and back.source in ACCOUNTS
                     and self.standing.get(back.movement, "unlisted") != "remitted"}
        for made in self.model.orders.values():
            for position, cover in enumerate(made.covers, 1):
                for kind, fen in cover.parts.items() if cover.begun is not None else ():
                    movement = (made.id, position, kind)
                    yield movement, cover, fen - reversed_.get(movement, 0)

    def make(self, command: Make, at: datetime, answer: Answer) -> None:  # noqa: ARG002 - the form of every comparison
        """Whether a batch is made, of what. A day of the schedule without one is done, too, and says why in its words."""
        lines = self.due(command.product, command.until)
        if answer.outcome == "remittance.run_done" and (command.product, command.due_on) in self.days:
            return
        told = json.loads(answer.body)
        if command.due_on is not None:
            self.days.add((command.product, command.due_on))
        why = answer.outcome if answer.outcome != DONE else "" if told["remittance"] else told["en"]
        allowed = {"", *NO_ACCOUNT} if lines else {"", *NO_ACCOUNT, *NOTHING_DUE}
        if why not in allowed:
            raise Found(f"made no batch of {len(lines)} movements: {why}")
        if not why:
            same_figures(told, count=len(lines), fen=sum(lines.values()))
            self.batches[told["remittance"]] = Batch(command.product, lines, "listed" if lines else "answered")
            self.standing |= dict.fromkeys(lines, "listed")

    def sent(self, command: Sent, at: datetime, answer: Answer) -> None:  # noqa: ARG002
        batch = self.batches.get(command.remittance)
        if batch is None or batch.state == "answered":
            return same(answer, "remittance.unknown" if batch is None else "remittance.not_waiting")
        batch.state = "sent"
        return same(answer, DONE)

    def bank_paid(self, command: BankPaid, at: datetime, answer: Answer) -> None:  # noqa: ARG002
        batch = self._answered(command.remittance, answer)
        if batch is None or command.fen != sum(batch.lines.values()):
            return
        batch.state, batch.paid = "answered", (len(batch.lines), command.fen)
        self.standing |= dict.fromkeys(batch.lines, "remitted")
        add(self.model.clearing, batch.product, -command.fen)
        add(self.model.income, batch.product, command.fen)

    def bank_returned(self, command: BankReturned, at: datetime, answer: Answer) -> None:  # noqa: ARG002
        batch = self._answered(command.remittance, answer)
        if batch is not None:
            batch.state = "answered"
            self.standing |= dict.fromkeys(batch.lines, "unlisted")

    def acknowledge(self, command: Acknowledge, at: datetime, answer: Answer) -> None:  # noqa: ARG002
        """The insurer's word beside the bank's: what both say is on record, what differs is somebody's case."""
        batch = self.batches.get(command.remittance)
        if batch is None or command.insurer not in (None, "lead"):
            return same(answer, "remittance.unknown")
        if batch.state != "answered":
            return same(answer, "remittance.not_answered")
        same(answer, DONE)
        agrees = (command.count, command.fen) == batch.paid and command.same_file
        return same_figures(json.loads(answer.body), agrees=agrees, paid_count=batch.paid[0], paid_fen=batch.paid[1])

    def _answered(self, id: int, answer: Answer) -> Batch | None:
        """The batch that the bank's word is about, if it waits for one."""
        batch = self.batches.get(id)
        waits = batch is not None and batch.state == "sent"
        same(answer, DONE if waits else "remittance.unknown" if batch is None else "remittance.not_waiting")
        return batch if waits else None

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

    def quote(self, made: Made, position: int, on: date) -> tuple[date, int, bool] | str:
        """The first day without cover, what goes back, and whether all of it was undone before the start; or why nothing is."""
        cover = made.covers[position - 1]
        if cover.state != "in-force" or cover.since is None or cover.until is None or cover.begun is None:
            return {"surrendered": "surrender.already", "pending": "surrender.order_waits"}.get(cover.state, "surrender.not_in_force")
        premium = sum(cover.parts.values()) + cover.cash_fen
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
        paid = [(kind, cover.parts[kind]) for kind in ACCOUNTS if kind in cover.parts] + ([("cash", cover.cash_fen)] if cover.cash_fen else [])
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
            if back.source == "cash":
                back.state = "sent"
                continue
            if isinstance(whole, date) and cover.begun is not None and day(cover.begun).year == whole.year:
                self.model.people[made.buyer].spent[whole.year] -= back.fen
            self._settle(back)
            same_figures(part, state=back.state)

    def _settle(self, back: Back) -> None:
        """What is in clearing goes back at once, what the insurer has it owes, what is listed waits."""
        where = self.standing.get(back.movement, "unlisted")
        if where == "unlisted":
            back.state = "done"
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
        if any(back.source not in ACCOUNTS or back.state != "owed" or back.repayment is not None for back in backs):
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
        same(answer, DONE)
        for back in backs:
            back.repayment = command.repayment if command.fen else None
            if command.fen:
                back.state = "done"
                add(self.model.income, back.cover.good.id, -back.fen)
                self.model.people[back.made.buyer].money[back.source] += back.fen
        return None
