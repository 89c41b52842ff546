"""From a row of national fields (a message, a file's row, a worked example) to a settlement that the fold can take.

Columns are read by `columns`, with the same rules; what it rejects is read here once more for the reason.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from huibao.benefits import conditions, facts
from huibao.benefits.buckets import AMOUNTS, Four, buckets
from huibao.benefits.facts import FACTS, FactError, Value
from huibao.benefits.fold import Part, Settlement
from huibao.benefits.history import Event, Reversal
from huibao.benefits.model import Plan, Preexisting
from huibao.benefits.terms import Compiled
from huibao.core import money
from huibao.core.refusal import Refusal
from huibao.core.time import business_date, moment, whole_years

Row = Mapping[str, Any]

#: What a line of a bill calls its parts, in the order of `model.BUCKETS`.
LINE_AMOUNTS: Final = ("inscp_scp_amt", "preselfpay_amt", "overlmt_amt", "fulamt_ownpay_amt")
_HEADER_AMOUNTS: Final = ("inscp_scp_amt", "preselfpay_amt", "overlmt_selfpay", "fulamt_ownpay_amt")
_LIST_TYPES: Final = {"101": "drug", "102": "drug", "103": "drug", "104": "drug", "201": "service", "301": "material"}
_ACCIDENT_CARE: Final = ("19", "22")

#: No line has ten million of anything; below it units times an amount fit 63 bits.
MOST_UNITS: Final = 10_000_000 * money.WHOLE

#: An acceptance sequence fits 63 bits.
MOST_SEQUENCE_DIGITS: Final = 18

#: The columns besides its own from which a fact may follow.
DERIVED_FROM: Final[Mapping[str, tuple[str, ...]]] = {
    "age": ("brdy", "cover_from"), "accident": ("med_type",), "preexisting": ("dise_codg", "history_dise"),
    "item_kind": ("list_type",), "drug_list": ("med_list_codg",),
}


class Unreadable(Exception):
    """A row that can't be taken; carries the refusal."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.zh)
        self.refusal = refusal


def read(plan: Compiled, row: Row, lines: Sequence[Row] = (), *, acct_inside_fund: bool = False) -> Event | Refusal:
    """One settlement, or reversal where the row names what it `reverses`, or why it can't be taken."""
    try:
        return _read(plan, row, lines, acct_inside_fund)
    except Unreadable as unreadable:
        return unreadable.refusal


def _read(plan: Compiled, row: Row, lines: Sequence[Row], acct_inside_fund: bool) -> Event:
    setl_id, psn_no = text(row, "setl_id"), text(row, "psn_no")
    for name, value in (("setl_id", setl_id), ("psn_no", psn_no)):
        if not value:
            raise bad(name, "为空", "is missing")
    sequence = text(row, "accept_seq") or "0"
    if not (sequence.isascii() and sequence.isdigit() and len(sequence) <= MOST_SEQUENCE_DIGITS):
        raise bad("accept_seq", f"为 {text(row, 'accept_seq')!r}，不是受理序号", "is not a whole number")
    reverses = text(row, "reverses")
    amounts = {name: amount(row, name) for name in AMOUNTS}
    if reverses:
        return Reversal(setl_id, psn_no, reverses, _taken_back(amounts, acct_inside_fund))
    if min(filter(None, amounts.values()), default=0) < 0:
        raise Unreadable(Refusal("settlement.negative_without_original", None,
                                 "金额为负但未指明所冲销的结算（reverses）。请补充原结算编号后重新发送。",
                                 "the amounts are negative but no original is named in `reverses`: name it and send again."))
    before = _paid_by_later(plan, row)
    if plan.plan.household and not text(row, "household_id"):
        raise bad("household_id", "为空", "is missing")
    if before:
        amounts["fund_pay_sumamt"] = max(0, (amounts["fund_pay_sumamt"] or 0) - sum(before.values()))
        for name in ("psn_part_amt", "psn_cash_pay", *(["in_scope_self_pay"] if amounts["inscp_scp_amt"] is None else [])):
            stated = amounts[name]
            amounts[name] = None if stated is None else stated + sum(before.values())
    found = buckets(amounts, acct_inside_fund)
    if isinstance(found, Refusal):
        raise Unreadable(found)
    inside, days = share_inside(plan.plan, row)
    raw = [_line_amounts(line) for line in lines]
    header = [amounts[name] or 0 for name in _HEADER_AMOUNTS]
    placed = spread(found.amounts, header, raw)
    parts, frozen, provisional = [], 0, False
    for four, line in zip(placed, (row, *lines), strict=True):
        known = facts_of(plan, row, line)
        bits = plan.bits(known, outside=not inside)
        frozen = bits & plan.frozen
        provisional = known.get("preexisting", False) is None
        a, p, o, s = (money.half_up(x * inside, days) if inside else x for x in four)
        parts.append(Part((a, p, o, s), plan.terms(bits), item_of(line), units(line) if plan.counts_units else money.WHOLE))
    burden = sum(sum(part.amounts) for part in parts)
    left = person = max(0, found.person_fen - sum(before.values()))
    if 0 < inside < days:
        left = min(burden, money.half_up(left * inside, days))
    other = amounts["other_insurance_pay"] or 0
    return Settlement(setl_id, psn_no, text(row, "mdtrt_id") or setl_id, tuple(parts), max(0, burden - other), max(0, left - other),
                      person, frozen, provisional, text(row, "facts_version"))


