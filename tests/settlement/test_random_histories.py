"""Random bills, confirmations, withdrawals, reversals, judgements and waits on the real database, against the fold of the same events.

Of each history: every answer, every payment benefit by benefit, every accumulator, the books, payouts and cases are the model's; a
second family lives the same history in batches of one, and is told the same; then everything is taken back, and nothing is left.

`./test` runs some dozens; HUIBAO_LONG=1 ./test -k random_histories many more, and longer ones.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from huibao.benefits import loading
from huibao.benefits.model import Plan
from huibao.benefits.reading import LINE_AMOUNTS
from huibao.core.money import plain_yuan
from huibao.core.tomlfile import FileRefused
from huibao.policies.numbers import read_settlement
from huibao.record.model import DONE, Answer
from huibao.settlement.model import Adjust, Command, Confirm, Judge, Settle, Way, Withdraw
from tests import books
from tests.benefits.random_plans import Draw, drawn, plan_text
from tests.books import DAY, City, Someone, another, owner, put_on_sale, rows, verify
from tests.settlement.histories import World, figures
from tests.settlement.rounds import insure
from tests.settlement.stored import same_as_stored, stored_accumulators
from tests.settlement.ward import BILLED, Ward, bill, reversal

#: A family, and the twins who live the same history one command at a time.
FAMILY, TWINS = (1, 2, 3), (11, 12, 13)
PEOPLE: Final = tuple(
    Someone(id, born, personal="5000", kin=f"{first + 1} 父母 账户；{first + 2} 子女 账户" if id == first else "")
    for first in (1, 11) for id, born in zip(range(first, first + 3), ("1985-06-15", "1957-10-08", "2012-09-01"), strict=True))
#: Who agreed to be paid without an application; what was found of earlier diagnoses.
AGREED: Final = (1, 11, 2, 12)
PAST: Final = {1: "C34.1;I10", 11: "C34.1;I10", 2: "none", 12: "none"}
HOSPITALS: Final = ("H1", "H1", "H2", "H3", "H9")
KINDS: Final = ("settle",) * 7 + ("again", "confirm", "confirm", "confirm", "withdraw", "reverse", "reverse", "adjust", "adjust", "judge")


@dataclass(frozen=True, slots=True)
class Step:
    """One command as drawn: `who` of the family, the `which`-th settlement there is, a bill of these amounts and dates."""

    kind: str
    who: int
    which: int
    odd: int
    bill: Mapping[str, Any]
    lines: Sequence[dict[str, Any]]
    hospital: str


#: Hours since the batch before, and the batch.
Batches = list[tuple[int, list[Step]]]
Told = tuple[Any, ...]
NOBODYS: Final = 987_654_321


# ── drawing ──────────────────────────────────────────────────────────────────────────────────────────────────────────

def edges(plan: Plan) -> list[int]:
    """Amounts in fen on which a plan turns."""
    found = {amount.fen for amount in (*(d.amount for d in plan.deductibles), *(cap.amount for cap in plan.caps))}
    found |= {band.above_fen for benefit in plan.benefits for band in benefit.bands}
    return sorted(fen for fen in found if fen) or [100_000]


def near(d: Draw, turns: Sequence[int]) -> int:
    """Fen: nothing, hardly anything, just about an edge, or anything up to twice of one."""
    edge = d.one(turns)
    return max(0, d.whole(*d.one([(0, 0), (0, 0), (1, 99), (edge - 2, edge + 2), (1, edge), (1, 2 * edge)])))


def drawn_bill(d: Draw, plan: Plan) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What `ward.bill` is asked for, and the lines: now and then of a stay that was settled before, late, or not covered at all."""
    parts = {name: near(d, edges(plan)) for name in ("in_scope", "prepaid", "over", "self_paid")}
    fund = d.whole(0, 500_000) if d.chance(3) else 0
    admitted = BILLED.date() - timedelta(d.whole(0, d.one([10, 30, 60])))
    asked: dict[str, Any] = {name: plain_yuan(fen) for name, fen in parts.items()} | {
        "fund": plain_yuan(fund), "med_type": d.one(["21", "21", "21", "22", "11"]), "diagnosis": d.one(["J18.900", "C34.900", "I21.000"]),
        "begin": admitted, "end": admitted + timedelta(d.whole(0, 20)), "at": BILLED - timedelta(days=d.whole(0, 45)), "visit": f"V{d.whole(0, 5)}"}
    if d.chance(2):
        aid = d.whole(0, fund)
        asked |= {"maf_pay": plain_yuan(aid), "hifp_pay": plain_yuan(fund - aid)}
    if d.chance(1):
        asked["other_insurance_pay"] = plain_yuan(d.whole(0, sum(parts.values())))
    if d.chance(1):
        asked["psn_part_amt"] = "0.01"          # a bill that does not add up
    left, lines = [parts["in_scope"] + fund, parts["prepaid"], parts["over"], parts["self_paid"]], []
    codes = [code for codes in plan.lists.values() for code in codes] + ["X3"]
    for n in range(d.whole(1, 3) if d.chance(3) else 0):
        taken = [d.whole(0, fen) for fen in left]
        left = [fen - of_line for fen, of_line in zip(left, taken, strict=True)]
        lines.append(dict(zip(LINE_AMOUNTS, map(plain_yuan, taken), strict=True)) | {
            "feedetl_sn": str(n + 1), "med_list_codg": d.one(codes), "list_type": d.one(["", "101", "201", "301"]), "chrgitm_lv": d.one(["01", "03"]),
            "cnt": d.one(["1", "2.5"]), "innovative": d.one(["", "1"])})
    return asked, lines


