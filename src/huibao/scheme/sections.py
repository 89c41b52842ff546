"""How each section of a scheme file reads: its keys, their vocabularies and what makes them whole."""

import re
from collections.abc import Mapping
from typing import Final, Protocol

from huibao.core.tomlfile import Table
from huibao.scheme import model, words
from huibao.scheme.afterwards import Endorsing, Renewal
from huibao.scheme.model import Basis, Cite

_ICD: Final = re.compile(r"[A-Z]\d\d(-[A-Z]\d\d)?")


class Reading(Protocol):
    """What a section may ask of the file it stands in."""

    def cite(self, table: Table, key: str = "clause") -> Cite | None: ...

    def cite_or_example(self, table: Table) -> Cite: ...


def payer(reading: Reading, table: Table, basis: Basis) -> model.Payer:
    return model.Payer(
        basis,
        _some(table, "insurance", words.INSURANCE),
        _some(table, "status", words.STATUS),
        reading.cite(table, "status_clause_self") or basis.cite,
        reading.cite(table, "status_clause_relative") or basis.cite,
    )


def insured(reading: Reading, table: Table, basis: Basis) -> model.Insured:
    return model.Insured(basis, _some(table, "insurance", words.INSURANCE), _some(table, "status", words.STATUS))


def join(reading: Reading, table: Table, basis: Basis) -> model.Join:
    everyone = table.flag("everyone", False)
    if everyone and ("insurance" in table or "status" in table):
        table.problem("everyone", "everyone = true 时不写 insurance 与 status，请删去其一",
                      "with everyone = true neither insurance nor status is read; delete one or the other")
    return model.Join(
        basis,
        everyone,
        () if everyone else _some(table, "insurance", words.INSURANCE),
        () if everyone else _some(table, "status", words.STATUS),
        table.choices("forbidden_conditions", words.CONDITIONS, ()),
    )


def relations(reading: Reading, table: Table, basis: Basis) -> model.Relations:
    return model.Relations(basis, _some(table, "allow", words.RELATIONS))


def chronic_benefit(reading: Reading, table: Table, basis: Basis) -> model.ChronicBenefit:
    return model.ChronicBenefit(basis, table.flag("bars_relatives"))


def account(reading: Reading, table: Table, basis: Basis) -> model.Account:
    minimum = _optional(table, "minimum_balance")
    limit = _optional(table, "yearly_limit")
    spend = _optional(table, "spend")
    excess = _optional(table, "excess")
    read = model.Account(
        basis,
        table.flag("open"),
        _amount(reading, minimum),
        _amount(reading, limit),
        limit.choice("year", ["calendar"], "calendar") if limit else "calendar",
        _some(spend, "order", words.ACCOUNTS) if spend else ("personal",),
        reading.cite_or_example(spend) if spend else None,
        excess.choice("by", words.EXCESS) if excess else "refuse",
        reading.cite_or_example(excess) if excess else None,
        table.choice("kept_by", words.KEEPERS, "here"),
    )
    for part in (minimum, limit, spend, excess):
        if part:
            part.close()
    return read


def review(reading: Reading, table: Table, basis: Basis) -> model.ReviewRule:
    two = _optional(table, "two_above")
    read = model.ReviewRule(basis, table.choice("by", words.REVIEWERS), _amount(reading, two))
    if two:
        two.close()
    return read


def review_clock(reading: Reading, table: Table, basis: Basis) -> model.ReviewClock:
    escalate, void = table.whole("escalate_days", least=1), table.whole("void_days", least=1)
    if void <= escalate and "void_days" in table:
        table.problem("void_days", f"应大于 escalate_days({escalate})，请写至少 {escalate + 1}",
                      f"write at least {escalate + 1}: an order is void only after the review has escalated")
    return model.ReviewClock(basis, escalate, void, table.choice("missed_start", words.MISSED_START),
                             table.whole("claim_minutes", model.CLAIM_MINUTES, least=1))


def desk(reading: Reading, table: Table, basis: Basis) -> model.Desk:
    return model.Desk(
        basis,
        table.whole("confirm_hours", 24, least=1),
        table.choice("unconfirmed", words.UNCONFIRMED, "person"),
        table.whole("wait_days", 3, least=0),
        table.whole("pay_days", 10, least=1),
    )


def refund(reading: Reading, table: Table, basis: Basis) -> model.Refund:
    elsewhere, confirm = _optional(table, "elsewhere"), _optional(table, "confirm")
    read = model.Refund(
        basis,
        reading.cite_or_example(elsewhere) if elsewhere else model.EXAMPLE,
        confirm.whole("people", 1, least=1) if confirm else 1,
        reading.cite_or_example(confirm) if confirm else model.EXAMPLE,
    )
    for part in (elsewhere, confirm):
        if part:
            part.close()
    return read


def remittance(reading: Reading, table: Table, basis: Basis) -> model.Remitting:
    weekdays = table.choices("weekdays", words.WEEKDAYS, ())
    return model.Remitting(
        basis,
        weekdays,
        _month_days(table, "month_days"),
        table.yuan("minimum_yuan", 0),
        table.whole("account_days", 2, least=1),
    )


def _month_days(table: Table, key: str) -> tuple[int, ...]:
    """Days of the month, of which every month has its 28th."""
    given = table.raw(key)
    days = given if isinstance(given, list) else [] if given is None else [given]
    if any(isinstance(day, bool) or not isinstance(day, int) or not 1 <= day <= 28 for day in days):
        table.problem(key, "应为 1 到 28 的日期列表，如 [1, 15]", "write a list of days from 1 to 28, such as [1, 15]")
        return ()
    return tuple(days)


