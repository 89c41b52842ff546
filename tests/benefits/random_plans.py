"""Random plans from the whole plan language, as text that an author could have written, and random histories for them.

Every choice is a whole number between two. Hypothesis draws them, so a failure shrinks to a small plan and a short
history; a seed draws them where many are wanted at once, the same every time.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from random import Random
from typing import Any, TypeVar

from hypothesis import strategies as st

from huibao.benefits.buckets import AMOUNTS
from huibao.benefits.model import BUCKETS

T = TypeVar("T")
Row = dict[str, Any]

#: Without these a plan or a history is plain: the columns fold it by a shorter way.
PLAIN_PLAN = ("visit", "item", "flat", "limit", "proportion", "household", "payers")
PLAIN_HISTORY = ("lines", "payers")

#: What a random plan or history can be asked to leave out.
LEAVABLE = frozenset({
    "visit",        # deductibles, bands and caps of one visit
    "item",         # caps of one item
    "flat",         # amounts due once in a band
    "limit",        # limits on expense
    "shared",       # deductibles that benefits share
    "proportion",   # deductibles that parts use up in proportion
    "days",         # stays split by days, waiting periods
    "payers",       # other programmes that pay before or after
    "lines",        # bills with lines
    "household",    # amounts that a household shares
    "careless",     # bills as careless systems send them
})

POLICY = ("years_enrolled >= 2", "healthy_years >= 3", "hardship in (destitute, subsistence-allowance)", "tier = plus",
          "age >= 60", "with_preexisting", "claim_free_years = 1 or claim_free_years >= 4", "designated")
VISIT = ("preexisting", "place in (registered, unregistered)", "hospital_grade >= 3", "diagnosis in (C00-C97, I21)", "accident",
         "not basic_insurance_here")
LINE = ("drug_list = special", "chrgitm_lv = 03", "item_kind = drug", "innovative", "negotiated_drug")


class Draw:
    """Choices with short names, all made by one that draws a whole number, and what they are to leave out."""

    def __init__(self, whole: Callable[[int, int], int], without: Sequence[str] = ()) -> None:
        assert LEAVABLE.issuperset(without)
        self.whole = whole
        self.without = without

    def leaving(self, *out: str) -> "Draw":
        """The same choices, with more left out."""
        return Draw(self.whole, (*self.without, *out))

    def one(self, options: Sequence[T]) -> T:
        return options[self.whole(0, len(options) - 1)]

    def chance(self, of_ten: int, of: str = "") -> bool:
        """So many times of ten; never where it is `of` what is left out."""
        return of not in self.without and self.whole(0, 9) < of_ten

    def some(self, options: Sequence[T], most: int) -> list[T]:
        left = list(options)
        return [left.pop(self.whole(0, len(left) - 1)) for _ in range(self.whole(0, most))]


def seeded(seed: int, *without: str) -> Draw:
    """The choices of a seed."""
    return Draw(Random(seed).randint, without)  # noqa: S311 - a test's dice


@cache
def _between(low: int, high: int) -> st.SearchStrategy[int]:
    return st.integers(low, high)


def drawn(draw: st.DrawFn, *without: str) -> Draw:
    """The choices of hypothesis."""
    return Draw(lambda low, high: draw(_between(low, high)), without)


@st.composite
def plans(draw: st.DrawFn, *without: str) -> str:
    """The text of a plan: usually it loads; where it does not, the loader said why."""
    return plan_text(drawn(draw, *without))


@st.composite
def histories(draw: st.DrawFn, *without: str, households: int = 2, bills: int = 12) -> list[Row]:
    """Rows as a file has them, in acceptance order within each household; a bill's lines follow it."""
    return history_rows(drawn(draw, *without), households, bills)


@dataclass
class Text:
    """The text of a plan while it is written."""

    lines: list[str] = field(default_factory=list)

    def say(self, line: str) -> None:
        self.lines.append(line)


