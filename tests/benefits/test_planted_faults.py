"""A fault planted in any step is noticed by comparing the desk with the columns: each row below is one, and must be caught.

Plans and histories come from fixed seeds, in a province that counts the account's part inside the funds' sum. Both answers
are taken before a fault is planted. Where desk and columns share code (the terms, the facts) a fault in it would be in both:
there the row only shows that the histories reach the step, and known answers elsewhere say what is right.
"""

import importlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from functools import cache, partial
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, Final, NamedTuple
from unittest import mock

import numba
import numpy as np
import pytest

from huibao.benefits import kernel, kernel_plain, loading, prepare
from huibao.benefits.columns import ColumnFold
from huibao.benefits.model import Plan
from huibao.benefits.reading import read
from huibao.core.tomlfile import FileRefused
from tests.benefits import both
from tests.benefits.both import Figures
from tests.benefits.random_plans import Row, history_rows, plan_text, seeded

SEEDS: Final = range(1000)

#: What chance seldom brings: half a stay inside the cover of a plan that pays before medical aid, which leaves the person
#: 2000 of 10000. Half of both counts: 5000 in scope, of which 1000 is left to be paid.
BEFORE_AID: Final = """
syntax = 1
id = "before-aid"
name = "先于医疗救助"
kind = "medical"
status = "example"
valid = { from = 2025-01-01, to = 2025-12-31 }
visit_counts_at = "split"
sources = []
before = ["maf_pay"]
premium = { yuan = 99 }
[[benefit]]
id = "in-scope"
name = "医保范围内自付"
base = "in_scope_self_pay"
ratio = "100%"
"""
HALF_A_STAY: Final = {"household_id": "户", "psn_no": "人", "setl_id": "S1", "begndate": "2025-12-31", "enddate": "2026-01-01",
                      "inscp_scp_amt": "10000", "fund_pay_sumamt": "8000", "maf_pay": "8000", "psn_part_amt": "2000"}


Answer = list[tuple[str, Figures]]


class Case(NamedTuple):
    """A plan, a history, and what is right, as desk and columns say it."""

    plan: Plan
    rows: list[Row]
    right: Answer


class Fault(NamedTuple):
    """What breaks: a step, and in a module the words that do it with what stands there instead."""

    step: str
    module: str
    right: str
    wrong: str


def by_desk(plan: Plan, rows: list[Row]) -> Answer:
    with mock.patch.object(both, "read", partial(read, acct_inside_fund=True)):
        return both.by_desk(plan, rows)


def by_columns(plan: Plan, rows: list[Row]) -> Answer:
    with mock.patch.object(both, "ColumnFold", partial(ColumnFold, acct_inside_fund=True)), np.errstate(over="ignore"):
        return both.by_columns(plan, rows)


@cache
def cases() -> tuple[Case, ...]:
    found = [Case(loading.load_text("before-aid.toml", BEFORE_AID), [HALF_A_STAY],
                  [("settled", ((500_000, 0, 500_000, 100_000, 100_000, 100_000),))])]
    for seed in SEEDS:
        d = seeded(seed)
        try:
            plan = loading.load_text(f"{seed}.toml", plan_text(d))
        except FileRefused:
            continue
        rows = history_rows(d, acct_inside_fund=True)
        rows = rows if plan.household else sorted(rows, key=lambda row: str(row["psn_no"]))
        right = by_columns(plan, rows)
        assert by_desk(plan, rows) == right, f"seed {seed}"
        found.append(Case(plan, rows, right))
    return tuple(found)


def caught(answer: Callable[[Plan, list[Row]], Answer]) -> bool:
    """Whether any case is answered otherwise than it is right."""
    return any(answer(case.plan, case.rows) != case.right for case in cases())


# ── planting ─────────────────────────────────────────────────────────────────────────────────────────────────────────

