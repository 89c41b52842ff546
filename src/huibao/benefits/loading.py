"""Plan files: read whole, checked, and refused with every reason; `docs/reference/plan-file.md` is their description."""

import hashlib
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Final, get_args

from huibao.benefits import checks, conditions, surrender
from huibao.benefits.benefit_tables import BenefitTables, ids, parsed, read_condition
from huibao.benefits.conditions import ALWAYS, Atom, Condition
from huibao.benefits.listing import refusals
from huibao.benefits.model import (
    FUND_PAYERS,
    Example,
    Exclusion,
    Plan,
    Preexisting,
    PremiumRow,
    VisitDate,
)
from huibao.core.tomlfile import FileRefused, Source, Table
from huibao.scheme import loading as schemes
from huibao.scheme import words
from huibao.scheme.model import Scheme

#: The syntax that this loader reads. A later one adds a reader; this one stays, since sold plans load for ever.
SYNTAX: Final = 1


STATUSES: Final = ("published", "example", "proposed")


def load(path: Path, scheme: Scheme | None = None) -> Plan:
    """A plan from its file. Raises `FileRefused` with every problem found, and `OSError`.

    What clauses forbid is refused under `scheme`, or under the scheme that the plan names.
    """
    return _load(Source.open(path), scheme)


def load_text(name: str, text: str, scheme: Scheme | None = None) -> Plan:
    """A plan from text, as `load`; `name` stands for the file in messages."""
    return _load(Source(name, text), scheme)


def builtin_ids() -> tuple[str, ...]:
    """The plans that come with the package."""
    return tuple(sorted(f.name.removesuffix(".toml") for f in _folder().iterdir() if f.name.endswith(".toml")))


def builtin(plan_id: str) -> Plan:
    """A plan that comes with the package. Raises `KeyError` where there is none of that id."""
    if plan_id not in builtin_ids():
        raise KeyError(plan_id)
    return load_text(f"{plan_id}.toml", (_folder() / f"{plan_id}.toml").read_text("utf-8"))


def _folder() -> resources.abc.Traversable:
    return resources.files("huibao") / "plans"


def _load(source: Source, scheme: Scheme | None) -> Plan:
    root = _root(source)
    syntax = root.raw("syntax")
    if syntax is None:
        root.problem("syntax", f"缺少此键，请写 syntax = {SYNTAX}", f"missing; write syntax = {SYNTAX}")
    elif type(syntax) is not int or syntax != SYNTAX:
        root.problem("syntax", f"本程序只认识 syntax = {SYNTAX}，请改写", f"this program reads syntax = {SYNTAX}: write that")
        source.done()
    plan = _Reader(source, root).plan()
    root.close()
    source.done()
    checks.check(plan, source)
    if scheme is None and plan.scheme in schemes.builtin_ids():
        scheme = schemes.builtin(plan.scheme)
    elif scheme is None and plan.scheme:
        known = schemes.builtin_ids()
        near, near_en = conditions.nearest(plan.scheme, known)
        source.problem("scheme", f"没有方案“{plan.scheme}”{near}；可写：{'、'.join(known)}",
                       f"no scheme {plan.scheme!r}{near_en}; write one of: {', '.join(known)}")
    for refusal in refusals(plan, scheme):
        source.problem(str(refusal.figures.get("key", "")), refusal.zh, refusal.en, refusal.clause)
    source.done()
    return plan


def _root(source: Source) -> Table:
    """The file as a table; where it is no TOML, the problem says what the place that it names usually lacks."""
    try:
        return source.root()
    except FileRefused as refused:
        raise FileRefused([replace(
            found, zh=f"{found.zh}。请检查该行及上一行：引号、括号是否成对，键与值之间须有等号，同一个键只能写一次",
            en=f"{found.en}; at that line or the one before, write the missing quote, bracket or equals sign, and each key once",
        ) for found in refused.problems]) from None