def _paid_by_later(plan: Compiled, row: Row) -> dict[str, int]:
    """What the payers that stand behind this insurance paid already."""
    found = {name: amount(row, name) or 0 for name in plan.plan.before}
    for name, paid in found.items():
        if not 0 <= paid < money.AMOUNT_LIMIT_FEN:
            raise bad(name, f"为 {money.yuan(paid)} 元，超出可结算范围（0 至十亿元）", "is outside 0 to a thousand million yuan")
    return found


def _taken_back(amounts: Mapping[str, int | None], acct_inside_fund: bool) -> int | None:
    """What a reversal says was left to the person, as a positive amount; None where it carries no amounts."""
    if not any(amounts.values()):
        return None
    turned = {name: None if value is None else -value for name, value in amounts.items()}
    found = buckets(turned, acct_inside_fund)
    if isinstance(found, Refusal):
        raise Unreadable(found)
    return found.person_fen


# ── amounts ──────────────────────────────────────────────────────────────────────────────────────────────────────────

#: What may surround a text without being of it, the ideographic space included.
BLANKS: Final = " \t\n\r\v\f\u00a0\u3000"


def text(row: Row, name: str) -> str:
    value = row.get(name)
    return "" if value is None else (value if isinstance(value, str) else str(value)).strip(BLANKS)


def amount(row: Row, name: str) -> int | None:
    """An amount in fen; null and blank are None."""
    value = row.get(name)
    if value is None:
        return None
    try:
        return money.fen(value)
    except money.MoneyError as error:
        if isinstance(value, str) and not value.strip(BLANKS):
            return None
        raise bad(name, f"为 {value!r}，不是以元为单位的金额", str(error)) from None


def bad(name: str, zh: str, en: str) -> Unreadable:
    return Unreadable(Refusal("settlement.field_unreadable", None, f"{name} {zh}。请改正后重新发送。", f"{name}: {en}", {"field": name}))


def _line_amounts(line: Row) -> Four:
    a, p, o, s = (amount(line, name) or 0 for name in LINE_AMOUNTS)
    if min(a, p, o, s) < 0:
        raise bad("feedetl_sn", f"{text(line, 'feedetl_sn')} 的金额为负", "a line has negative amounts")
    return a, p, o, s


def spread(held: Four, header: Sequence[int], lines: Sequence[Four]) -> list[Four]:
    """The buckets of a bill over what its lines leave of it (first) and its lines, in proportion to what each states."""
    rest = [header[k] - sum(line[k] for line in lines) for k in range(4)]
    if lines and min(rest) < 0:
        k = next(k for k in range(4) if rest[k] < 0)
        raise Unreadable(Refusal(
            "settlement.lines_exceed_bill", None, f"明细的 {LINE_AMOUNTS[k]} 合计超过结算单 {money.yuan(-rest[k])} 元。请核对明细后重新发送。",
            f"the lines exceed the bill in {LINE_AMOUNTS[k]}: check the details and send again.", {"excess_fen": -rest[k]}))
    if not lines:
        return [held]
    columns = []
    for k in range(4):
        stated = [rest[k], *(line[k] for line in lines)]
        columns.append(money.apportion(held[k], stated) if any(stated) else [held[k], *[0] * len(lines)])
    return [(a, p, o, s) for a, p, o, s in zip(*columns, strict=True)]


def item_of(line: Row) -> str:
    """What a line is about: its code in the catalogue; a line without one is an item of its own."""
    return text(line, "med_list_codg") or f"{text(line, 'setl_id')}#{text(line, 'feedetl_sn')}"


def units(line: Row) -> int:
    """The quantity of a line in ten-thousandths; one where it is not said."""
    value = line.get("cnt")
    if value is None or value == "":
        return money.WHOLE
    try:
        count = money.fen(Decimal(str(value).strip(BLANKS)) * 100)
    except (money.MoneyError, ArithmeticError):
        count = -1
    if not 0 <= count < MOST_UNITS:
        raise bad("cnt", f"为 {value!r}，不是数量", "is not a quantity")
    return count


