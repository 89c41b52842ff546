"""What a ward's settlements should be: `History` folds the same events in their order of acceptance, benefit by benefit.

    world = World(city)
    world.take(command, answer, at)        # each command with its answer, in the order of acceptance: they must agree
    same_as_stored(world)                  # payments, accumulators, books, payouts and cases of the database are these

A settlement that was withdrawn or reversed is a reversal at its place; what a wait or a judgement puts right is posted here too.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, Final

from huibao.benefits.facts import FACTS
from huibao.benefits.fold import Payment, Settlement, settle
from huibao.benefits.history import Entry, History, Reversal
from huibao.benefits.model import Plan
from huibao.benefits.reading import read, share_inside
from huibao.benefits.terms import Compiled
from huibao.core.money import fen, plain_yuan
from huibao.core.refusal import Refusal
from huibao.core.sealing import blind_index
from huibao.policies.numbers import read_settlement, settlement_number
from huibao.record.model import DONE, Answer
from huibao.scheme.model import DESK
from huibao.settlement.covers import OURS, PERSONAL
from huibao.settlement.model import Adjust, Agree, Command, Confirm, Judge, Reverse, Row, Settle, Withdraw
from huibao.settlement.state import FIGURES
from tests.books import City, rows
from tests.settlement.ward import HOSPITALS, INDEX_KEY, psn_no, settled

#: Product, and whose accumulators: the insured's, or the policyholder's where a household shares.
Whose = tuple[str, int]
_HOSPITALS: Final = {id: (grade, designated, desk) for id, _, grade, designated, desk in HOSPITALS}


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy in force. `known` is what it adds to every message: its cover and the facts that it froze."""

    order: int
    position: int
    whose: Whose
    known: Row


@dataclass(slots=True)
class Pays:
    """What one policy pays of a settlement: its entry in the fold, what is posted, how much of that to the person, the open case."""

    policy: Policy
    entry: Entry
    posted: int = 0
    to_person: int = 0
    less_due: int = 0

    @property
    def offered(self) -> int:
        return total(self.entry.posted)

    @property
    def target(self) -> int:
        return total(self.entry.target)


@dataclass(slots=True)
class One:
    """A settlement of the model."""

    id: int
    command: Settle
    person: int
    row: dict[str, Any]
    state: str
    payee: str
    pays: list[Pays]
    provisional: bool = False
    adjust_at: datetime | None = None

    @property
    def setl_id(self) -> str:
        return self.command.setl_id

    @property
    def visit(self) -> str:
        return str(self.row.get("mdtrt_id") or "") or self.setl_id

    @property
    def pay(self) -> int:
        return sum(pays.offered for pays in self.pays)

    @property
    def posted(self) -> int:
        return sum(pays.posted for pays in self.pays)


def total(payments: Sequence[Payment]) -> int:
    return sum(payment.pay for payment in payments)


