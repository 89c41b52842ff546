"""The reference of what hospitals settle: bills, offers, reversals, what is folded again, statements and what they come to."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final

from huibao.payables import model as payables
from huibao.record.model import DONE
from huibao.record.model import Answer as Told
from huibao.settlement.model import Adjust, Agree, Confirm, Reverse, Settle, Withdraw
from tests.simulation.days import day
from tests.simulation.model import Cover, Found, Model, add, number, same, same_figures

#: Where a scheme is silent.
CONFIRM: Final = timedelta(hours=24)
WAIT: Final = timedelta(days=3)
#: Hospitals that deduct at their desk; what happens elsewhere comes by the agency's feed.
DESKS: Final = ("H1", "H2", "H3")
GRADES: Final = {"H1": 3, "H2": 2, "H3": 2, "H9": 3}
#: What may stand for a settlement.
NUMBER: Final = re.compile("[!-~]{1,40}")


@dataclass(slots=True)
class Pays:
    """What one policy pays of a bill: what was offered, what is posted and to whom, what would be right now."""

    order: int
    cover: Cover
    offered: int
    target: int
    posted: int = 0
    to_person: int = 0


@dataclass(slots=True)
class Bill:
    """A settlement that was taken up. `cost_fen` is what basic insurance left in scope, `care` what kind of visit it was.

    `admitted` is the first day of the visit, `grade` the hospital's, as it was corrected.
    """

    id: int
    setl_id: str
    person: int
    hospital: str
    visit: str
    way: str
    care: str
    cost_fen: int
    on: date
    state: str
    payee: str
    pays: list[Pays]
    admitted: date
    grade: int
    deadline: datetime | None = None
    adjust_at: datetime | None = None

    @property
    def pay_fen(self) -> int:
        return sum(pays.offered for pays in self.pays)

    @property
    def posted_fen(self) -> int:
        return sum(pays.posted for pays in self.pays)


@dataclass(slots=True)
class Statement:
    id: int
    hospital: str
    product: str
    fen: int
    state: str


@dataclass
class Care:
    """Everything about care. `bills` by number, in the order of acceptance."""

    model: Model
    psn_nos: dict[str, int]
    bills: dict[str, Bill] = field(default_factory=dict)
    reversals: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    met: set[tuple[str, str]] = field(default_factory=set)
    statements: dict[int, Statement] = field(default_factory=dict)
    listed: dict[tuple[str, str], int] = field(default_factory=dict)
    incurred: dict[tuple[str, str], int] = field(default_factory=dict)
    claims: dict[str, int] = field(default_factory=dict)

    def meets(self) -> dict[type, Callable[[Any, datetime, Told], None]]:
        """What compares the answer to each kind of command."""
        return {Settle: self.settle, Reverse: self.reverse, Confirm: self.confirm, Withdraw: self.withdraw, Adjust: self.adjust,
                Agree: self.agree, payables.Propose: self.propose, payables.Answer: self.answered}

    # ── bills ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def settle(self, command: Settle, at: datetime, answer: Told) -> None:
        decided = self.decide(command)
        if isinstance(decided, str):
            same(answer, decided)
            return
        same(answer, DONE)
        told = json.loads(answer.body)
        known = self.bills.get(command.setl_id) if command.promises else None
        same_figures(told, pay_fen=decided.pay_fen)
        if not command.promises or known is not None:
            if known is not None and number(told["settlement"]) != known.id:
                raise Found(f"settlement {command.setl_id} is told as {told['settlement']}")
            return
        decided.id = number(told["settlement"])
        self._take_up(decided, at)
        same_figures(told, state=decided.state, payee=decided.payee)

    def decide(self, command: Settle) -> Bill | str:
        """The bill as it would be taken up, or was; or the refusal's code."""
        person = self.psn_nos.get(command.psn_no)
        if person is None:
            return "settlement.person_unknown"
        if command.promises and not NUMBER.fullmatch(command.setl_id):
            return "settlement.field_unreadable"
        if command.promises and (again := self._again(command, person)) is not None:
            return again
        if command.way != "feed" and command.hospital not in DESKS:
            return "settlement.no_desk"
        policies = [(made, cover) for made, cover in self.model.policies(person) if cover.since is not None and cover.ended != cover.since]
        if not policies:
            return "settlement.not_insured"
        on = date.fromisoformat(str(command.row["enddate"]))
        covering = [(made, cover) for made, cover in policies if cover.covers(on)]
        if not covering:
            return "settlement.not_in_force"
        payee = "person" if command.way == "feed" else "hospital"
        if payee == "person" and not self.model.people[person].agreed:
            return "settlement.not_agreed"
        cost, care = fen(str(command.row["inscp_scp_amt"])), str(command.row["med_type"])
        if cost is None:
            return "settlement.field_unreadable"
        if fen(str(command.row["psn_part_amt"])) != cost:
            return "settlement.person_part_differs"
        admitted = min([date.fromisoformat(str(command.row["begndate"])),
                        *(one.admitted for one in self.standing(person) if one.visit == command.mdtrt_id)])
        bill = Bill(0, command.setl_id, person, command.hospital, command.mdtrt_id, command.way, care, cost, on, "offered", payee, [],
                    admitted, GRADES[command.hospital])
        for made, cover in covering:
            offered = due(bill, cover, self.used(person, cover.good.id))
            bill.pays.append(Pays(made.id, cover, offered, offered))
        return bill

    def _again(self, command: Settle, person: int) -> Bill | str | None:
        """The bill with this number; one whose reversal was here first comes to nothing."""
        here = (command.hospital, command.setl_id)
        for setl_id, (reverses, hospital, state) in self.reversals.items():
            if state == "parked" and (hospital, reverses) == here:
                self.reversals[setl_id] = (reverses, hospital, "met")
                self.met.add(here)
        if here in self.met:
            return "settlement.taken_back"
        bill = self.bills.get(command.setl_id)
        if bill is None:
            return None
        said = (person, command.hospital, command.mdtrt_id, fen(str(command.row["medfee_sumamt"])))
        if said != (bill.person, bill.hospital, bill.visit, bill.cost_fen):
            return "settlement.differs"
        if bill.state not in ("offered", "confirmed"):
            return "settlement.taken_back"
        return "settlement.paid_directly" if bill.payee == "person" and "feed" not in (command.way, bill.way) else bill

    def used(self, person: int, product: str) -> list[int]:
        """Deductible and cap as what stands of a person has used them."""
        used = [0, 0]
        for bill in self.standing(person):
            for pays in bill.pays:
                if pays.cover.good.id == product:
                    due(bill, pays.cover, used)
        return used

    def standing(self, person: int) -> list[Bill]:
        return [bill for bill in self.bills.values() if bill.person == person and bill.state in ("offered", "confirmed")]

    def _take_up(self, bill: Bill, at: datetime) -> None:
        if bill.payee == "hospital" and bill.pay_fen:
            bill.deadline = at + CONFIRM
        else:
            bill.state = "confirmed"
        self.bills[bill.setl_id] = bill
        for other in self.bills.values():
            if other.adjust_at is not None and (other.person, other.visit) == (bill.person, bill.visit):
                other.adjust_at = at
        if bill.state == "confirmed":
            self._owe(bill)

    # ── what becomes of them ─────────────────────────────────────────────────────────────────────────────────────────

    def confirm(self, command: Confirm, at: datetime, answer: Told) -> None:
        bill = self.by_id(command.settlement)
        if bill is None or command.hospital not in (None, bill.hospital):
            return same(answer, "settlement.unknown")
        said = bill.state == "confirmed" and bill.payee == "hospital"
        if not said and bill.state != "offered":
            return same(answer, "settlement.not_offered")
        if command.fen != bill.pay_fen:
            if said or command.hospital is not None:
                return same(answer, "settlement.deduction_differs")
            bill.deadline = at + timedelta(days=1)
        elif not said:
            self._becomes_due(bill)
        return self._moved(bill, answer)

    def withdraw(self, command: Withdraw, at: datetime, answer: Told) -> None:
        bill = self.by_id(command.settlement)
        if bill is None or command.hospital not in (None, bill.hospital):
            return same(answer, "settlement.unknown")
        if bill.state != "offered":
            return same(answer, "settlement.not_offered")
        if command.stands:
            bill.payee = "person"
            self._becomes_due(bill)
        else:
            self._end(bill, "void", at)
        return self._moved(bill, answer)

    def reverse(self, command: Reverse, at: datetime, answer: Told) -> None:
        known, bill = self.reversals.get(command.setl_id), self.bills.get(command.reverses)
        if known is not None and known[1] != command.hospital:
            return same(answer, "settlement.unknown")
        if known is not None and known[0] != command.reverses:
            return same(answer, "reversal.number_used")
        if known is not None:
            return same(answer, DONE)
        if bill is None:
            if (command.hospital, command.reverses) in self.met:
                return same(answer, "reversal.already_reversed")
            self.reversals[command.setl_id] = (command.reverses, command.hospital, "parked")
            return same(answer, DONE)
        if bill.hospital != command.hospital:
            return same(answer, "settlement.unknown")
        if bill.state in ("void", "reversed"):
            return same(answer, "reversal.already_reversed")
        self.reversals[command.setl_id] = (command.reverses, command.hospital, "done")
        self._end(bill, "reversed", at)
        return self._moved(bill, answer)

    def adjust(self, command: Adjust, at: datetime, answer: Told) -> None:
        bill = self.by_id(command.settlement)
        if bill is None or bill.adjust_at is None or bill.adjust_at > at:
            return same(answer, "adjustment.not_waiting")
        bill.adjust_at = None
        self.put_everything_right(bill.person)
        return self._moved(bill, answer)

    def agree(self, command: Agree, at: datetime, answer: Told) -> None:  # noqa: ARG002 - the form of every comparison
        same(answer, DONE)
        self.model.people[command.person].agreed = command.account is not None

    def by_id(self, id: int) -> Bill | None:
        return next((bill for bill in self.bills.values() if bill.id == id), None)

    def _moved(self, bill: Bill, answer: Told) -> None:
        same(answer, DONE)
        same_figures(json.loads(answer.body), state=bill.state, payee=bill.payee, pay_fen=bill.pay_fen, posted_fen=bill.posted_fen)

    def _becomes_due(self, bill: Bill) -> None:
        bill.state, bill.deadline = "confirmed", None
        self._owe(bill)
        if not self._waited_for(bill.person):
            self._put_right(bill)

    def _owe(self, bill: Bill) -> None:
        for pays in bill.pays:
            self._post(bill, pays, pays.offered, bill.payee)

    def _put_right(self, bill: Bill) -> None:
        """What is more due is the person's; what is less due is a case for somebody."""
        for pays in bill.pays:
            if pays.target > pays.posted:
                self._post(bill, pays, pays.target - pays.posted, "person")

    def _post(self, bill: Bill, pays: Pays, fen: int, payee: str) -> None:
        pays.posted += fen
        if payee == "person":
            pays.to_person += fen
        else:
            key = (bill.hospital, pays.cover.good.id)
            self.incurred[key] = self.incurred.get(key, 0) + fen
        add(self.claims, pays.cover.good.id, fen)

    def _end(self, bill: Bill, how: str, at: datetime) -> None:
        """Posted back to the fen, and what stands of the person is folded again; where that makes a difference, it is waited for."""
        bill.state, bill.deadline = how, None
        for pays in bill.pays:
            self._post(bill, pays, pays.to_person - pays.posted, "hospital")
            self._post(bill, pays, -pays.to_person, "person")
            pays.target = 0
        self.fold_again(bill.person)
        if any(sum(pays.target for pays in other.pays) != (other.posted_fen if other.state == "confirmed" else other.pay_fen)
               for other in self.standing(bill.person)):
            bill.adjust_at = at + WAIT

    def fold_again(self, person: int) -> list[tuple[Bill, Pays, int]]:
        """Everything that stands of a person in the order of acceptance; what is right now where it was another before, with that."""
        used: dict[str, list[int]] = {}
        changed = []
        for bill in self.standing(person):
            for pays in bill.pays:
                before, pays.target = pays.target, due(bill, pays.cover, used.setdefault(pays.cover.good.id, [0, 0]))
                if pays.target != before:
                    changed.append((bill, pays, before))
        return changed

    def put_everything_right(self, person: int) -> tuple[int, int]:
        """Unless a new settlement is waited for; what was more due, and what is less."""
        if self._waited_for(person):
            return 0, 0
        confirmed = [bill for bill in self.standing(person) if bill.state == "confirmed"]
        off = [pays.target - pays.posted for bill in confirmed for pays in bill.pays]
        for bill in confirmed:
            self._put_right(bill)
        return sum(fen for fen in off if fen > 0), -sum(fen for fen in off if fen < 0)

    def _waited_for(self, person: int) -> bool:
        return any(bill.adjust_at is not None for bill in self.bills.values() if bill.person == person)

    # ── statements ───────────────────────────────────────────────────────────────────────────────────────────────────

    def propose(self, command: payables.Propose, at: datetime, answer: Told) -> None:
        """Everything that is owed to a hospital up to today and stands in no other statement."""
        if command.upto < day(at) or command.insurer not in (None, "lead"):
            return None
        if command.hospital not in (*DESKS, "H9"):
            return same(answer, "payable.hospital_unknown")
        whose = (command.hospital, command.product)
        if any((one.hospital, one.product, one.state) == (*whose, "proposed") for one in self.statements.values()):
            return same(answer, "statement.another_open")
        due = self.incurred.get(whose, 0) - self.listed.get(whose, 0)
        if due <= 0:
            return same(answer, "statement.nothing_due")
        same(answer, DONE)
        told = json.loads(answer.body)
        same_figures(told, fen=due, state="proposed")
        self.statements[told["statement"]] = Statement(told["statement"], *whose, due, "proposed")
        self.listed[whose] = self.listed.get(whose, 0) + due
        return None

    def answered(self, command: payables.Answer, at: datetime, answer: Told) -> None:  # noqa: ARG002 - as above
        found = self.statements.get(command.statement)
        if found is None or found.hospital != command.hospital:
            return same(answer, "statement.unknown")
        if found.state != "proposed":
            return same(answer, "statement.answered")
        same(answer, DONE)
        found.state = "agreed" if command.agree else "disputed"
        if not command.agree:
            self.listed[found.hospital, found.product] -= found.fen
        return None


def due(bill: Bill, cover: Cover, used: list[int]) -> int:
    """What a policy pays of a bill after what was used, which moves on."""
    good = cover.good
    return good.pays(bill.cost_fen, used, cover.hardship_on(bill.admitted), bill.grade) if good.care == bill.care else 0


def fen(yuan: str) -> int | None:
    """Fen of an amount in yuan as a message has it; None where it is none."""
    whole, _, rest = yuan.partition(".")
    if not f"{whole}{rest}".isdigit():
        return None
    return int(whole) * 100 + int(rest.ljust(2, "0") or 0)
