"""Plan files: read whole, checked, and refused with every reason; `docs/reference/plan-file.md` is their description."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Final, TypeVar, get_args

from huibao.benefits import checks, conditions
from huibao.benefits.conditions import ALWAYS, Atom, Condition, ConditionError
from huibao.benefits.model import (
    BUCKETS,
    FUND_PAYERS,
    Amount,
    Band,
    Benefit,
    Cap,
    Deductible,
    Example,
    Exclusion,
    Limit,
    Per,
    Period,
    Plan,
    PremiumRow,
    Preexisting,
    Scope,
    Variation,
    VisitDate,
    WhenBoth,
)
from huibao.benefits.listing import refusals
from huibao.core import money
from huibao.core.tomlfile import Source, Table
from huibao.scheme import loading as schemes
from huibao.scheme import words
from huibao.scheme.model import Scheme

#: The syntax that this loader reads. A later one adds a reader; this one stays, since sold plans load for ever.
SYNTAX: Final = 1

Item = TypeVar("Item", Deductible, Cap)

STATUSES: Final = ("published", "example", "proposed")
WHEN_BOTH: Final[tuple[WhenBoth, ...]] = ("best", "first", "last")


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
    root = source.root()
    if root.whole("syntax", SYNTAX) != SYNTAX:
        root.problem("syntax", f"本程序只认识 syntax = {SYNTAX}", f"this program reads syntax = {SYNTAX}")
        source.done()
    plan = _Reader(source, root).plan()
    root.close()
    source.done()
    checks.check(plan, source)
    if scheme is None and plan.scheme in schemes.builtin_ids():
        scheme = schemes.builtin(plan.scheme)
    elif scheme is None and plan.scheme:
        known = "、".join(schemes.builtin_ids())
        source.problem("scheme", f"没有方案“{plan.scheme}”;可写:{known}", f"no scheme {plan.scheme!r}: {known}")
    for refusal in refusals(plan, scheme):
        source.problem(str(refusal.figures.get("key", "")), refusal.zh, refusal.en, refusal.clause)
    source.done()
    return plan


class _Reader:
    """One plan file being read: what is shared between its parts is kept here."""

    def __init__(self, source: Source, root: Table) -> None:
        self.source = source
        self.root = root
        self.tiers = tuple((t.text("id"), t.text("name", t.text("id"))) for t in root.tables("tier"))
        self.tier_ids = tuple(tier for tier, _ in self.tiers)
        self.benefit_ids = [t.text("id") for t in root.tables("benefit")]
        self.deductibles: list[Deductible] = []
        self.caps: list[Cap] = []
        self.limits: list[Limit] = []
        self.joined: dict[str, dict[str, list[int]]] = {"deductible": {}, "cap": {}}

    def plan(self) -> Plan:
        root = self.root
        valid = root.table("valid")
        valid_from, valid_to = valid.day("from"), valid.day("to")
        valid.close()
        visit_date: VisitDate = root.choice("visit_counts_at", get_args(VisitDate))
        benefits = tuple(self.benefit(b, table) for b, table in enumerate(root.tables("benefit")))
        if not benefits:
            root.problem("benefit", "至少写一项保障 [[benefit]]", "write at least one [[benefit]]")
        for table in root.tables("deductible"):
            self.shared_deductible(table)
        for table in root.tables("cap"):
            self.shared_cap(table)
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
            tiers=self.tiers, premium=self.premium(), join=self.condition(root.table("join"), closed=True),
            features=root.choices("features", words.FEATURES, ()), expense_ratio=ratios[0], profit_ratio=ratios[1], ratio_reason=reason,
            waiting_days=waiting_days, waiting_not_for=waiting_not_for, before=root.choices("before", FUND_PAYERS, ()),
            preexisting=self.preexisting(), lists=self.lists(), deductibles=tuple(self.deductibles), caps=tuple(self.caps),
            limits=tuple(self.limits), exclusions=exclusions, examples=root.each("example", self.example),
            notes=root.texts("notes", ()), text=self.source.text,
            digest=hashlib.sha256(self.source.text.encode()).hexdigest())

    # ── conditions ───────────────────────────────────────────────────────────────────────────────────────────────────

    def condition(self, table: Table, *, needed: bool = False, closed: bool = False) -> Condition:
        """The condition under `is`; absent, one that always holds."""
        if needed and "is" not in table:
            table.problem("is", "缺少条件,请写 is = \"…\"", 'missing; write is = "…"')
        text = table.text("is", "")
        if closed:
            table.close()
        if not text:
            return ALWAYS
        try:
            return conditions.parse(text, self.tier_ids)
        except ConditionError as error:
            table.problem("is", f"条件无法理解:{error}", f"not understood: {error}")
            return ALWAYS

    # ── benefits ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def benefit(self, b: int, table: Table) -> Benefit:
        name = table.text("name")
        care = table.texts("care", ())
        given = self.condition(table)
        condition = conditions.both(given, Atom("med_type", "in", care)) if care else given
        weights = self.base(table)
        when_both: WhenBoth = table.choice("when_both", WHEN_BOTH) if "when_both" in table else ""
        own_deductibles = [self.own_deductible(b, t, when_both) for t in table.tables("deductible")]
        own_caps = [self.own_cap(b, t, when_both) for t in table.tables("cap")]
        for t in table.tables("limit"):
            self.limit(b, t)
        from_zero, bands = self.bands(table)
        bands_per: Period = table.choice("bands_per", get_args(Period), "year")
        variations = []
        for t in table.tables("when"):
            variation = self.variation(t, bands)
            self.vary(t, variation.condition, own_deductibles, "deductible")
            self.vary(t, variation.condition, own_caps, "cap")
            t.close()
            if (variation.bands or variation.ratios or variation.times is not None or variation.points is not None):
                variations.append(variation)
        self.stated(table, variations)
        self.deductibles += [d for d in own_deductibles if d]
        self.caps += [c for c in own_caps if c]
        benefit = Benefit(table.text("id"), name, weights, condition, bands, from_zero, bands_per, tuple(variations), when_both)
        table.close()
        return benefit

    @staticmethod
    def stated(table: Table, variations: Sequence[Variation]) -> None:
        """Silence is refused where it would decide money: how parts with different ratios use up a deductible, and
        whether a visit's deductible counts towards the one beyond it."""
        tables = table.tables("deductible")
        if any(conditions.level(v.condition) == "line" for v in variations):
            for t in tables:
                if "shared" not in t and "allocation" not in t:
                    t.problem("allocation", "本项按明细有不同比例,须写明免赔额如何使用:allocation = \"listed\" 或 \"proportion\"",
                              'ratios differ by line here: say how the deductible is used up, allocation = "listed" or "proportion"',
                              "保险法 30")
        if len(tables) > 1:
            for t in tables:
                if "shared" not in t and t.text("per", "") == "visit" and "feeds" not in t:
                    t.problem("feeds", "须写明次免赔额是否计入外层免赔额:feeds = true 或 false",
                              "say whether the visit's deductible counts towards the one beyond it: feeds = true or false")

    def base(self, table: Table) -> tuple[int, int, int, int]:
        """`in_scope_self_pay + 0.5 * preselfpay_amt` as a ten-thousandth for each bucket."""
        text = table.text("base")
        weights = dict.fromkeys(BUCKETS, 0)
        for term in text.split("+") if text else []:
            factor, star, name = (part.strip() for part in term.rpartition("*"))
            try:
                weight = money.fen(factor) * 100 if star else money.WHOLE
            except money.MoneyError:
                weight = -1
            if name not in weights or not 0 < weight <= money.WHOLE or weights[name]:
                table.problem("base", f"“{term.strip()}”无法理解;可写 {'、'.join(BUCKETS)},各一次,前面可加不超过 1 的系数,如 0.5 * preselfpay_amt",
                              f"{term.strip()!r} was not understood; write some of {', '.join(BUCKETS)}, each once, "
                              "with a factor of at most 1 where wanted, such as 0.5 * preselfpay_amt")
                continue
            weights[name] = weight
        a, p, o, s = weights.values()
        return a, p, o, s

    def bands(self, table: Table) -> tuple[bool, tuple[Band, ...]]:
        """`ratio = "70%"` for one band, or `bands` with their `bands_from`."""
        if "ratio" in table:
            if "bands" in table:
                table.problem("bands", "ratio 与 bands 只能写一个", "write ratio or bands, not both")
            return False, (Band(0, table.ratio("ratio")),)
        bands = self.band_list(table)
        start = table.choice("bands_from", ("zero", "deductible")) if "bands_from" in table or len(bands) > 1 else "deductible"
        return start == "zero", bands or (Band(0, 0),)

    def band_list(self, table: Table, key: str = "bands") -> tuple[Band, ...]:
        tables = table.tables(key)
        if not tables:
            table.problem(key, "缺少赔付比例,请写 ratio = \"70%\" 或 bands", 'missing; write ratio = "70%" or bands')
        bands: list[Band] = []
        upto: int | None = None
        for t in tables:
            band = Band(t.yuan("above"), t.ratio("ratio", "0%"), t.yuan("flat", 0))
            if upto is not None and band.above_fen != upto:
                word = ("重叠", "overlap") if band.above_fen < upto else ("空隙", "a gap")
                t.problem("above", f"上一档到 {money.yuan(upto)} 元,本档从 {money.yuan(band.above_fen)} 元起,有{word[0]};请写 above = {upto // 100}",
                          f"the band before ends at {money.yuan(upto)}, this one starts at {money.yuan(band.above_fen)}: {word[1]}; "
                          f"write above = {upto // 100}")
            if bands and band.above_fen <= bands[-1].above_fen:
                t.problem("above", "各档须由低到高排列", "bands rise: each starts above the one before")
            if "to" in t:
                upto = t.yuan("to")
                if upto <= band.above_fen:
                    t.problem("to", "须大于 above", "must be more than above")
            else:
                upto = None
            t.close()
            bands.append(band)
        if upto is not None and tables:
            tables[-1].problem("to", "最后一档不写 to;到此为止的写一档 ratio = \"0%\" 或用 cap",
                               'the last band has no `to`: add a band with ratio = "0%", or write a cap')
        return tuple(bands)

    def variation(self, table: Table, bands: Sequence[Band]) -> Variation:
        """What a `when` changes in the bands; deductibles and caps are changed by `vary`."""
        condition = self.condition(table, needed=True)
        new_bands: tuple[Band, ...] | None = None
        ratios: tuple[int, ...] | None = None
        times = points = None
        if "bands" in table:
            new_bands = self.band_list(table)
        if "ratio" in table:
            ratios = (table.ratio("ratio"),)
        if "ratios" in table:
            ratios = tuple(table.percentage("ratios", text) for text in table.texts("ratios"))
            if len(ratios) != len(bands):
                table.problem("ratios", f"应有 {len(bands)} 个比例,与 bands 各档对应", f"write {len(bands)} ratios, one for each band")
        if "times" in table:
            times = table.ratio("times")
        if "points" in table:
            points = self.points(table)
        if sum(x is not None for x in (new_bands, ratios, times, points)) > 1:
            table.problem("", "bands、ratio、ratios、times、points 一次只写一个", "write one of bands, ratio, ratios, times, points")
        return Variation(condition, new_bands, ratios, times, points)

    @staticmethod
    def points(table: Table) -> int:
        """"+10%" or "-5%": percentage points on every band."""
        text = table.text("points")
        sign = -1 if text.startswith("-") else 1
        return sign * table.percentage("points", text.lstrip("+-"))

    # ── deductibles, caps, limits ────────────────────────────────────────────────────────────────────────────────────

    def own_deductible(self, b: int, table: Table, when_both: WhenBoth) -> Deductible | None:
        if self.joins("deductible", b, table):
            return None
        per: Period = table.choice("per", get_args(Period))
        amount = Amount(table.yuan("yuan"), (), when_both)
        item = Deductible(f"{self.benefit_ids[b]}.{per}", "次免赔额" if per == "visit" else "年度免赔额", (b,), amount, per,
                          self.scope(table), False, self.allocation(table), table.flag("feeds", False))
        table.close()
        return item

    def own_cap(self, b: int, table: Table, when_both: WhenBoth) -> Cap | None:
        if self.joins("cap", b, table):
            return None
        per: Per = table.choice("per", ("item", "visit", "year"))
        label = {"item": "单项限额", "visit": "次限额", "year": "年度限额"}.get(per, "")
        item = Cap(f"{self.benefit_ids[b]}.{per}", label, (b,), Amount(table.yuan("yuan"), (), when_both), per, self.scope(table))
        table.close()
        return item

    def joins(self, kind: str, b: int, table: Table) -> bool:
        """`{ shared = "id" }` joins a deductible or cap that several benefits share."""
        if "shared" not in table:
            return False
        wanted = table.text("shared")
        if wanted not in [t.text("id", "") for t in self.root.tables(kind)]:
            table.problem("shared", f"没有 id 为“{wanted}”的 [[{kind}]]", f"there is no [[{kind}]] with the id {wanted!r}")
        self.joined[kind].setdefault(wanted, []).append(b)
        table.close()
        return True

    def shared_deductible(self, table: Table) -> None:
        name = table.text("id")
        per: Period = table.choice("per", get_args(Period))
        if "allocation" not in table:
            table.problem("allocation", "共用免赔额须写明分摊方式:allocation = \"listed\"(按所列顺序)或 \"proportion\"(按比例)",
                          'a shared deductible must say how it is used up: allocation = "listed" or "proportion"', "保险法 30")
        self.deductibles.append(Deductible(
            name, table.text("name", name), tuple(self.joined["deductible"].get(name, ())), self.varied(table), per,
            self.scope(table), True, self.allocation(table), table.flag("feeds", False)))
        table.close()

    def shared_cap(self, table: Table) -> None:
        name = table.text("id")
        per: Per = table.choice("per", ("item", "visit", "year"))
        everything = table.flag("over_all", False)
        benefits = range(len(self.benefit_ids)) if everything else self.joined["cap"].get(name, ())
        self.caps.append(Cap(name, table.text("name", name), tuple(benefits), self.varied(table), per, self.scope(table), True))
        table.close()

    def varied(self, table: Table) -> Amount:
        """The amount of a shared deductible or cap with its own `when`s."""
        when_both: WhenBoth = table.choice("when_both", WHEN_BOTH) if "when_both" in table else ""
        when = table.each("when", lambda t: (self.condition(t, needed=True), t.yuan("yuan")))
        return Amount(table.yuan("yuan"), when, when_both)

    def vary(self, table: Table, condition: Condition, items: list[Item | None], key: str) -> None:
        """`deductible = 10000` in a `when`: the one own amount; with several, `{ visit = 500, year = 10000 }`."""
        value = table.raw(key)
        if value is None:
            return
        own: dict[str, int] = {item.per: n for n, item in enumerate(items) if item}
        if isinstance(value, Mapping):
            changes = {str(per): table.amount(f"{key}.{per}", amount) for per, amount in value.items()}
        else:
            changes = {next(iter(own)) if len(own) == 1 else "": table.amount(key, value)}
        for per, amount in changes.items():
            n = own.get(per, -1)
            item = items[n] if n >= 0 else None
            if item is None:
                table.problem(key, f"本项保障没有可改的 {key}(共用的请在 [[{key}]] 里写 when;有几个时写 {{ year = … }})",
                              f"this benefit has no {key} of its own to change here: write the `when` in [[{key}]], or name "
                              "the period, such as { year = … }")
                continue
            items[n] = _with_when(item, condition, amount)

    def limit(self, b: int, table: Table) -> None:
        per: Per = table.choice("per", get_args(Per))
        self.limits.append(Limit(table.text("name"), b, table.yuan("yuan"), per, self.condition(table)))
        table.close()

    @staticmethod
    def scope(table: Table) -> Scope:
        scope: Scope = table.choice("scope", get_args(Scope), "person")
        return scope

    @staticmethod
    def allocation(table: Table) -> bool:
        return table.choice("allocation", ("listed", "proportion"), "listed") == "proportion"

    # ── the rest ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def premium(self) -> tuple[PremiumRow, ...]:
        table = self.root.table("premium")
        rows: tuple[PremiumRow, ...] = table.each("row", lambda t: PremiumRow(self.condition(t, needed=True), t.yuan("yuan")))
        if "yuan" in table or not rows:
            rows = (*rows, PremiumRow(ALWAYS, table.yuan("yuan")))
        table.close()
        return rows

    def waiting(self) -> tuple[int, Condition | None]:
        table = self.root.table("waiting")
        days = table.whole("days", 0)
        not_for = None
        if "not_for" in table:
            text = table.text("not_for")
            try:
                not_for = conditions.parse(text, self.tier_ids)
            except ConditionError as error:
                table.problem("not_for", f"条件无法理解:{error}", f"not understood: {error}")
        table.close()
        return days, not_for

    def exclusions(self, waiting_days: int, not_for: Condition | None) -> tuple[Exclusion, ...]:
        found = []
        for table in self.root.tables("exclusion"):
            diagnosis = table.texts("diagnosis", ())
            given = self.condition(table)
            condition = conditions.both(given, Atom("diagnosis", "in", diagnosis)) if diagnosis else given
            if condition == ALWAYS:
                table.problem("", "除外责任须写 diagnosis 或 is", "an exclusion needs diagnosis or is")
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
        groups = {t.text("name"): t.texts("diagnosis") for t in table.tables("group")}
        for t in table.tables("group"):
            t.text("name"), t.texts("diagnosis")
            t.close()
        years = table.whole("look_back_years", least=1)
        table.close()
        return Preexisting(years, groups)

    def lists(self) -> dict[str, tuple[str, ...]]:
        found = {}
        for table in self.root.tables("list"):
            found[table.text("id")] = table.texts("codes")
            table.close()
        return found

    @staticmethod
    def example(table: Table) -> Example:
        """`pays` is one amount for the only claim or for each; claims and person are national fields as a file has them."""
        person, claims, pays = table.raw("person") or {}, table.raw("claims") or [], table.raw("pays")
        amounts = pays if isinstance(pays, list) else [pays]
        if not claims or len(amounts) != len(claims):
            table.problem("pays", f"应有 {len(claims)} 个金额,每次结算一个", f"write {len(claims)} amounts, one for each claim")
        fen = tuple(table.amount("pays", value) for value in amounts)
        return Example(table.text("story"), person, tuple(claims), fen)


def _with_when(item: Item, condition: Condition, amount_fen: int) -> Item:
    return replace(item, amount=replace(item.amount, when=(*item.amount.when, (condition, amount_fen))))