def plan_text(d: Draw) -> str:
    """The text of a plan."""
    if d.chance(3):
        d = d.leaving(*PLAIN_PLAN)
    t = Text()
    household = d.chance(2, "household")
    for line in ('syntax = 1', 'id = "random"', 'name = "随机"', 'kind = "medical"', 'status = "example"', 'sources = []',
                 "valid = { from = 2025-01-01, to = 2025-12-31 }"):
        t.say(line)
    when = d.one(["admission", "discharge", "settlement"] + ["split"] * ("days" not in d.without))
    t.say(f'visit_counts_at = "{when}"')
    if when == "split" and d.chance(5):
        t.say("tail_days = 30")
    if d.chance(3, "payers"):
        t.say('before = ["maf_pay"]')
    t.say("[premium]\nyuan = 99")
    t.say('[[tier]]\nid = "base"\n[[tier]]\nid = "plus"')
    if d.chance(3, "days"):
        t.say(f"[waiting]\ndays = {d.one([14, 30, 90, d.whole(1, 90)])}" + ('\nnot_for = "accident"' if d.chance(5) else ""))
    t.say('[preexisting]\nlook_back_years = 2\n[[preexisting.group]]\nname = "肿瘤"\ndiagnosis = ["C00-C97"]')
    t.say('[[list]]\nid = "special"\ncodes = ["X1", "X2"]')
    if d.chance(3):
        t.say('[[exclusion]]\nname = "除外"\ndiagnosis = ["I21"]\nis = "severe_preexisting"')
    shared_deductible, shared_cap = d.chance(3, "shared"), d.chance(8 if household else 4)
    free = list(BUCKETS)
    count = d.whole(1, 3)
    for b in range(count):
        _benefit(d, t, b, shared_deductible and (b == 0 or d.chance(6)), free, last=b + 1 == count)
    if shared_deductible:
        most = d.one([300, 3000])
        t.say(f'[[deductible]]\nid = "共用"\nyuan = {d.whole(0, most)}\nper = "{_period(d)}"\nallocation = "{_allocation(d)}"'
              + ('\nscope = "household"' if household else ""))
        if not household and d.chance(4):
            t.say(f'[[deductible.when]]\nis = "{d.one(POLICY)}"\nyuan = {d.whole(0, 3000)}')
        elif household and d.chance(4):
            t.say(f'[[deductible.when]]\nis = "family_members >= 3"\nyuan = {d.whole(0, 3000)}')
    if shared_cap:
        t.say(f'[[cap]]\nid = "总额"\nyuan = {d.whole(0, 8000)}\nper = "year"\nover_all = true'
              + ('\nscope = "household"' if household else ""))
    return "\n".join(t.lines)


def _period(d: Draw) -> str:
    return "year" if "visit" in d.without else d.one(["year", "visit"])


def _allocation(d: Draw) -> str:
    return "listed" if "proportion" in d.without else d.one(["listed", "proportion"])


def _benefit(d: Draw, t: Text, b: int, joins: bool, free: list[str], last: bool) -> None:
    care, sometimes = d.chance(4) or (not last and len(free) == 1), d.chance(2)
    buckets = _buckets(d, b, free, always=not care and not sometimes, last=last)
    base = " + ".join(f"{d.one(['0.5 * ', '0.37 * ', '', ''])}{name}" for name in buckets)
    t.say(f'[[benefit]]\nid = "b{b}"\nname = "保障{b}"\nbase = "{base}"')
    if care:
        t.say('care = ["21", "22"]')
    if sometimes:
        t.say(f'is = "{d.one(VISIT + LINE)}"')
    t.say(f'when_both = "{d.one(["first", "last", "best"])}"')
    line_level = d.chance(4)
    deductible = _deductibles(d, t, joins, line_level)
    edges = _bands(d, t, deductible if not joins else None)
    if d.chance(5):
        item = f'{{ yuan = {d.whole(10, 2000)}, per = "item" }}, ' if d.chance(3, "item") else ""
        visit = f'{{ yuan = {d.whole(100, 4000)}, per = "visit" }}, ' if not item and d.chance(3, "visit") else ""
        t.say(f'cap = [{item}{visit}{{ yuan = {d.whole(0, 6000)}, per = "year" }}]')
    for kind in [] if "limit" in d.without else d.some(("unit", "item", "visit", "year"), 2):
        about = {"unit": "drug", "item": "drug", "visit": "material", "year": "service"}[kind]
        t.say(f'[[benefit.limit]]\nname = "{kind}"\nyuan = {d.whole(1, 3000)}\nper = "{kind}"\nis = "item_kind = {about}"')
        if kind in ("unit", "item"):
            break
    conditions = d.some(POLICY, 2) + d.some(VISIT, 1) + (d.some(LINE, 1) if line_level else [])
    for condition in conditions:
        _when(d, t, condition, edges, deductible is not None)


