"""One batch of a file on its way to bills: columns of national fields to numbers, bits, terms and keys, and to payments."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from huibao.benefits import arrays, history, prepare, vectors
from huibao.benefits.arrays import Bills, Codes, Ints, Result
from huibao.benefits.buckets import AMOUNTS
from huibao.benefits.conditions import All, Atom, Condition, Not
from huibao.benefits.facts import FACTS, Value
from huibao.benefits.history import NOT_TAKEN_UP
from huibao.benefits.model import Plan
from huibao.benefits.reading import DERIVED_FROM, MOST_SEQUENCE_DIGITS, Unreadable, fact_of, read, units
from huibao.benefits.terms import OUTSIDE
from huibao.benefits.vectors import BAD, NULL, Column, Mask
from huibao.core.money import AMOUNT_LIMIT_FEN
from huibao.core.refusal import Refusal

if TYPE_CHECKING:
    from huibao.benefits.columns import ColumnFold

#: A row that can't be read. The other statuses are those of `arrays`.
REJECTED: Final = 99

_HISTORY: Final = {
    arrays.UNKNOWN_ORIGINAL: history.UNKNOWN_ORIGINAL, arrays.ALREADY_REVERSED: history.ALREADY_REVERSED,
    arrays.AMOUNTS_DIFFER: history.AMOUNTS_DIFFER, arrays.DUPLICATE: history.DUPLICATE, arrays.FACTS_DIFFER: history.FACTS_DIFFER,
}

@dataclass(frozen=True, slots=True)
class Rejection:
    """A row that was not taken up: its line in the file, its settlement, and why."""

    line: int
    setl_id: str
    refusal: Refusal


@dataclass(frozen=True, slots=True)
class Folded:
    """What a batch gave: the row of each settlement in the batch, the payments, and the rows not taken up."""

    rows: Ints
    result: Result
    provisional: Mask
    rejected: tuple[Rejection, ...]


def array(column: Any) -> Column:
    return (column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()) if isinstance(column, pa.ChunkedArray) else column


def _changes(column: Column) -> Mask:
    """Where a column differs from the row before; the first row does."""
    changed = np.ones(len(column), np.bool_)
    if len(column) > 1:
        differs = pc.not_equal(column.slice(1), column.slice(0, len(column) - 1)).fill_null(True)
        changed[1:] = differs.to_numpy(zero_copy_only=False)
    return changed


class Batch:
    """One batch on its way to bills."""

    def __init__(self, of: "ColumnFold", table: pa.Table, lines: Ints | None) -> None:
        self.of = of
        self.plan = of.plan
        self.table = table
        self.rows = table.num_rows
        self.lines = np.arange(1, self.rows + 1) if lines is None else lines
        self.good = np.ones(self.rows, np.bool_)
        self.own = vectors.hashed(self.column("setl_id"))
        self.person = vectors.hashed(self.column("psn_no"))
        self.is_line, self.header = self.headers()
        self.bill = np.flatnonzero(~self.is_line)
        self.start = np.append(self.bill, self.rows)

    def has(self, name: str) -> bool:
        return name in self.table.column_names

    def column(self, name: str) -> Column:
        return array(self.table[name]) if self.has(name) else pa.nulls(self.rows)

    def text(self, name: str) -> Column:
        """A column as text without surrounding blanks; nothing is a blank."""
        return vectors.trimmed(self.column(name))

    def headers(self) -> tuple[Mask, Ints]:
        """Which rows are lines of a bill, and the row of each row's bill. A line without its bill is none, and not good."""
        everyone = np.arange(self.rows)
        if not self.has("feedetl_sn") or self.rows == 0:
            return np.zeros(self.rows, np.bool_), everyone
        is_line = vectors.hashed(self.column("feedetl_sn")) != 0
        header = np.maximum.accumulate(np.where(is_line, 0, everyone))
        reversal = vectors.hashed(self.column("reverses")) != 0
        orphan = is_line & ((self.own != self.own[header]) | (self.person != self.person[header]) | is_line[header] | reversal[header])
        self.good &= ~orphan
        is_line &= ~orphan
        return is_line, np.maximum.accumulate(np.where(is_line, 0, everyone))

    # ── the way to bills ─────────────────────────────────────────────────────────────────────────────────────────────

    def fold(self) -> Folded:
        original = vectors.hashed(self.column("reverses"))
        reversal = original != 0
        if self.has("accept_seq"):
            self.good &= self.in_sequence() | self.is_line
        self.good &= (self.own != 0) & (self.person != 0)
        if self.of.shape.household:
            self.good &= (vectors.hashed(self.column("household_id")) != 0) | self.is_line | reversal
        held, left, amounts = self.buckets(reversal)
        covered, of_days = self.days(reversal)
        bits, provisional = self.bits(covered, reversal)
        units_of = self.units(reversal)
        bills_good = prepare.spread_lines(held, amounts, self.start) & self.whole(self.good)
        held[:, ~self.good | ~np.repeat(bills_good, np.diff(self.start))] = 0
        person = left[self.bill]
        remaining, burden = np.where(person == NULL, 0, person), np.empty(len(self.bill), np.int64)
        other = np.maximum(0, amounts[prepare.OTHER, self.bill])
        unheld = bool(prepare.finish(held, self.start, covered, of_days, other, remaining, burden))
        terms = self.of.numbers(bits)
        first = _changes(self.column(self.of.group))[self.bill]
        status = np.where(bills_good, arrays.SETTLED, REJECTED).astype(np.uint8)
        reverses = np.full(len(self.bill), -1, np.int32)
        member = vectors.numbered(self.column("psn_no"))[self.bill] if self.of.shape.household else np.zeros(len(self.bill), np.int32)
        whose = self.person << np.uint64(1)  # leaves the hash of a text odd
        prepare.link(first, (self.own ^ whose)[self.bill], np.where(reversal, original ^ whose, np.uint64(0))[self.bill],
                     self.frozen_for(member), bits[self.bill] & self.plan.frozen, person, status, reverses)
        bills = Bills(self.start, first.view(np.uint8), member, self.visits(), burden, remaining, reverses, terms, held,
                      self.items(), units_of, unheld)
        result = self.of.run(bills, status)
        return Folded(self.bill, result, provisional[self.bill], tuple(self.rejections(result.status)))

    def in_sequence(self) -> Mask:
        """Which rows have an `accept_seq` that is one, or none."""
        column = self.column("accept_seq")
        if pa.types.is_signed_integer(column.type):
            given = column.fill_null(0).cast(pa.int64()).to_numpy(zero_copy_only=False)
            return np.asarray((given >= 0) & (given < 10 ** MOST_SEQUENCE_DIGITS))
        digits = pc.match_substring_regex(self.text("accept_seq"), f"^[0-9]{{0,{MOST_SEQUENCE_DIGITS}}}$")
        return np.asarray(digits.to_numpy(zero_copy_only=False))

    def whole(self, good: Mask) -> Mask:
        """Which bills are good with all their rows."""
        return np.logical_and.reduceat(good, self.bill) if len(self.bill) else good

    def buckets(self, reversal: Mask) -> tuple[Ints, Ints, Ints]:
        amounts = self.of.room(self.rows)
        for k, name in enumerate(AMOUNTS):
            amounts[k] = vectors.fen(self.column(name)) if self.has(name) else NULL
        if self.is_line.any():
            amounts[prepare.OVER] = np.where(self.is_line, vectors.fen(self.column("overlmt_amt")), amounts[prepare.OVER])
        before = np.zeros(self.rows, np.int64)
        for name in self.plan.plan.before:
            paid = vectors.fen(self.column(name))
            within = (paid == NULL) | ((paid >= 0) & (paid < AMOUNT_LIMIT_FEN))
            self.good &= within | self.is_line | reversal
            before += np.where(within & (paid != NULL), paid, 0)
        held, left = np.zeros((4, self.rows), np.int64), np.zeros(self.rows, np.int64)
        self.good &= prepare.make_buckets(amounts, before, self.is_line, reversal, self.of.acct_inside_fund, held, left)
        return held, left, amounts

    def date(self, name: str) -> Ints:
        return vectors.days(self.column(name))[self.bill]

    def days(self, reversal: Mask) -> tuple[Ints, Ints]:
        """For each bill the covered days and of how many; a bill whose dates can't be read is not good."""
        plan = self.plan.plan
        preferred = {"admission": "begndate", "discharge": "enddate", "split": "begndate"}.get(plan.visit_counts_at)
        settled = self.date("setl_time")
        decides = settled if preferred is None else _first_said(self.date(preferred), settled)
        cover = [_first_said(self.date(name), np.full(len(self.bill), vectors.day_number(day), np.int64))
                 for name, day in (("cover_from", plan.valid_from), ("cover_to", plan.valid_to))]
        unread = _unread(decides, *cover)
        self.since = np.maximum(0, decides - cover[0])
        if plan.visit_counts_at == "split":
            last = np.maximum(decides, _first_said(self.date("enddate"), settled))
            unread |= _unread(_first_said(self.date("enddate"), settled))
            ran_out = cover[1] >= vectors.day_number(plan.valid_to)  # a cover that ended early has no tail
            end = cover[1] + np.where((decides <= cover[1]) & ran_out & ~self.renewed(), plan.tail_days, 0)
            covered = np.maximum(0, np.minimum(last, end) - np.maximum(decides, cover[0]) + 1)
            of_days = last - decides + 1
        else:
            covered = ((cover[0] <= decides) & (decides <= cover[1])).astype(np.int64)
            of_days = np.ones(len(self.bill), np.int64)
        self.good[self.bill] &= ~unread | reversal[self.bill]
        return covered, of_days

    def renewed(self) -> Mask:
        codes, words = vectors.coded([self.column("renewed")])
        return np.array([bool(fact_of(self.plan.plan, "renewed", {"renewed": word})) if _readable(self.plan.plan, word) else False
                         for (word,) in words], np.bool_)[codes][self.bill]

    # ── facts ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def bits(self, covered: Ints, reversal: Mask) -> tuple[Ints, Mask]:
        """Which conditions hold for each row, as in `Compiled.bits`, and which rows rest on an unknown fact."""
        known = {name: self.fact(name, reversal) for name in self.plan.facts}
        provisional = np.zeros(self.rows, np.bool_)
        if "preexisting" in known:
            codes, values = known["preexisting"]
            provisional = np.array([value is None for value in values], np.bool_)[codes]
        bits = np.where(np.repeat(covered, np.diff(self.start)) > 0, 0, OUTSIDE).astype(np.int64)
        for n, condition in enumerate(self.plan.conditions):
            bits |= self.truth(condition, known).astype(np.int64) << (n + 1)
        return bits, provisional

    def fact(self, name: str, reversal: Mask) -> tuple[Codes, list[Value]]:
        """A fact of every row, as codes into its values. Rows whose fact can't be read are not good."""
        fact = FACTS[name]
        if name == "days_since_start":
            codes, words = vectors.coded([pa.array(self.since)])
            return np.repeat(codes, np.diff(self.start)), [int(word) for (word,) in words]
        sources = [fact.column, *DERIVED_FROM.get(name, ())]
        codes, combinations = vectors.coded([self.column(source) for source in sources])
        if fact.level != "line":
            codes = codes[self.header]
        values: list[Value] = []
        unread = []
        for code, combination in enumerate(combinations):
            try:
                values.append(fact_of(self.plan.plan, name, dict(zip(sources, map(plain, combination), strict=True))))
            except Unreadable:
                values.append(0 if fact.kind == "number" else fact.default)
                unread.append(code)
        if unread:
            self.good &= ~np.isin(codes, unread) | reversal
        return codes, values

    def truth(self, condition: Condition, known: dict[str, tuple[Codes, list[Value]]]) -> Mask:
        match condition:
            case Atom(fact):
                codes, values = known[fact]
                return np.array([condition.holds(value) for value in values], np.bool_)[codes]
            case Not(part):
                return ~self.truth(part, known)
            case All(parts):
                together = np.ones(self.rows, np.bool_)
                for part in parts:
                    together &= self.truth(part, known)
                return together
            case _:
                either = np.zeros(self.rows, np.bool_)
                for part in condition.parts:
                    either |= self.truth(part, known)
                return either

    def frozen_for(self, member: Codes) -> Codes:
        """Whose facts must agree: a member's, under each version of them."""
        if not self.has("facts_version"):
            return member
        who, version = self.text("psn_no"), self.text("facts_version")
        return vectors.numbered(pc.binary_join_element_wise(who, version, pa.scalar("#", pa.large_string())))[self.bill]

    # ── keys ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def visits(self) -> Codes:
        if "mdtrt_id" not in self.of.columns():
            return np.zeros(len(self.bill), np.int32)
        visit = self.text("mdtrt_id")
        return vectors.numbered(pc.if_else(pc.equal(visit, ""), self.text("setl_id"), visit))[self.bill]

    def items(self) -> Codes:
        if "med_list_codg" in self.of.columns():
            code, bill, line = (self.text(name) for name in ("med_list_codg", "setl_id", "feedetl_sn"))
            own = pc.binary_join_element_wise(bill, line, pa.scalar("#", pa.large_string()))
            return vectors.numbered(pc.if_else(pc.equal(code, ""), own, code))
        return np.zeros(self.rows, np.int32)

    def units(self, reversal: Mask) -> Ints:
        if not self.plan.counts_units:
            return np.zeros(self.rows, np.int64)
        codes, words = vectors.coded([self.column("cnt")])
        counted = np.array([_units(word) for (word,) in words], np.int64)[codes]
        self.good &= (counted >= 0) | reversal
        return np.maximum(0, counted)

    # ── rejections ───────────────────────────────────────────────────────────────────────────────────────────────────

    def rejections(self, status: arrays.Bits) -> Iterator[Rejection]:
        """Every row that was not taken up, with the reason as the desk says it."""
        for n in np.flatnonzero(status > arrays.REVERSAL):
            at = int(self.bill[n])
            rows = [self.row(i) for i in range(at, int(self.start[n + 1]))]
            yield Rejection(int(self.lines[at]), str(rows[0].get("setl_id") or ""), self.reason(int(status[n]), rows))

    def reason(self, status: int, rows: Sequence[dict[str, Any]]) -> Refusal:
        if status != REJECTED:
            return NOT_TAKEN_UP[_HISTORY[status]]
        if rows[0].get("feedetl_sn") not in (None, ""):
            return Refusal("settlement.line_without_bill", None, "明细前面没有它的结算单（同一人、同一 setl_id）。请把结算单放在明细之前。",
                           "a line stands without its bill (same person, same setl_id) before it: put the bill first.")
        found = read(self.plan, rows[0], rows[1:], acct_inside_fund=self.of.acct_inside_fund)
        # Nothing of the row is said: it may end in a log.
        assert isinstance(found, Refusal), "the columns rejected a row that the desk reads"
        return found

    def row(self, i: int) -> dict[str, Any]:
        return {name: plain(self.table[name][i].as_py()) for name in self.table.column_names}


def plain(value: Any) -> Any:
    """A value as a text row has it: dates in ISO form, floats in their shortest decimal form."""
    if isinstance(value, float):
        return f"{Decimal(repr(value)):f}" if math.isfinite(value) else repr(value)
    return value.isoformat(sep=" ") if hasattr(value, "hour") else value.isoformat() if hasattr(value, "isoformat") else value


def _first_said(one: Ints, other: Ints) -> Ints:
    return np.where(one == NULL, other, one)


def _unread(*dates: Ints) -> Mask:
    unread = np.zeros(len(dates[0]), np.bool_)
    for date in dates:
        unread |= (date == NULL) | (date == BAD)
    return unread


def _readable(plan: Plan, word: object) -> bool:
    try:
        fact_of(plan, "renewed", {"renewed": word})
    except Unreadable:
        return False
    return True


def _units(word: object) -> int:
    try:
        return units({"cnt": plain(word)})
    except Unreadable:
        return -1