def drawn_batches(d: Draw, plan: Plan, most: int) -> Batches:
    """Batches of up to six commands; a third of them are some hours apart, some longer than the wait after a reversal."""
    batches: Batches = []
    for _ in range(d.whole(1, most)):
        steps = []
        for _ in range(d.whole(1, 6)):
            kind = d.one(KINDS)
            asked, lines = drawn_bill(d, plan) if kind == "settle" else ({}, [])
            steps.append(Step(kind, d.whole(0, 2), d.whole(0, 9), d.whole(0, 9), asked, lines, d.one(HOSPITALS)))
        batches.append((d.one([0, 0, 1, 30, 80]), steps))
    return batches


@st.composite
def batches_of(draw: st.DrawFn, plan: str, most: int) -> Batches:
    return drawn_batches(drawn(draw), loading.builtin(plan), most)


@st.composite
def plans_and_batches(draw: st.DrawFn, most: int) -> tuple[Plan, Batches]:
    d = drawn(draw)
    text = plan_text(d).replace("valid = { from = 2025-01-01, to = 2025-12-31 }", "valid = { from = 2026-01-01, to = 2026-12-31 }")
    try:
        plan = loading.load_text("random.toml", text)
    except FileRefused:
        assume(False)
    return plan, drawn_batches(d, plan, most)


# ── living ───────────────────────────────────────────────────────────────────────────────────────────────────────────

@dataclass
class Life:
    """One family's way through a history: what it was asked for and told, under names of its own."""

    city: City
    people: tuple[int, ...]
    letter: str
    bills: list[Settle] = field(default_factory=list)
    ids: dict[str, int] = field(default_factory=dict)
    pays: dict[str, int] = field(default_factory=dict)
    told: list[Told] = field(default_factory=list)

    def command(self, step: Step, number: int) -> Command:
        if step.kind == "settle":
            way: Way = "feed" if step.hospital == "H9" or step.odd == 0 else "desk" if step.odd < 8 else "file"
            asked = dict(step.bill) | {"visit": f"{step.bill['visit']}-{self.letter}{step.who}"}
            self.bills.append(bill(self.people[step.who], f"{self.letter}{number}", hospital=step.hospital, way=way, city=self.city,
                                   lines=step.lines, **asked))
            return self.bills[-1]
        made = self.bills[step.which % len(self.bills)] if self.bills else None
        setl_id = made.setl_id if made else "nothing"
        id, pay = self.ids.get(setl_id, NOBODYS), self.pays.get(setl_id, 0)
        match step.kind:
            case "again" if made:
                return replace(made, row={**made.row, "medfee_sumamt": "0.01"}) if step.odd == 0 else replace(made, way="file")
            case "confirm":
                return Confirm(7, id, pay + (step.odd == 0), "H3" if step.odd == 1 else None)
            case "withdraw":
                return Withdraw(7, id, stands=step.odd % 2 == 0)
            case "adjust":
                return Adjust(7, id)
            case "judge":
                return Judge(7, id, step.odd % 2 == 0, "病历")
            case _:
                hospital = made.hospital if made and step.odd != 1 else "H3"
                return reversal(f"{self.letter}R{step.which if step.odd == 2 else number}", f"{setl_id}?" if step.odd == 0 else setl_id, hospital)

    def hear(self, command: Command, answer: Answer) -> None:
        """Remembers an answer, as it is but for its numbers."""
        said = json.loads(answer.body)
        if answer.outcome == DONE and isinstance(command, Settle):
            self.ids[command.setl_id], self.pays[command.setl_id] = number_of(self.city, said["settlement"]), said["pay_fen"]
            self.told.append(("settled", said["pay_fen"], [policy["benefits"] for policy in said["policies"]], said["person_left_fen"]))
        else:
            self.told.append((*figures(answer), said.get("figures") if answer.outcome != DONE and "setl_id" not in said.get("figures", {}) else None))