def _buckets(d: Draw, b: int, free: list[str], always: bool, last: bool) -> list[str]:
    """The costs of a benefit, one of them `free` of benefits that always take it; something stays free for the next."""
    buckets = d.some(BUCKETS, 4) or [BUCKETS[b]]
    if not set(buckets) & set(free):
        buckets.append(d.one(free))
    if always and not last and set(free) <= set(buckets):
        buckets = [name for name in buckets if name != free[-1]]
    if always:
        free[:] = [name for name in free if name not in buckets]
    return buckets


def _deductibles(d: Draw, t: Text, joins: bool, line_level: bool) -> int | None:
    """Own deductibles of a benefit; answers the yearly one's yuan, where there is one."""
    allocation = f', allocation = "{_allocation(d)}"' if line_level or d.chance(3) else ""
    parts, yearly = [], None
    if d.chance(3, "visit"):
        feeds = d.one(["true", "false"])
        parts.append(f'{{ yuan = {d.whole(0, d.one([80, 800]))}, per = "visit", feeds = {feeds}{allocation} }}')
    if d.chance(6):
        yearly = d.whole(0, d.one([200, 2000]))
        parts.append(f'{{ yuan = {yearly}, per = "year"{allocation} }}')
    if joins:
        parts.append('{ shared = "共用" }')
    if parts:
        t.say(f"deductible = [{', '.join(parts)}]")
    return yearly


def _bands(d: Draw, t: Text, deductible: int | None) -> int:
    """The bands of a benefit; answers how many."""
    count = d.whole(1, 3)
    if count == 1 and d.chance(7):
        t.say(f'ratio = "{d.whole(0, 100)}%"')
        return 1
    zero = deductible is not None and d.chance(5)
    edge = deductible or 0 if zero else 0
    bands = []
    for _ in range(count):
        flat = f", flat = {d.whole(1, 500)}" if d.chance(2, "flat") else ""
        bands.append(f'{{ above = {edge}, ratio = "{d.whole(0, 100)}.{d.whole(0, 9)}%"{flat} }}'.replace("100.", "99."))
        edge += d.whole(2100, 4000) if edge == 0 or not bands[1:] else d.whole(1, 3000)
    t.say(f'bands_from = "{"zero" if zero else "deductible"}"\nbands = [{", ".join(bands)}]')
    if not zero and d.chance(2, "visit"):
        t.say('bands_per = "visit"')
    return count


def _when(d: Draw, t: Text, condition: str, edges: int, yearly: bool) -> None:
    t.say(f'[[benefit.when]]\nis = "{condition}"')
    change = d.one(["ratio", "ratio", "times", "points", "ratios"])
    if change == "ratios":
        t.say(f'ratios = [{", ".join(f"{chr(34)}{d.whole(0, 100)}%{chr(34)}" for _ in range(edges))}]')
    elif change == "times":
        t.say('times = "50%"')
    elif change == "points":
        t.say(f'points = "{d.one(["+10%", "-10%"])}"')
    else:
        t.say(f'ratio = "{d.whole(0, 100)}%"')
    if yearly and condition in POLICY and d.chance(4):
        t.say(f"deductible = {{ year = {d.whole(0, 2000)} }}")


# ── histories ────────────────────────────────────────────────────────────────────────────────────────────────────────