@dataclass
class World:
    """A city's settlements by the model. `agreed` are the people who are paid without an application, `past` their look-backs."""

    city: City
    plans: Sequence[Plan] = ()
    agreed: frozenset[int] = frozenset()
    past: Mapping[int, str] = field(default_factory=dict)
    folds: dict[Whose, History] = field(default_factory=dict)
    taken: dict[str, One] = field(default_factory=dict)
    standing: list[One] = field(default_factory=list)
    visits: dict[tuple[int, str], date] = field(default_factory=dict)
    reversals: dict[str, tuple[str, str]] = field(default_factory=dict)
    parked: set[str] = field(default_factory=set)
    policies: dict[int, list[Policy]] = field(init=False)

    def __post_init__(self) -> None:
        compiled = {plan.id: Compiled(plan) for plan in self.plans or [self.city.plan]}
        found: defaultdict[int, list[Policy]] = defaultdict(list)
        for id, position, insured, product, since, until, facts, buyer in rows(
                self.city, "SELECT p.order_id, p.position, p.insured_id, p.product, p.period_from, p.period_to, p.facts::text, o.buyer_id"
                           " FROM policy p JOIN orders o ON o.id = p.order_id WHERE p.state = 'in-force' ORDER BY p.product"):
            whose = (product, buyer if compiled[product].plan.household else insured)
            known = {FACTS[name].column: value for name, value in json.loads(facts).items() if name in FACTS and value is not None}
            known |= {"cover_from": str(since), "cover_to": str(until), "household_id": str(whose[1])}
            found[insured].append(Policy(id, position, whose, known))
            self.folds.setdefault(whose, History(compiled[product]))
        self.policies = dict(found)
        self.people = {psn_no(self.city, person): person for person in found}
        self.by_id: dict[int, One] = {}

    # ── one command after another ────────────────────────────────────────────────────────────────────────────────────

    def take(self, command: Command, answer: Answer, at: datetime) -> None:
        """Takes up a command that came next, and compares its answer."""
        assert figures(answer) == self.expected(command, answer, at), command

    def expected(self, command: Command, answer: Answer, at: datetime) -> tuple[Any, ...]:
        """How the answer should read; the model has moved on."""
        match command:
            case Settle():
                return self.settle(command, answer, at)
            case Reverse():
                return self.reverse(command, at)
            case Confirm():
                return self.confirm(command)
            case Withdraw():
                return self.withdraw(command, at)
            case Adjust():
                return self.adjust(command, at)
            case Judge():
                return self.judge(command)
            case Agree():
                raise AssertionError("the model does not know who agrees")

    def settle(self, command: Settle, answer: Answer, at: datetime) -> tuple[Any, ...]:
        known = self.taken.get(command.setl_id)
        if command.setl_id in self.parked:
            return ("settlement.taken_back",)
        if known is not None:
            return self.again(known, command)
        person, feed = self.people[command.psn_no], command.way == "feed"
        row = self.known(person, command)
        covering = [one for one in self.policies[person] if share_inside(self.folds[one.whose].plan.plan, self.row_for(one, row, 0))[0]]
        if not feed and not _HOSPITALS[command.hospital][2]:
            return ("settlement.no_desk",)
        if not covering:
            return ("settlement.not_in_force",)
        if feed and person not in self.agreed:
            return ("settlement.not_agreed",)
        pays = self.paid_by(covering, row, command.lines)
        if isinstance(pays, Refusal):
            return (pays.code,)
        assert answer.outcome == DONE, answer.body.decode()
        number = read_settlement(self.city.code, settled(answer).settlement)
        assert number is not None
        one = One(number, command, person, row, "offered", "person" if feed else "hospital", pays)
        one.provisional = any(isinstance(p.entry.event, Settlement) and p.entry.event.provisional and any(of.base for of in p.entry.posted) for p in pays)
        self.stand(one, at)
        assert [[tuple(getattr(benefit, f"{name}_fen") for name in FIGURES) for benefit in policy.benefits] for policy in settled(answer).policies] == [
            [tuple(getattr(payment, name) for name in FIGURES) for payment in one_.entry.posted if payment.base] for one_ in pays]
        return (DONE, settlement_number(self.city.code, one.id), one.pay)

    def again(self, known: One, command: Settle) -> tuple[Any, ...]:
        """A number that was taken up before: the same settlement, or another under its number."""
        same = (known.command.psn_no, known.command.hospital, known.command.row["medfee_sumamt"], known.visit) == (
            command.psn_no, command.hospital, command.row["medfee_sumamt"], command.row["mdtrt_id"] or command.setl_id)
        if not same:
            return ("settlement.differs",)
        return (DONE, settlement_number(self.city.code, known.id), known.pay) if known in self.standing else ("settlement.taken_back",)

    def paid_by(self, covering: Sequence[Policy], row: Mapping[str, Any], lines: Sequence[Row]) -> list[Pays] | Refusal:
        """What each policy pays after those before it; where the bill is refused, nothing has moved."""
        events: list[tuple[Policy, Settlement]] = []
        others = 0
        for policy in covering:
            event = self.event(policy, row, lines, others)
            if isinstance(event, Refusal):
                return event
            others += total(settle(self.folds[policy.whose].plan, self.folds[policy.whose].used, event)[0])
            events.append((policy, event))
        return [Pays(policy, self.folds[policy.whose].accept(event)) for policy, event in events]

    def stand(self, one: One, at: datetime) -> None:
        """A new settlement: owed at once where nobody confirms it; the same visit's new one ends the wait after a reversal."""
        self.taken[one.setl_id] = self.by_id[one.id] = one
        self.standing.append(one)
        if began := one.row.get("admitted_on"):
            self.visits[one.person, one.visit] = min(self.visits.get((one.person, one.visit), date.max), date.fromisoformat(began))
        for other in self.waiting():
            if (other.person, other.visit) == (one.person, one.visit):
                other.adjust_at = at
        if one.payee == "person" or not one.pay:
            one.state = "confirmed"
            self.owe(one)

    def confirm(self, command: Confirm) -> tuple[Any, ...]:
        one = self.by_id.get(command.settlement)
        if one is None or command.hospital not in (None, one.command.hospital):
            return ("settlement.unknown",)
        said = one.state == "confirmed" and one.payee == "hospital"
        if not said and one.state != "offered":
            return ("settlement.not_offered",)
        if command.fen != one.pay:
            # A hospital mends it; one that was asked is asked again, and it is a case for a person.
            return ("settlement.deduction_differs",) if said or command.hospital is not None else moved(one)
        if not said:
            one.state = "confirmed"
            self.owe(one)
            self.put_right_alone(one)
        return moved(one)

    def withdraw(self, command: Withdraw, at: datetime) -> tuple[Any, ...]:
        one = self.by_id.get(command.settlement)
        if one is None or command.hospital not in (None, one.command.hospital):
            return ("settlement.unknown",)
        if one.state != "offered":
            return ("settlement.not_offered",)
        if not command.stands:
            self.end(one, "void", at)
        else:
            one.state, one.payee = "confirmed", "person"
            self.owe(one)
            self.put_right_alone(one)
        return moved(one)

    def reverse(self, command: Reverse, at: datetime) -> tuple[Any, ...]:
        known, one = self.reversals.get(command.setl_id), self.taken.get(command.reverses)
        if known is not None and known[1] != command.hospital:
            return ("settlement.unknown",)
        if known not in (None, (command.reverses, command.hospital)):
            return ("reversal.number_used",)
        if one is None:
            self.reversals[command.setl_id] = command.reverses, command.hospital
            self.parked.add(command.reverses)
            return (DONE, "parked", 0, 0, 0, 0)
        if known is None:
            if one.command.hospital != command.hospital:
                return ("settlement.unknown",)
            if one.state in ("void", "reversed"):
                return ("reversal.already_reversed",)
            self.reversals[command.setl_id] = command.reverses, command.hospital
            self.end(one, "reversed", at)
        return moved(one)

    def adjust(self, command: Adjust, at: datetime) -> tuple[Any, ...]:
        one = self.by_id.get(command.settlement)
        if one is None or one.adjust_at is None or one.adjust_at > at:
            return ("adjustment.not_waiting",)
        one.adjust_at = None
        return moved(one, *self.put_everything_right(one.person))

    def judge(self, command: Judge) -> tuple[Any, ...]:
        one = self.by_id.get(command.settlement)
        if one is None:
            return ("settlement.unknown",)
        if not one.provisional or one.state not in ("offered", "confirmed"):
            return ("judgement.not_open",)
        one.provisional = False
        one.row["preexisting"] = "1" if command.preexisting else "0"
        self.fold_again()
        return moved(one, *self.put_everything_right(one.person))

    # ── folding and money ────────────────────────────────────────────────────────────────────────────────────────────

    def known(self, person: int, command: Settle) -> dict[str, Any]:
        """A message with what the programme knows of the visit."""
        row = {name: value for name, value in command.row.items() if name not in OURS and name not in PERSONAL}
        grade, designated, here = _HOSPITALS[command.hospital]
        if admitted := str(row.get("begndate") or row.get("setl_time") or "")[:10]:
            row["admitted_on"] = str(min(date.fromisoformat(admitted), self.visits.get((person, str(row.get("mdtrt_id") or "")), date.max)))
        row |= {"place": "local" if here else "unregistered", "designated_hospital": "1" if designated else "0", "basic_insurance_here": "1",
                "hosp_lv": str(grade)}
        return row | ({"history_dise": self.past[person]} if person in self.past else {})

    def row_for(self, policy: Policy, row: Mapping[str, Any], others: int) -> dict[str, Any]:
        seen = {**row, **policy.known, **({"other_insurance_pay": plain_yuan(others)} if others else {})}
        if self.folds[policy.whose].plan.plan.visit_counts_at == "admission" and row.get("admitted_on"):
            seen["begndate"] = row["admitted_on"]
        return seen

    def event(self, policy: Policy, row: Mapping[str, Any], lines: Sequence[Row], others: int) -> Settlement | Refusal:
        """The bill as one policy folds it, what its lines are about hidden where accumulators tell."""
        plan = self.folds[policy.whose].plan
        said = fen(str(row["other_insurance_pay"])) if row.get("other_insurance_pay") else 0
        clean = [{name: value for name, value in line.items() if name not in OURS and name not in PERSONAL} for line in lines]
        event = read(plan, self.row_for(policy, row, said + others if others else 0), clean,
                     acct_inside_fund=self.city.scheme.acct_pay_counted == "inside-fund")
        assert not isinstance(event, Reversal)
        if isinstance(event, Refusal) or "item" not in {*(cap.per for cap in plan.plan.caps), *(limit.per for limit in plan.plan.limits)}:
            return event
        return replace(event, parts=tuple(
            replace(part, item=blind_index(INDEX_KEY, self.city.code, "item", part.item).hex()) for part in event.parts))

    def end(self, one: One, how: str, at: datetime) -> None:
        one.state, one.provisional = how, False
        self.standing.remove(one)
        for pays in one.pays:
            self.folds[pays.policy.whose].accept(Reversal(f"taken back {one.setl_id}", one.command.psn_no, one.setl_id))
            pays.posted = pays.to_person = pays.less_due = 0
        self.fold_again()
        if any(pays.target != (pays.posted if other.state == "confirmed" else pays.offered)
               for other in self.companions(one.person) for pays in other.pays):
            one.adjust_at = at + timedelta(days=DESK.wait_days)

    def fold_again(self) -> None:
        """The survivors, each policy after the one before it: what others pay is what they would pay now."""
        for place in range(max((len(one.pays) for one in self.standing), default=0)):
            for one in self.standing:
                if place < len(one.pays):
                    pays = one.pays[place]
                    event = self.event(pays.policy, one.row, one.command.lines, sum(before.target for before in one.pays[:place]))
                    assert isinstance(event, Settlement)
                    pays.entry.event = event
            for fold in self.folds.values():
                fold._fold_again()

    def companions(self, person: int) -> list[One]:
        """What stands of a person, and of whom they share a household's accumulators with."""
        shared = {policy.whose for policy in self.policies[person]}
        return [one for one in self.standing if any(policy.whose in shared for policy in self.policies[one.person])]

    def waiting(self) -> list[One]:
        return [one for one in self.taken.values() if one.adjust_at is not None]

    def owe(self, one: One) -> None:
        for pays in one.pays:
            pays.posted = pays.offered
            pays.to_person = pays.offered if one.payee == "person" else 0

    def put_right_alone(self, one: One) -> None:
        """What was offered, owed now: right at once, unless something before it still waits."""
        shared = {policy.whose for policy in self.policies[one.person]}
        if not any(policy.whose in shared for other in self.waiting() for policy in self.policies[other.person]):
            self.put_right(one)

    def put_right(self, one: One) -> tuple[int, int]:
        more = less = 0
        for pays in one.pays:
            due = pays.target - pays.posted
            pays.posted += max(0, due)
            pays.to_person += max(0, due)
            pays.less_due = max(0, -due)
            more, less = more + max(0, due), less + max(0, -due)
        return more, less

    def put_everything_right(self, person: int) -> tuple[int, int]:
        done = [self.put_right(one) for one in self.companions(person) if one.state == "confirmed"]
        return sum(more for more, _ in done), sum(less for _, less in done)


# ── answers as the model gives them ──────────────────────────────────────────────────────────────────────────────────

def figures(answer: Answer) -> tuple[Any, ...]:
    """The outcome and what it is about: a settlement's number and payment, or how a settlement stands now."""
    if answer.outcome != DONE:
        return (answer.outcome,)
    said = json.loads(answer.body)
    if "posted_fen" in said:
        return (DONE, said["state"], said["pay_fen"], said["posted_fen"], said.get("more_due_fen", 0), said.get("less_due_fen", 0))
    return (DONE, said["settlement"], said["pay_fen"])


def moved(one: One, more: int = 0, less: int = 0) -> tuple[Any, ...]:
    return (DONE, one.state, one.pay, one.posted, more, less)