# ── facts ────────────────────────────────────────────────────────────────────────────────────────────────────────────

def facts_of(plan: Compiled, row: Row, line: Row) -> dict[str, Value]:
    """The facts that the plan's conditions speak of: of policy and visit from the bill's row, of a line from its own."""
    return {name: fact_of(plan.plan, name, line if is_of_line else row) for name, is_of_line in plan.levels}


def fact_of(plan: Plan, name: str, row: Row) -> Value:
    """One fact from the row that has it: its own column, else what follows from the columns of `DERIVED_FROM`."""
    fact = FACTS[name]
    given = row.get(fact.column) if fact.column else None
    derived = _derived(plan, row, name) if given in (None, "") else None
    if derived is not None:
        return derived
    try:
        return facts.read(fact, given, plan.tier_ids if name == "tier" else ())
    except FactError as error:
        raise bad(fact.column, str(error), str(error)) from None


def _derived(plan: Plan, row: Row, name: str) -> Value:
    """A fact that follows from other columns where its own is silent; None where it does not."""
    match name:
        case "days_since_start":
            return max(0, (deciding_date(plan, row) - cover(plan, row)[0]).days)
        case "age" if text(row, "brdy"):
            return whole_years(_day(row, "brdy"), cover(plan, row)[0])
        case "accident":
            return text(row, "med_type").startswith(_ACCIDENT_CARE) or None
        case "preexisting":
            return is_preexisting(plan.preexisting, text(row, "dise_codg"), text(row, "history_dise"))
        case "item_kind":
            return _LIST_TYPES.get(text(row, "list_type"))
        case "drug_list":
            return next((key for key, codes in plan.lists.items() if text(row, "med_list_codg") in codes), None)
        case _:
            return None


def is_preexisting(defined: Preexisting | None, diagnosis: str, past: str) -> bool | None:
    """Whether a diagnosis belongs to a group that the look-back shows. `past` has codes with semicolons; "none" says that
    it was looked and nothing found, nothing that nobody looked: then the answer is None, unknown."""
    if defined is None or not past or not diagnosis:
        return None
    codes = [] if past == "none" else [code.strip() for code in past.split(";")]
    known = FACTS["diagnosis"]
    for group in defined.groups.values():
        def inside(code: str, group: tuple[str, ...] = group) -> bool:
            return any(conditions.matches(known, code, wanted) for wanted in group)
        if inside(diagnosis) and any(map(inside, codes)):
            return True
    return False


# ── dates ────────────────────────────────────────────────────────────────────────────────────────────────────────────

@lru_cache(maxsize=8_192)
def day_of(said: str) -> date:
    """The day in Asia/Shanghai of a date or time as messages write them; bills of one day say the same few. Raises `ValueError`."""
    return business_date(moment(said))


def _day(row: Row, name: str) -> date:
    try:
        return day_of(text(row, name))
    except ValueError:
        raise bad(name, f"为 {text(row, name)!r}，不是日期", "is not a date: write 2025-07-01 or 2025-07-01 08:00:00") from None


def deciding_date(plan: Plan, row: Row) -> date:
    """The date that says whether the visit is covered. A bill without the stay's dates is decided by its settlement."""
    preferred = {"admission": "begndate", "discharge": "enddate", "split": "begndate"}.get(plan.visit_counts_at, "setl_time")
    return _day(row, preferred if text(row, preferred) else "setl_time")


def cover(plan: Plan, row: Row) -> tuple[date, date]:
    """First and last day of cover: the policy's own where the row has them, else the plan's."""
    return (_day(row, "cover_from") if text(row, "cover_from") else plan.valid_from,
            _day(row, "cover_to") if text(row, "cover_to") else plan.valid_to)


def share_inside(plan: Plan, row: Row) -> tuple[int, int]:
    """How many days of the visit are covered, of how many: 1 of 1 or 0 of 1 unless the plan splits stays by days."""
    start, end = cover(plan, row)
    if plan.visit_counts_at != "split":
        return int(start <= deciding_date(plan, row) <= end), 1
    first = deciding_date(plan, row)
    last = max(first, _day(row, "enddate" if text(row, "enddate") else "setl_time"))
    renewed = facts.FLAG_WORDS.get(text(row, "renewed").lower())
    if plan.tail_days and first <= end and not renewed and end >= plan.valid_to:  # a cover that ended early has no tail
        end += timedelta(days=plan.tail_days)
    inside = (min(last, end) - max(first, start)).days + 1
    return max(0, inside), (last - first).days + 1