def history_rows(d: Draw, households: int = 2, bills: int = 12, *, acct_inside_fund: bool = False) -> list[Row]:
    """Rows as a file has them, of at most so many households with at most so many bills each."""
    if d.chance(4):
        d = d.leaving(*PLAIN_HISTORY)
    rows: list[Row] = []
    number = 0
    for household in range(d.whole(1, households)):
        members = [_person(d, household, n) for n in range(d.whole(1, 3))]
        own: list[list[Row]] = []
        for _ in range(d.whole(2, bills)):
            number += 1
            person = d.one(members)
            if own and d.chance(2):
                own.append([_reversal(d, person if d.chance(1) else None, d.one(own)[0], number)])
            elif own and d.chance(1, "careless"):
                own.append([dict(row) for row in d.one(own)])
            else:
                own.append(_bill(d, person, number, acct_inside_fund))
        rows += [row for bill in own for row in bill]
    return rows


def _person(d: Draw, household: int, n: int) -> Row:
    person = {"household_id": f"户{household}", "psn_no": f"人{household}{n}", "age": str(d.one([5, 59, 60, 88])),
              "tier": d.one(["base", "plus"]), "insutype": "310",
              "years_enrolled": str(d.whole(1, 3)), "healthy_years": str(d.whole(0, 4)),
              "hardship": d.one(["none", "subsistence-allowance"]), "with_preexisting": d.one(["0", "1"]),
              "claim_free_years": str(d.whole(0, 5)), "designated": d.one(["", "1"]), "family_members": str(2 + household),
              "history_dise": d.one(["", "none", "C34.1;I10"]), "renewed": d.one(["0", "1"])}
    return person | {"cover_from": "2025-03-01", "cover_to": "2025-11-30"} if d.chance(1) else person


def _amount(d: Draw) -> int:
    """Fen, mostly small, sometimes nothing, sometimes far beyond the caps."""
    return d.whole(*d.one([(0, 0), (1, 99), (1, 500_000), (1, 500_000), (1, 500_000), (1, 5_000_000), (1, 5_000_000)]))


def _yuan(fen: int) -> str:
    return f"{'-' if fen < 0 else ''}{abs(fen) // 100}.{abs(fen) % 100:02d}"


def _stay(d: Draw) -> Row:
    """When a visit began, ended and was settled: often on a day that some rule turns on."""
    admitted = date(2024, 12, 20) + timedelta(d.whole(0, 385))
    if d.chance(2):
        admitted = date.fromisoformat(d.one(["2024-12-31", "2025-01-01", "2025-01-14", "2025-01-15", "2025-01-31", "2025-03-01",
                                             "2025-11-30", "2025-12-31", "2026-01-01"]))
    discharged = admitted + timedelta(d.whole(0, d.one([0, 20, 20, 90])))
    return {"begndate": str(admitted), "enddate": str(discharged), "setl_time": f"{discharged} {d.whole(0, 23):02d}:15:00"}


