"""What goes back when a policy ends early, as its plan states it: read, checked, said in words, and computed.

Before the first day of cover all of the premium goes back. Afterwards it is the premium of the time left, in days or in months,
less the terms' fee; one rounding, half up.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final, get_args

from huibao.benefits.model import AfterStart, Plan, Surrender
from huibao.core.money import WHOLE, half_up, percent, yuan
from huibao.core.tomlfile import Source, Table

_UNIT: Final = {"days": "天数", "months": "月数"}


@dataclass(frozen=True, slots=True)
class Unearned:
    """The premium of the time left: `left` of `whole` days or months, what that is in fen, the fee, and what goes back."""

    left: int
    whole: int
    gross_fen: int
    fee_fen: int
    fen: int


def unearned(terms: Surrender, premium_fen: int, since: date, until: date, ended_on: date) -> Unearned:
    """What goes back of a premium for the days `since` to `until` where `ended_on` is the first day without cover.

    `terms.after` is "days" or "months". A month that has begun is used, the first begins with the cover.
    """
    end = date.fromordinal(until.toordinal() + 1)
    if terms.after == "days":
        left, whole = (end - ended_on).days, (end - since).days
    else:
        whole = _months_begun(since, end)
        left = whole - _months_begun(since, ended_on)
    gross = half_up(premium_fen * left, whole)
    kept = half_up(premium_fen * left * (WHOLE - terms.fee_ratio), whole * WHOLE)
    fen = max(0, kept - terms.fee_fen)
    return Unearned(left, whole, gross, gross - fen, fen)


def _months_begun(since: date, before: date) -> int:
    """How many months, counted from the day `since`, have begun before a day."""
    months = (before.year - since.year) * 12 + before.month - since.month
    return months + (_day_after(since, months) < before)


def _day_after(since: date, months: int) -> date:
    """The same day so many months later; the last of its month where there is none."""
    year, month = divmod(since.month - 1 + months, 12)
    for day in range(since.day, 0, -1):
        try:
            return date(since.year + year, month + 1, day)
        except ValueError:
            continue
    raise AssertionError("every month has a first day")


def in_words(terms: Surrender) -> str:
    """The terms as a buyer reads them."""
    if not terms.allowed:
        return "退保：不可退保"
    said = ["保障开始前全额退还保费"]
    if terms.cooling_days:
        said.append(f"交费后 {terms.cooling_days} 天犹豫期内、尚未理赔结算的全额退还")
    if terms.after == "none":
        said.append("保障开始后不退")
    else:
        fee = f"，扣除手续费 {percent(terms.fee_ratio)}" if terms.fee_ratio else ""
        fee = f"，扣除手续费 {yuan(terms.fee_fen)} 元" if terms.fee_fen else fee
        said.append(f"保障开始后按剩余{_UNIT[terms.after]}退还{fee}")
        said.append("已赔付的仍可退保" if terms.after_benefit else "已赔付的不可退保")
    return "退保：" + "；".join(said)


# ── in plan files ────────────────────────────────────────────────────────────────────────────────────────────────────

def read(root: Table) -> Surrender:
    """The section of a plan file; a plan without one has the defaults."""
    if "surrender" not in root:
        return Surrender()
    table = root.table("surrender")
    clause, example = table.text("clause", "") or None, table.flag("example", False)
    if (clause is None) is not example:
        table.problem("clause", "请写 clause = \"条款第几条\"，条款未载明的示例写 example = true，二者只写一个",
                      'write clause = "…" with the place in the terms, or example = true where they do not say: one of the two', clause)
    allowed = table.flag("allowed", True)
    if not allowed:
        for key in sorted(set(table.keys())):
            if key not in ("allowed", "clause", "example"):
                table.problem(key, "allowed = false 时没有退保可言，请删去此键，或删去 allowed",
                              "with allowed = false nothing is surrendered: take this key out, or allowed", clause)
    terms = Surrender(
        allowed, table.whole("cooling_days", 0), table.choice("after", get_args(AfterStart), "none"),
        table.ratio("fee") if "fee" in table else 0, table.yuan("fee_yuan", 0), table.flag("after_benefit", False), clause)
    _fee(table, terms)
    table.close()
    return terms


def _fee(table: Table, terms: Surrender) -> None:
    if "fee" in table and "fee_yuan" in table:
        table.problem("fee_yuan", "手续费只写一种：fee（比例）或 fee_yuan（金额），请删去其一",
                      "a fee is a ratio (fee) or an amount (fee_yuan): take one of the two out", terms.clause)
    if terms.after == "none":
        for key in ("fee", "fee_yuan", "after_benefit"):
            if key in table:
                table.problem(key, 'after = "none" 时不退保费，此键没有作用，请删去，或写 after = "days"、"months"',
                              'with after = "none" nothing goes back: delete this key, or write after = "days" or "months"', terms.clause)
    if terms.fee_ratio == WHOLE:
        table.problem("fee", '手续费 100% 等于不退，请写 after = "none"', 'a fee of 100% leaves nothing: write after = "none"', terms.clause)


def check(plan: Plan, source: Source) -> None:
    """Terms that can't be meant, beside the plan's days and premiums."""
    terms, days = plan.surrender, (plan.valid_to - plan.valid_from).days + 1
    if terms.cooling_days >= max(days, 1):
        source.problem("surrender.cooling_days", f"犹豫期 {terms.cooling_days} 天不短于保险期间 {days} 天，请缩短",
                       f"a cooling period of {terms.cooling_days} days in a contract of {days}: shorten it", terms.clause)
    least = min((row.fen for row in plan.premium if row.fen), default=0)
    if terms.fee_fen and terms.fee_fen >= least:
        source.problem("surrender.fee_yuan", f"手续费 {yuan(terms.fee_fen)} 元不低于最低保费 {yuan(least)} 元，永远无款可退；请降低，或写 after = \"none\"",
                       f"a fee of {yuan(terms.fee_fen)} yuan on a premium of {yuan(least)} leaves nothing: lower it, or write"
                       ' after = "none"', terms.clause)