def number_of(city: City, settlement: str) -> int:
    found = read_settlement(city.code, settlement)
    assert found is not None
    return found


def live(owner_url: str, scheme: str, plan: Plan, batches: Batches, others: Sequence[Plan] = ()) -> None:
    """A history in a new city: the family's in batches, the twins' one by one, both against the model; then all of it taken back.

    The oracle looks at the hour of the first batch: nobody here asks hospitals whose time to confirm is over.
    """
    city = books.small_city(books.founder(owner_url), scheme, PEOPLE, plan=plan)
    with owner(city) as connection:
        for other in others:
            put_on_sale(city, connection, other)
    for sold in (plan, *others):
        insure(city, FAMILY, TWINS, product=sold.id)
    with Ward(city) as ward:
        for person in AGREED:
            ward.agrees(person)
        for person, codes in PAST.items():
            ward.looked_back(person, codes)
        world, family, twins = World(city, (plan, *others), frozenset(AGREED), PAST), Life(city, FAMILY, "S"), Life(city, TWINS, "T")
        at = BILLED
        for place, (hours, steps) in enumerate(batches):
            at += timedelta(hours=hours)
            commands = [family.command(step, 10 * place + n) for n, step in enumerate(steps)]
            for command, answer in zip(commands, ward.run(*commands, at=at), strict=True):
                world.take(command, answer, at)
                family.hear(command, answer)
            for command in [twins.command(step, 10 * place + n) for n, step in enumerate(steps)]:
                [answer] = ward.run(command, at=at)
                world.take(command, answer, at)
                twins.hear(command, answer)
            assert family.told == twins.told
        same_as_stored(world)
        assert verify(city, BILLED) == []
        nothing_is_left(ward, world, at)
    assert verify(city, BILLED) == []


def nothing_is_left(ward: Ward, world: World, at: datetime) -> None:
    """Everything is taken back: what was posted is posted back to the fen, and no accumulator holds anything."""
    back = [reversal(f"back-{one.setl_id}", one.setl_id, one.command.hospital) for one in world.standing]
    if back:
        for command, answer in zip(back, ward.run(*back, at=at), strict=True):
            world.take(command, answer, at)
    same_as_stored(world)
    assert stored_accumulators(world) == {}
    kinds = "('claims', 'claimant', 'hospital')"
    assert rows(world.city, f"SELECT kind, party FROM account WHERE kind IN {kinds} AND credit_fen <> debit_fen") == []  # noqa: S608
    assert rows(world.city, "SELECT * FROM payment WHERE posted_fen <> 0 OR target_fen <> 0") == []


# ── trying ───────────────────────────────────────────────────────────────────────────────────────────────────────────