def _bill(d: Draw, person: Row, number: int, acct_inside_fund: bool) -> list[Row]:
    pre, over, full, inscp = (_amount(d) for _ in range(4))
    hospital = d.whole(0, d.one([over, over + pre])) if d.chance(2) else 0
    fund = d.whole(0, inscp)
    aid = d.one([fund, d.whole(0, fund)]) if d.chance(4) else 0
    if d.chance(2, "payers"):  # medical aid pays nearly all
        pre, over, full, hospital, fund = pre // 100, over // 100, full // 100, 0, inscp - inscp // 50
        aid = fund
    part = pre + over + full + inscp - fund - hospital
    account = d.whole(0, part) if d.chance(3) else 0
    row: Row = {**person, "setl_id": f"S{number}", "mdtrt_id": d.one(["", f"V{number}", "V0"]), **_stay(d),
                "med_type": d.one(["21", "2101", "11", "22"]), "place": d.one(["", "local", "unregistered"]),
                "hosp_lv": str(d.whole(1, 3)), "dise_codg": d.one(["", "C34.9", "I21.0"]),
                "preexisting": d.one(["", "", "0", "1"]), "severe_preexisting": d.one(["0", "1"]),
                "basic_insurance_here": d.one(["", "0"]), "medfee_sumamt": _yuan(pre + over + full + inscp),
                "inscp_scp_amt": _yuan(inscp),
                "preselfpay_amt": _yuan(pre), "overlmt_selfpay": _yuan(over), "fulamt_ownpay_amt": _yuan(full),
                "fund_pay_sumamt": _yuan(fund + (account if acct_inside_fund else 0)), "maf_pay": _yuan(aid),
                "hosp_part_amt": _yuan(hospital) if hospital else "", "psn_part_amt": _yuan(part),
                "other_insurance_pay": _yuan(_amount(d)) if d.chance(1, "payers") else ""}
    if account:
        row["acct_pay"], row["psn_cash_pay"] = _yuan(account), _yuan(part - account)
        row["psn_part_amt"] = d.one(["", row["psn_part_amt"]])
    if d.chance(1, "careless"):
        _spoil(d, row)
    if d.chance(3):
        row.update(_line_facts(d))
    left = [inscp, pre, over, full]
    lines = [_line(d, person, number, n, left) for n in range(d.whole(1, 3))] if d.chance(4, "lines") else []
    if not lines and not hospital and d.chance(1):
        row["in_scope_self_pay"] = _yuan(inscp - fund)
        del row["inscp_scp_amt"], row["fund_pay_sumamt"], row["medfee_sumamt"]
    return [row, *lines]


def _line_facts(d: Draw) -> Row:
    return {"med_list_codg": d.one(["", "X1", "X3"]), "chrgitm_lv": d.one(["", "01", "03"]),
            "list_type": d.one(["", "101", "201", "301"]), "innovative": d.one(["", "1"]),
            "hi_nego_drug_flag": d.one(["", "1"]), "cnt": d.one(["", "1", "2.5", "0"])}


def _line(d: Draw, person: Row, number: int, n: int, left: list[int]) -> Row:
    parts = [d.whole(0, amount) for amount in left]
    for k, part in enumerate(parts):
        left[k] -= part
    return {"household_id": person["household_id"], "psn_no": person["psn_no"], "setl_id": f"S{number}", "feedetl_sn": str(n + 1),
            **dict(zip(("inscp_scp_amt", "preselfpay_amt", "overlmt_amt", "fulamt_ownpay_amt"), map(_yuan, parts), strict=True)),
            **_line_facts(d)}


def _spoil(d: Draw, row: Row) -> None:
    """A bill as careless systems send it."""
    match d.one(["psn_part_amt", "amount", "date", "fact", "negative", "blank", "facts"]):
        case "psn_part_amt":
            row["psn_part_amt"] = "1.00"
        case "amount":
            row["fulamt_ownpay_amt"] = "1,000.00"
        case "date":
            row["begndate"] = row["enddate"] = row["setl_time"] = "2025-02-30"
        case "fact":
            row["med_type"], row["place"], row["hosp_lv"] = "", "abroad", "三级"
        case "negative":
            row["preselfpay_amt"] = "-5.00"
        case "blank":
            row["setl_id"] = " "
        case _:
            row["age"], row["tier"] = "61", "plus"


def _reversal(d: Draw, other: Row | None, original: Row, number: int) -> Row:
    named = {"household_id": original["household_id"], "psn_no": (other or original)["psn_no"], "setl_id": f"S{number}",
             "reverses": d.one([original["setl_id"], original["setl_id"], original["setl_id"], "S999"]),
             "setl_time": original.get("setl_time", "")}
    if d.chance(5):
        return named
    amounts = {name: value if not value or value.startswith("-") else f"-{value}" for name in AMOUNTS
               if isinstance(value := original.get(name), str)}
    if d.chance(1):
        amounts = d.one([{**amounts, "fulamt_ownpay_amt": "-0.01"}, {"psn_part_amt": "-0.01"}])
    return {**named, **amounts}