def sponsored(reading: Reading, table: Table, basis: Basis) -> model.Sponsored:
    return model.Sponsored(basis, table.flag("notice", True), table.flag("replaces_own", False))


def endorsement(reading: Reading, table: Table, basis: Basis) -> Endorsing:
    return Endorsing(basis, table.whole("proposal_days", 15, least=1))


def renewal(reading: Reading, table: Table, basis: Basis) -> Renewal:
    days = table.raw("remind_days") if "remind_days" in table else [30, 7]
    whole = isinstance(days, list) and bool(days) and all(type(day) is int and 0 < day < 366 for day in days)
    if not whole or days != sorted(set(days), reverse=True):
        table.problem("remind_days", "应为期满前的天数，从大到小，每个不超过 365，如 [30, 7]",
                      "write days before the end, from many to few, each at most 365, such as [30, 7]")
        days = [30, 7]
    return Renewal(basis, tuple(days), table.whole("gap_days", 60))


def mandate(reading: Reading, table: Table, basis: Basis) -> model.MandateRule:
    return model.MandateRule(
        basis,
        table.flag("account", False),
        table.whole("most_days", 366, least=1),
        table.choices("relatives", words.KIN, ()),
    )


def kinds(reading: Reading, table: Table, basis: Basis) -> model.Kinds:
    return model.Kinds(basis, _some(table, "sell", words.KINDS))


def cash_only(reading: Reading, table: Table, basis: Basis) -> model.CashOnly:
    return model.CashOnly(basis, _some(table, "kinds", words.KINDS))


def listing(reading: Reading, table: Table, basis: Basis) -> model.Listing:
    return model.Listing(basis, _some(table, "by", words.ROUTES))


def refused_features(reading: Reading, table: Table, basis: Basis) -> model.RefusedFeatures:
    return model.RefusedFeatures(basis, _some(table, "features", words.FEATURES))


def premium(reading: Reading, table: Table, basis: Basis) -> model.Premium:
    read = model.Premium(
        basis,
        table.choices("may_vary_by", words.FACTORS, ()),
        table.choices("never_by", words.FACTORS, ()),
    )
    for factor in read.may_vary_by:
        if factor in read.never_by:
            table.problem("may_vary_by", f"“{factor}”同时列在 never_by，请删去其一",
                          f"{factor!r} also stands in never_by; delete one of the two")
    return read


def coverage(reading: Reading, table: Table, basis: Basis) -> model.Coverage:
    return model.Coverage(basis, table.flag("both_sides"))


def common_illness(reading: Reading, table: Table, basis: Basis) -> model.CommonIllness:
    codes = table.texts("not_excluded")
    for code in codes:
        if not _ICD.fullmatch(code):
            table.problem("not_excluded", f"“{code}”不是 ICD-10 类目，请写如 \"I10\" 或 \"J00-J06\"",
                          f'{code!r} is no ICD-10 category; write it like "I10" or "J00-J06"')
    return model.CommonIllness(basis, codes, table.flag("codes_are_example", False))


def hardship(reading: Reading, table: Table, basis: Basis) -> model.Hardship:
    return model.Hardship(
        basis, _some(table, "categories", words.HARDSHIPS), _some(table, "favours", words.FAVOURS)
    )


def payer_order(reading: Reading, table: Table, basis: Basis) -> model.PayerOrder:
    read = model.PayerOrder(
        basis, _some(table, "first", words.PAYERS), table.choices("plan_sets", words.PAYERS, ())
    )
    for payer in read.first:
        if payer in read.plan_sets:
            table.problem("plan_sets", f"“{payer}”已列在 first，请删去其一",
                          f"{payer!r} also stands in first; delete one of the two")
    return read


def selection(reading: Reading, table: Table, basis: Basis) -> model.Selection:
    return model.Selection(basis, _some(table, "routes", words.ROUTES))


def cycle(reading: Reading, table: Table, basis: Basis) -> model.Cycle:
    return model.Cycle(basis, table.whole("years", least=1), table.flag("in_principle", False))


def cost_and_profit(reading: Reading, table: Table, basis: Basis) -> model.CostAndProfit:
    return model.CostAndProfit(basis, table.ratio("most"), table.flag("reason_lifts", False))


def payout_ratio(reading: Reading, table: Table, basis: Basis) -> model.PayoutRatio:
    return model.PayoutRatio(basis, table.ratio("below"))


def surplus(reading: Reading, table: Table, basis: Basis) -> model.Surplus:
    return model.Surplus(basis, table.flag("carried"))


def books(reading: Reading, table: Table, basis: Basis) -> model.Books:
    return model.Books(basis, table.flag("per_product"), table.flag("income_and_payout_apart"))


def identity(reading: Reading, table: Table, basis: Basis) -> model.Identity:
    return model.Identity(basis, table.whole("minutes", 15, least=1))


def connection(reading: Reading, table: Table, basis: Basis) -> model.ConnectionRule:
    return model.ConnectionRule(basis, table.flag("tested"))


def _optional(table: Table, key: str) -> Table | None:
    return table.table(key) if key in table else None


def _amount(reading: Reading, table: Table | None) -> model.Amount | None:
    if table is None:
        return None
    return model.Amount(table.yuan("yuan"), reading.cite_or_example(table))


def _some(table: Table, key: str, vocabulary: Mapping[str, str]) -> tuple[str, ...]:
    """A list of codes with at least one."""
    read = table.choices(key, vocabulary)
    if table.raw(key) == []:
        table.problem(key, f"不能为空，请写其中之一或几项：{'、'.join(vocabulary)}",
                      f"is empty; write some of: {', '.join(vocabulary)}")
    return read