#: Every change the same examples, found without a search for smaller ones, which takes minutes; the long runs search.
some = settings(max_examples=10, derandomize=True, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
many = settings(max_examples=2000, suppress_health_check=list(HealthCheck))
BUILTIN: Final = [("xizang", "xizang-example-2026"), ("liuzhou", "liuzhou-example-2026"), ("jilin", "jilin-example-2026"),
                  ("shenyang", "shenyang-example-2026"), ("xizang", "example-2026")]


@pytest.mark.clause("LZ-10")
@pytest.mark.parametrize(("scheme", "plan"), BUILTIN)
@some
@given(data=st.data())
def test_a_history_is_its_fold(owner_url: str, scheme: str, plan: str, data: st.DataObject) -> None:
    live(owner_url, scheme, loading.builtin(plan), data.draw(batches_of(plan, 6)))


@pytest.mark.long
@pytest.mark.parametrize(("scheme", "plan"), BUILTIN)
@many
@given(data=st.data())
def test_a_history_is_its_fold_for_long(owner_url: str, scheme: str, plan: str, data: st.DataObject) -> None:
    live(owner_url, scheme, loading.builtin(plan), data.draw(batches_of(plan, 25)))


@settings(some, max_examples=25)
@given(drawn=plans_and_batches(6))
def test_a_history_under_any_plan_is_its_fold(owner_url: str, drawn: tuple[Plan, Batches]) -> None:
    live(owner_url, "xizang", *drawn)


@pytest.mark.long
@many
@given(drawn=plans_and_batches(20))
def test_a_history_under_any_plan_is_its_fold_for_long(owner_url: str, drawn: tuple[Plan, Batches]) -> None:
    live(owner_url, "xizang", *drawn)


@some
@given(batches=batches_of("xizang-example-2026", 6))
def test_two_policies_pay_one_after_the_other(owner_url: str, batches: Batches) -> None:
    first = loading.builtin("xizang-example-2026")
    live(owner_url, "xizang", first, batches, [another(first, "xizang-second")])


# ── what random histories find rarely ────────────────────────────────────────────────────────────────────────────────

def steps(*kinds: tuple[str, Mapping[str, Any]]) -> list[Step]:
    """Steps of the first of the family, about the first bill unless said: `odd` 8 is the file, 0 the feed."""
    return [Step(kind, 0, more.get("which", 0), more.get("odd", 5), {"visit": "V0", **more.get("bill", {})}, (), "H1") for kind, more in kinds]


BIG: Final = {"bill": {"self_paid": "30000"}}
NEXT: Final = {"bill": {"self_paid": "30000", "visit": "V1"}}
#: Two that the year's cap of accidents does not hold together.
ACCIDENT: Final = {"bill": {"self_paid": "20000", "med_type": "22"}}
AGAIN: Final = {"bill": {"self_paid": "20000", "med_type": "22", "visit": "V1"}}
#: Days of admission in the waiting period and after it.
EARLY, LATE = DAY.date() + timedelta(5), BILLED.date()
CASES: Final[list[tuple[str, Batches]]] = [
    ("settled by the feed and reversed in one batch: its payout leaves nobody",
     [(0, steps(("settle", {**BIG, "odd": 0}), ("reverse", {})))]),
    ("provisional and reversed in one batch: its case is closed",
     [(0, steps(("settle", BIG), ("reverse", {})))]),
    ("settled, followed and reversed in one batch: what followed waits, and is put right when the wait is over",
     [(0, steps(("settle", BIG), ("settle", NEXT), ("reverse", {}))), (0, steps(("confirm", {"which": 1}))), (80, steps(("adjust", {})))]),
    ("withdrawn for the person, then reversed, in one batch",
     [(0, steps(("settle", BIG))), (0, steps(("withdraw", {"odd": 2}), ("reverse", {})))]),
    ("put right for the person, then reversed, in one batch: the person's part goes back the person's way",
     [(0, steps(("settle", ACCIDENT), ("settle", AGAIN))), (0, steps(("confirm", {"which": 1}))), (0, steps(("reverse", {"which": 0}))),
      (80, steps(("adjust", {"which": 0}), ("reverse", {"which": 1})))]),
    ("withdrawn for the person when nobody waits any more for what came before it: paid what is right now",
     [(0, steps(("settle", BIG), ("settle", NEXT))), (0, steps(("reverse", {"which": 0}))), (80, steps(("adjust", {"which": 0}))),
      (0, steps(("withdraw", {"which": 1, "odd": 2})))]),
    ("confirmed when nobody waits any more",
     [(0, steps(("settle", BIG), ("settle", NEXT))), (0, steps(("reverse", {"which": 0}))), (80, steps(("adjust", {"which": 0}))),
      (0, steps(("confirm", {"which": 1})))]),
    ("interim settlements of one stay, in one batch, told in another order than that of its days",
     [(0, steps(*(("settle", {"bill": {"self_paid": "9000", "begin": begin}}) for begin in (LATE, EARLY, LATE))))]),
]


@pytest.mark.parametrize("batches", [pytest.param(batches, id=name) for name, batches in CASES])
def test_a_history_that_few_draw(owner_url: str, batches: Batches) -> None:
    live(owner_url, "xizang", loading.builtin("xizang-example-2026"), batches)
