"""The part of a plan file that says what is paid: benefits with their deductibles, bands, caps, limits and variations."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, TypeVar, get_args

from huibao.benefits import conditions
from huibao.benefits.conditions import ALWAYS, Atom, Condition, ConditionError
from huibao.benefits.model import (
    BUCKETS,
    Amount,
    Band,
    Benefit,
    Cap,
    Deductible,
    Limit,
    Per,
    Period,
    Scope,
    Variation,
    WhenBoth,
)
from huibao.core import money
from huibao.core.tomlfile import Table

WHEN_BOTH: Final[tuple[WhenBoth, ...]] = ("best", "first", "last")

#: What a `when` of a benefit can change.
_CHANGES: Final = ("ratio", "ratios", "bands", "times", "points", "deductible", "cap")

Item = TypeVar("Item", Deductible, Cap)


def read_condition(table: Table, tiers: Sequence[str], *, needed: bool = False, closed: bool = False) -> Condition:
    """The condition under `is`; absent, one that always holds."""
    if needed and "is" not in table:
        table.problem("is", "缺少条件，请写 is = \"…\"", 'missing; write is = "…"')
    condition = parsed(table, "is", tiers)
    if closed:
        table.close()
    return condition or ALWAYS


def parsed(table: Table, key: str, tiers: Sequence[str]) -> Condition | None:
    """The condition written under a key; None where there is none, or none that is understood."""
    text = table.text(key) if key in table else ""
    try:
        return conditions.parse(text, tiers) if text else None
    except ConditionError as error:
        table.problem(key, f"条件无法理解：{error.zh}", f"not understood: {error.en}")
        return None


def ids(tables: Sequence[Table]) -> list[str]:
    """The ids of tables that are read elsewhere, where a missing one is told; here it is an empty text."""
    return [found if isinstance(found := table.raw("id"), str) else "" for table in tables]


class BenefitTables:
    """The benefits of one plan file being read; what they share or own is gathered beside them."""

    def __init__(self, root: Table, tiers: Sequence[str]) -> None:
        self.root = root
        self.tier_ids = tuple(tiers)
        self.benefit_ids = ids(root.tables("benefit"))
        self.deductibles: list[Deductible] = []
        self.caps: list[Cap] = []
        self.limits: list[Limit] = []
        self.joined: dict[str, dict[str, list[int]]] = {"deductible": {}, "cap": {}}

    def read(self) -> tuple[Benefit, ...]:
        """Every benefit, and with them `deductibles`, `caps` and `limits`."""
        benefits = tuple(self.benefit(b, table) for b, table in enumerate(self.root.tables("benefit")))
        if not benefits:
            self.root.problem("benefit", "至少写一项保障 [[benefit]]", "write at least one [[benefit]]")
        for table in self.root.tables("deductible"):
            self.shared_deductible(table)
        for table in self.root.tables("cap"):
            self.shared_cap(table)
        return benefits

    def benefit(self, b: int, table: Table) -> Benefit:
        name = table.text("name")
        care = table.texts("care", ())
        given = read_condition(table, self.tier_ids)
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
            if not any(key in t for key in _CHANGES):
                t.problem("", f"这个 when 什么也不改，请写 {'、'.join(_CHANGES)} 之一，或删去它",
                          f"this `when` changes nothing; write one of {', '.join(_CHANGES)}, or take it out")
            t.close()
            if variation.bands or variation.ratios or variation.times is not None or variation.points is not None:
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
                    t.problem("allocation", "本项按明细有不同比例，须写明免赔额如何使用：allocation = \"listed\" 或 \"proportion\"",
                              'ratios differ by line here: say how the deductible is used up, allocation = "listed" or "proportion"',
                              "保险法 30")
        if len(tables) > 1:
            for t in tables:
                if "shared" not in t and t.text("per", "") == "visit" and "feeds" not in t:
                    t.problem("feeds", "须写明次免赔额是否计入外层免赔额：feeds = true 或 false",
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
                table.problem("base", f"“{term.strip()}”无法理解；可写 {'、'.join(BUCKETS)}，各一次，前面可加不超过 1 的系数，如 0.5 * preselfpay_amt",
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
            table.problem(key, "缺少赔付比例，请写 ratio = \"70%\" 或 bands", 'missing; write ratio = "70%" or bands')
        bands: list[Band] = []
        upto: int | None = None
        for t in tables:
            band = Band(t.yuan("above"), t.ratio("ratio", "0%"), t.yuan("flat", 0))
            if upto is not None and band.above_fen != upto:
                word = ("重叠", "overlap") if band.above_fen < upto else ("空隙", "a gap")
                t.problem("above", f"上一档到 {money.yuan(upto)} 元，本档从 {money.yuan(band.above_fen)} 元起，有{word[0]}；"
                                   f"请写 above = {money.plain_yuan(upto)}",
                          f"the band before ends at {money.yuan(upto)}, this one starts at {money.yuan(band.above_fen)}: {word[1]}; "
                          f"write above = {money.plain_yuan(upto)}")
            if bands and band.above_fen <= bands[-1].above_fen:
                t.problem("above", "各档须由低到高排列", "bands rise: each starts above the one before")
            if "to" in t:
                upto = t.yuan("to")
                if upto <= band.above_fen:
                    t.problem("to", f"须大于 above，请写多于 {money.plain_yuan(band.above_fen)} 的金额",
                              f"must be more than above; write more than {money.plain_yuan(band.above_fen)}")
            else:
                upto = None
            t.close()
            bands.append(band)
        if upto is not None and tables:
            tables[-1].problem("to", "最后一档不写 to；到此为止的写一档 ratio = \"0%\" 或用 cap",
                               'the last band has no `to`: add a band with ratio = "0%", or write a cap')
        return tuple(bands)

    def variation(self, table: Table, bands: Sequence[Band]) -> Variation:
        """What a `when` changes in the bands; deductibles and caps are changed by `vary`."""
        condition = read_condition(table, self.tier_ids, needed=True)
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
                table.problem("ratios", f"应有 {len(bands)} 个比例，与 bands 各档对应", f"write {len(bands)} ratios, one for each band")
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
        known = ids(self.root.tables(kind))
        if wanted not in known:
            near, near_en = conditions.nearest(wanted, known)
            table.problem("shared", f"没有 id 为“{wanted}”的 [[{kind}]]{near}，请写一个 [[{kind}]]，或改写已有的 id",
                          f"there is no [[{kind}]] with the id {wanted!r}{near_en}; write one, or the id of one that there is")
        self.joined[kind].setdefault(wanted, []).append(b)
        table.close()
        return True

    def shared_deductible(self, table: Table) -> None:
        name = table.text("id")
        per: Period = table.choice("per", get_args(Period))
        if "allocation" not in table:
            table.problem("allocation", "共用免赔额须写明分摊方式：allocation = \"listed\"（按所列顺序）或 \"proportion\"（按比例）",
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
        when = table.each("when", lambda t: (read_condition(t, self.tier_ids, needed=True), t.yuan("yuan")))
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
                table.problem(key, f"本项保障没有可改的 {key}（共用的请在 [[{key}]] 里写 when；有几个时写 {{ year = … }}）",
                              f"this benefit has no {key} of its own to change here: write the `when` in [[{key}]], or name "
                              "the period, such as { year = … }")
                continue
            items[n] = _with_when(item, condition, amount)

    def limit(self, b: int, table: Table) -> None:
        per: Per = table.choice("per", get_args(Per))
        self.limits.append(Limit(table.text("name"), b, table.yuan("yuan"), per, read_condition(table, self.tier_ids)))
        table.close()

    @staticmethod
    def scope(table: Table) -> Scope:
        scope: Scope = table.choice("scope", get_args(Scope), "person")
        return scope

    @staticmethod
    def allocation(table: Table) -> bool:
        return table.choice("allocation", ("listed", "proportion"), "listed") == "proportion"


def _with_when(item: Item, condition: Condition, amount_fen: int) -> Item:
    return replace(item, amount=replace(item.amount, when=(*item.amount.when, (condition, amount_fen))))