class _Reader:
    """One plan file being read."""

    def __init__(self, source: Source, root: Table) -> None:
        self.source = source
        self.root = root
        self.tiers = tuple(self.tier(table) for table in root.tables("tier"))
        self.tier_ids = tuple(tier for tier, _ in self.tiers)
        self.benefit_ids = ids(root.tables("benefit"))

    @staticmethod
    def tier(table: Table) -> tuple[str, str]:
        tier = table.text("id")
        name = table.text("name", tier)
        table.close()
        return tier, name

    def plan(self) -> Plan:
        root = self.root
        valid = root.table("valid")
        valid_from, valid_to = valid.day("from"), valid.day("to")
        valid.close()
        visit_date: VisitDate = root.choice("visit_counts_at", get_args(VisitDate))
        amounts = BenefitTables(root, self.tier_ids)
        benefits = amounts.read()
        waiting_days, waiting_not_for = self.waiting()
        exclusions = self.exclusions(waiting_days, waiting_not_for)
        cost = root.table("cost")
        ratios = [cost.ratio(key) if key in cost else None for key in ("expense", "profit")]
        reason = cost.text("bureau_reason", "")
        cost.close()
        return Plan(
            id=root.text("id"), name=root.text("name"), kind=root.choice("kind", words.KINDS), status=root.choice("status", STATUSES),
            valid_from=valid_from, valid_to=valid_to, visit_counts_at=visit_date, benefits=benefits,
            tail_days=root.whole("tail_days", 0), scheme=root.text("scheme", "") or None,
            account=root.choice("account", ("open", "closed", "unstated"), "unstated"), sources=root.texts("sources"),
            tiers=self.tiers, premium=self.premium(), join=read_condition(root.table("join"), self.tier_ids, closed=True),
            features=root.choices("features", words.FEATURES, ()), expense_ratio=ratios[0], profit_ratio=ratios[1], ratio_reason=reason,
            waiting_days=waiting_days, waiting_not_for=waiting_not_for, before=root.choices("before", FUND_PAYERS, ()),
            preexisting=self.preexisting(), surrender=surrender.read(self.root), lists=self.lists(),
            deductibles=tuple(amounts.deductibles), caps=tuple(amounts.caps),
            limits=tuple(amounts.limits), exclusions=exclusions, examples=root.each("example", self.example),
            notes=root.texts("notes", ()), renews=root.text("renews", "") or None, text=self.source.text,
            digest=hashlib.sha256(self.source.text.encode()).hexdigest())

    def premium(self) -> tuple[PremiumRow, ...]:
        table = self.root.table("premium")
        rows: tuple[PremiumRow, ...] = table.each(
            "row", lambda t: PremiumRow(read_condition(t, self.tier_ids, needed=True), t.yuan("yuan")))
        if "yuan" in table or not rows:
            rows = (*rows, PremiumRow(ALWAYS, table.yuan("yuan")))
        table.close()
        return rows

    def waiting(self) -> tuple[int, Condition | None]:
        table = self.root.table("waiting")
        days = table.whole("days", 0)
        not_for = parsed(table, "not_for", self.tier_ids)
        table.close()
        return days, not_for

    def exclusions(self, waiting_days: int, not_for: Condition | None) -> tuple[Exclusion, ...]:
        found = []
        for table in self.root.tables("exclusion"):
            diagnosis = table.texts("diagnosis", ())
            given = read_condition(table, self.tier_ids)
            condition = conditions.both(given, Atom("diagnosis", "in", diagnosis)) if diagnosis else given
            if condition == ALWAYS:
                table.problem("", "除外责任须写 diagnosis 或 is", "an exclusion needs diagnosis or is: write one")
            ids = table.choices("benefits", self.benefit_ids, ())
            found.append(Exclusion(table.text("name"), condition, table.text("clause", ""), tuple(map(self.benefit_ids.index, ids))))
            table.close()
        if waiting_days:
            inside: Condition = Atom("days_since_start", "<", (str(waiting_days),))
            if not_for is not None:
                inside = conditions.both(inside, conditions.Not(not_for))
            found.append(Exclusion(f"等待期 {waiting_days} 天", inside))
        return tuple(found)

    def preexisting(self) -> Preexisting | None:
        if "preexisting" not in self.root:
            return None
        table = self.root.table("preexisting")
        groups = dict(table.each("group", lambda t: (t.text("name"), t.texts("diagnosis"))))
        years = table.whole("look_back_years", least=1)
        table.close()
        return Preexisting(years, groups)

    def lists(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for table in self.root.tables("list"):
            name, codes = table.text("id"), table.texts("codes")
            if name and name in found:
                table.problem("id", f"“{name}”出现不止一次，请改用另一个 id，或把目录编码并入前一个 [[list]]",
                              f"{name!r} stands more than once; write another id, or add the codes to the list before")
            found[name] = codes
            table.close()
        return found

    @staticmethod
    def example(table: Table) -> Example:
        """`pays` is one amount for the only claim or for each; claims and person are national fields as a file has them."""
        person, claims, pays = table.raw("person") or {}, table.raw("claims") or [], table.raw("pays")
        amounts = pays if isinstance(pays, list) else [pays]
        if not claims or len(amounts) != len(claims):
            table.problem("pays", f"应有 {len(claims)} 个金额，每次结算一个", f"write {len(claims)} amounts, one for each claim")
        fen = tuple(table.amount("pays", value) for value in amounts)
        return Example(table.text("story"), person, tuple(claims), fen)