def faulty(fault: Fault, *, interpreted: bool = False) -> tuple[ModuleType, dict[str, Any]]:
    """A module, and what its source means with the fault in it; `interpreted` leaves its kernels uncompiled."""
    module = importlib.import_module(f"huibao.benefits.{fault.module}")
    file = str(module.__file__)
    source = Path(file).read_text("utf-8")
    assert source.count(fault.right) == 1, "the words must stand in the module exactly once"
    source = source.replace(fault.right, fault.wrong)
    meaning: dict[str, Any] = {"__name__": module.__name__}
    with mock.patch.object(numba, "njit", uncompiled) if interpreted else nullcontext():
        exec(compile(source, file, "exec"), meaning)  # noqa: S102 - our own source
    return module, meaning


def uncompiled(*functions: Callable[..., object], **_: object) -> Callable[..., object]:
    """`numba.njit` that compiles nothing, bare or with options."""
    return functions[0] if functions else lambda function: function


def functions(meaning: Mapping[str, Any], module: str, within: str = "") -> Iterator[tuple[str, FunctionType]]:
    """Every function and method that a module defines, by its dotted name."""
    for name, value in meaning.items():
        plain = value.__func__ if isinstance(value, staticmethod) else value
        if isinstance(plain, FunctionType) and plain.__module__ == module:
            yield within + name, plain
        elif isinstance(plain, type) and plain.__module__ == module:
            yield from functions(vars(plain), module, f"{within}{name}.")


def plant_in_desk(fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gives the functions that the fault changes their changed code; whoever holds them now runs it."""
    module, meaning = faulty(fault)
    wrong = dict(functions(meaning, module.__name__))
    whole = functions(vars(module), module.__name__)
    changed = [(right, wrong[name].__code__) for name, right in whole if right.__code__ != wrong[name].__code__]
    assert changed
    for right, code in changed:
        monkeypatch.setattr(right, "__code__", code)


def plant_in_columns(fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts the kernels of a module, with the fault and interpreted, where the compiled ones are used."""
    module, meaning = faulty(fault, interpreted=True)
    for name, compiled in list(vars(module).items()):
        if hasattr(compiled, "py_func"):
            for user in (kernel, kernel_plain, prepare):
                if getattr(user, name, None) is compiled:
                    monkeypatch.setattr(user, name, meaning[name])


def test_the_histories_reach_every_outcome() -> None:
    assert {status for case in cases() for status, _ in case.right} == {
        "settled", "reversed", "reversal", "reversal.original_unknown", "reversal.already_reversed", "reversal.amounts_differ",
        "settlement.duplicate", "policy.facts_differ", "settlement.field_unreadable", "settlement.negative_without_original",
        "settlement.buckets_differ_from_person_part", "settlement.parts_differ_from_total", "settlement.person_part_differs",
        "settlement.line_without_bill"}


@pytest.mark.parametrize("module", ["kernel", "kernel_plain", "prepare"])
def test_interpreted_kernels_without_a_fault_answer_rightly(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plant_in_columns(Fault("none", module, "import numpy as np\n", "import numpy as np\n"), monkeypatch)
    assert [case.rows for case in cases()[:60] if by_columns(case.plan, case.rows) != case.right] == []


# ── faults of the desk ───────────────────────────────────────────────────────────────────────────────────────────────

DESK: Final = [
    Fault("weights", "fold", "exact += weights[k] * part.amounts[k]", "exact += money.WHOLE * part.amounts[k]"),
    Fault("cost rounded once", "fold", "                placed = upto\n                burden",
          "                exact = placed = 0\n                burden"),
    Fault("cost held to the burden", "fold", "cost = min(upto - placed, burden)", "cost = upto - placed"),
    Fault("parts in the plan's order", "fold", "key=lambda part: part.terms.rank[b]", "key=lambda part: 0"),
    Fault("limit per unit", "fold", "money.half_up(most * part.units)", "most"),
    Fault("limit per item or visit", "fold", "self.of(limit.per, part))", '"")'),
    Fault("limit remembers", "fold", "within = min(most, before + cost) - min(most, before)", "within = min(most, cost)"),
    Fault("limit of one person", "fold", "key = (EXPENSE, n, self.bill.psn_no,", 'key = (EXPENSE, n, "",'),
    Fault("visits are told apart", "fold", 'return self.bill.mdtrt_id if per == "visit"',
          'return self.bill.setl_id if per == "visit"'),
    Fault("items are told apart", "fold", 'part.item if per == "item" else ""', '""'),
    Fault("deductible of a visit", "fold", 'self.bill.mdtrt_id if item.per == "visit" else "")', '"")'),
    Fault("deductible of a household", "fold", '"" if item.scope == "household" else', '"" if False else'),
    Fault("deductible sees all cost", "fold", "self.moved[key] = seen[d] = reached + total",
          "self.moved[key] = seen[d] = reached + taken"),
    Fault("feeds the outer deductible", "fold", "reached += entry.fed", "reached += 0"),
    Fault("feeds only where said", "fold", "            if feeds:", "            if True:"),
    Fault("used up in proportion", "fold", "if proportion else _in_order", "if False else _in_order"),
    Fault("used up as listed", "fold", "if proportion else _in_order", "if sum(rests) else _in_order"),
    Fault("bands from zero", "fold", "at = seen[self.plan.axis[b]] - covered", "at = seen[self.plan.axis[b]]"),
    Fault("bands remember", "fold", "self.moved[key] = at + covered", "self.moved[key] = at"),
    Fault("bands of a visit", "fold", 'if self.plan.plan.benefits[b].bands_per == "visit" else ""', 'if False else ""'),
    Fault("flat amount once", "fold", "if band.flat_fen and start <= band.above_fen:", "if band.flat_fen:"),
    Fault("half up", "fold", "exact += part\n            upto = money.half_up(exact)",
          "exact += part\n            upto = exact // money.WHOLE"),
    Fault("payment rounded once", "fold", "            placed = upto\n            room",
          "            exact = placed = 0\n            room"),
    Fault("flat amount held to the cost", "fold", "room = whole = min(left, sum(entry.cost for entry in entries))", "room = whole = left"),
    Fault("payment held to what is left", "fold", "room = whole = min(left, sum(", "room = whole = max(0, sum("),
    Fault("benefits share what is left", "fold", "left -= pay", "left -= 0"),
    Fault("cap remembers", "fold", "self.moved[key] = before + payable", "self.moved[key] = payable"),
    Fault("cap of a household", "fold", '"" if cap.scope == "household" else', '"" if False else'),
    Fault("cap of one person", "fold", '"" if cap.scope == "household" else self.bill.psn_no', '""'),
    Fault("cap of an item or visit", "fold", "self.of(cap.per, entries[0].part), total)", '"", total)'),

    Fault("reversal negates what was stored", "history", "negated(original.posted, -1)",
          "negated(settle(self.plan, self.used, original.event)[0], -1)"),
    Fault("reversal folds again", "history", "self._fold_again()", "pass"),
    Fault("folding again from nothing", "history", "self.used.clear()", "pass"),
    Fault("folding again without the reversed", "history", "if entry.status == SETTLED and",
          "if entry.status != REVERSAL and entry.posted and"),
    Fault("target of the reversed", "history", "original.target = negated(original.posted, 0)",
          "original.target = original.posted"),
    Fault("duplicates", "history", "if (bill.psn_no, bill.setl_id) in self._live:", "if False:"),
    Fault("facts frozen at inception", "history", "self._frozen.setdefault((bill.psn_no, bill.version), bill.frozen) != bill.frozen", "False"),
    Fault("reversed twice", "history", "if original.status == REVERSED:", "if False:"),
    Fault("reversal of a reversal", "history", "if original is None or isinstance(original.event, Reversal):",
          "if original is None:"),
    Fault("reversal of other amounts", "history", "if event.person_fen not in (None, original.event.person_fen):", "if False:"),

    Fault("first benefit that matches", "terms", "free = [k for k in free if k not in taken]", "free = list(free)"),
    Fault("deductibles inner to outer", "terms", "key=lambda d: _depth(plan.deductibles[d])",
          "key=lambda d: _depth(plan.deductibles[d]), reverse=True"),
    Fault("caps inner to outer", "terms", "key=lambda c: _depth(plan.caps[c])",
          "key=lambda c: _depth(plan.caps[c]), reverse=True"),
    Fault("visit before year", "terms", '("item", "unit", "visit", "year").index', '("item", "unit", "year", "visit").index'),
    Fault("best deductible", "terms", "_amount(compiled, item.amount, bits, min)", "_amount(compiled, item.amount, bits, max)"),
    Fault("first edge where the deductible ends", "terms", "replace(bands[0], above_fen=first_edge)", "bands[0]"),
    Fault("first or last", "terms", 'return values[-1] if when_both == "last" else values[0]', "return values[0]"),
    Fault("best ratio", "terms", "[max(of_band) for of_band", "[of_band[0] for of_band"),
    Fault("a share of the ratio", "terms", "band.ratio * factor // money.WHOLE", "band.ratio"),
    Fault("points held to 0 and 100%", "terms", "max(0, min(money.WHOLE, band.ratio + more))", "max(0, band.ratio + more)"),
    Fault("not in the period of cover", "terms", "if bits & OUTSIDE:", "if False:"),
    Fault("excluded", "terms", "if compiled.true(exclusion.condition, bits):", "if False:"),

    Fault("account inside the funds' sum", "buckets", "(account if acct_inside_fund else 0)", "0"),
    Fault("in scope after the hospital", "buckets", "in_scope = inscp - fund - hospital", "in_scope = inscp - fund"),
    Fault("over the limit absorbs first", "buckets", "from_over = min(over, short)\n    from_pre = min(pre, short - from_over)",
          "from_pre = min(pre, short)\n    from_over = min(over, short - from_pre)"),
    Fault("nothing below zero", "buckets", "short = max(0, -in_scope)", "short = 0"),
    Fault("parts that do not add up", "buckets", "if person is not None and sum(parts) != person:", "if False:"),
    Fault("account and cash", "buckets", "account + cash\n", "cash\n"),

    Fault("last day of cover", "reading", "int(start <= deciding_date(plan, row) <= end)",
          "int(start <= deciding_date(plan, row) < end)"),
    Fault("first day of cover", "reading", "int(start <= deciding_date(plan, row) <= end)",
          "int(start < deciding_date(plan, row) <= end)"),
    Fault("the date that decides", "reading", '"discharge": "enddate"', '"discharge": "begndate"'),
    Fault("last day of the waiting period", "reading", "(deciding_date(plan, row) - cover(plan, row)[0]).days)",
          "(deciding_date(plan, row) - cover(plan, row)[0]).days + 1)"),
    Fault("days of a stay", "reading", "(min(last, end) - max(first, start)).days + 1",
          "(min(last, end) - max(first, start)).days"),
    Fault("tail of a stay", "reading", "end += timedelta(days=plan.tail_days)", "end += timedelta(days=0)"),
    Fault("no tail for a later visit", "reading", "if plan.tail_days and first <= end and not renewed", "if plan.tail_days and not renewed"),
    Fault("no tail where renewed", "reading", "if plan.tail_days and first <= end and not renewed", "if plan.tail_days and first <= end"),
    Fault("no tail where cover ended early", "reading", "not renewed and end >= plan.valid_to:", "not renewed:"),
    Fault("days of what is left", "reading", "left = min(burden, money.half_up(left * inside, days))",
          "left = min(burden, left)"),
    Fault("unknown pre-existing illness is none", "reading",
          "if defined is None or not past or not diagnosis:\n        return None",
          "if defined is None or not past or not diagnosis:\n        return False"),
    Fault("looked and found nothing", "reading", 'codes = [] if past == "none" else',
          'codes = [diagnosis] if past == "none" else'),
    Fault("accident by type of care", "reading", "startswith(_ACCIDENT_CARE) or None", "startswith(()) or None"),
    Fault("lines share in proportion", "reading", "money.apportion(held[k], stated) if any(stated) else",
          "money.apportion(held[k], stated) if False else"),
    Fault("before another payer", "reading", "None if stated is None else stated + sum(before.values())", "stated"),
    Fault("the other payer's part", "reading", "person = max(0, found.person_fen - sum(before.values()))",
          "person = found.person_fen"),
    Fault("after another insurer", "reading", "max(0, burden - other), max(0, left - other)", "burden, left"),
]


@pytest.mark.parametrize("fault", DESK, ids=lambda fault: fault.step)
def test_a_fault_of_the_desk_is_caught(fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    cases()
    plant_in_desk(fault, monkeypatch)
    assert caught(by_desk)


# ── faults of the columns ────────────────────────────────────────────────────────────────────────────────────────────

COLUMNS: Final = [
    Fault("cost held to the burden", "kernel", "cost = min(total - placed, burden)", "cost = total - placed"),
    Fault("parts in the plan's order", "kernel", "if t.rank[v, b] != rank:", "if rank > 0:"),
    Fault("limit per unit", "kernel", "min(cost, (most * bills.units[p] + 5000) // 10000)", "min(cost, most)"),
    Fault("feeds the outer deductible", "kernel", "fed += entries[_FED, b, n]", "fed += 0"),
    Fault("used up in proportion", "kernel", "if s.d_proportion[d]:", "if False:"),
    Fault("bands of a visit", "kernel", "(np.int64(bills.visit[i]) if s.b_visit[b] else np.int64(0))", "np.int64(0)"),
    Fault("flat amount once", "kernel", "if start <= low:", "if True:"),
    Fault("half up", "kernel", "total = (exact + 5000) // 10000\n        entries", "total = exact // 10000\n        entries"),
    Fault("benefits share what is left", "kernel", "left -= paid", "left -= 0"),
    Fault("cap of a household", "kernel", "<< _WHAT_BITS if s.c_person[c] else", "<< _WHAT_BITS if True else"),
    Fault("reversal negates what was stored", "kernel", "out.pay[b, i] = -out.pay[b, original]",
          "out.pay[b, i] = -out.target[b, original]"),
    Fault("reversal folds again", "kernel", "dirty = True", "dirty = False"),
    Fault("deductible, one by one", "kernel_plain", "only[i] = cost - min(cost, left)", "only[i] = cost"),
    Fault("deductible, shared", "kernel_plain", "left -= taken", "left -= 0"),
    Fault("bands", "kernel_plain", "min(end, above[v, k + 1]) - max(start, above[v, k])", "min(end, above[v, k + 1]) - start"),
    Fault("cap, shared", "kernel_plain", "used += pay[b, i]", "used += 0"),
    Fault("over the limit absorbs first", "prepare",
          "from_over = min(a[OVER], short)\n        from_pre = min(a[PRE], short - from_over)",
          "from_pre = min(a[PRE], short)\n        from_over = min(a[OVER], short - from_pre)"),
    Fault("days of a stay", "prepare", "held[k, p] = (2 * held[k, p] * covered[i] + of[i]) // (2 * of[i])",
          "held[k, p] = held[k, p] * covered[i] // of[i]"),
    Fault("lines share in proportion", "prepare", "mul_div(bucket, passed, whole) if whole else bucket", "bucket"),
    Fault("duplicates", "prepare", "status[i] = DUPLICATE", "pass"),
    Fault("reversed twice", "prepare", "elif taken[found]:", "elif False:"),
    Fault("facts frozen at inception", "prepare", "elif place[by] != frozen[i]:", "elif False:"),
]


@pytest.mark.parametrize("fault", COLUMNS, ids=lambda fault: f"{fault.module}: {fault.step}")
def test_a_fault_of_the_columns_is_caught(fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    cases()
    plant_in_columns(fault, monkeypatch)
    assert caught(by_columns)
