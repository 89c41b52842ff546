"""The demonstration's programmes: each character's story holds, what is sold may be sold, and a mistake in a file is named."""

from datetime import date, timedelta
from itertools import pairwise
from typing import Final

import pytest

from huibao.benefits import loading as plans
from huibao.benefits.facts import Value
from huibao.benefits.premium import premium_fen
from huibao.core.refusal import Refusal
from huibao.core.time import whole_years
from huibao.core.tomlfile import FileRefused
from huibao.demo.names import Style
from huibao.demo.population import Population, populate
from huibao.demo.programmes import DemoProgramme, builtin, load_text
from huibao.scheme import loading as schemes
from huibao.scheme.asked import Enrolment, Person, Product, Purchase
from huibao.scheme.rules import Granted, decide_purchase

PROGRAMMES: Final = {programme.code: programme for programme in builtin()}
#: The characters alone.
TOWNS: Final = {code: populate(programme, 0, 1) for code, programme in PROGRAMMES.items()}
#: A day of the example plans' year.
ON: Final = date(2026, 6, 1)

each_programme = pytest.mark.parametrize("programme", PROGRAMMES.values(), ids=PROGRAMMES)


# ── stories ──────────────────────────────────────────────────────────────────────────────────────────────────────────

SELF: Final = 0
#: The programme, who buys, for whom (0: the buyer), what with which tier, by which money; then what comes of it: the refusal
#: with its clause, or what each account and cash pay in yuan, who reviews, and a clause that it is granted under.
STORIES: Final = [
    # code, buyer, insured, product, tier, pay_with, expected
    ("450200", 1, SELF, "liuzhou-example-2026",    None,   "account", ({"personal": 138}, 0, "agency", "LZ-5")),
    ("450200", 1, 2,    "liuzhou-example-2026",    None,   "account", ({"personal": 188}, 0, "agency", "LZ-5")),
    ("450200", 1, 3,    "liuzhou-example-2026",    None,   "account", ("relation.not_allowed", "LZ-5")),
    ("450200", 3, SELF, "liuzhou-example-2026",    None,   "account", ({"personal": 138}, 0, "agency", "LZ-5")),
    ("450200", 1, SELF, "liuzhou-huiminbao-2026",  None,   "account", ("product.account_not_open", None)),
    ("450200", 1, SELF, "liuzhou-huiminbao-2026",  None,   "cash",    ({}, 78, "none", None)),
    ("450200", 4, SELF, "liuzhou-example-2026",    None,   "account", ({"personal": 138}, 0, "agency", "LZ-5")),
    ("450200", 4, 5,    "liuzhou-example-2026",    None,   "account", ("payer.chronic_benefit", "LZ-7")),
    ("450200", 4, 5,    "liuzhou-example-2026",    None,   "cash",    ({}, 188, "none", None)),
    ("450200", 6, SELF, "liuzhou-example-2026",    None,   "account", ({"personal": 50, "savings": 88}, 0, "agency", "LZ-24")),
    ("450200", 7, SELF, "liuzhou-example-2026",    None,   "account", ("payer.status_not_normal", "LZ-6")),
    ("450200", 8, SELF, "liuzhou-example-2026",    None,   "account", ("account.insufficient", None)),
    ("450200", 8, SELF, "liuzhou-example-2026",    None,   "cash",    ({}, 138, "none", None)),
    ("210100", 1, SELF, "shenyang-example-2026",   None,   "account", ("account.not_provided", None)),
    ("210100", 1, SELF, "shenyang-example-2026",   None,   "cash",    ({}, 99, "none", "SY-2.1")),
    ("210100", 1, 2,    "shenyang-example-2026",   None,   "cash",    ({}, 99, "none", "SY-2.1")),
    ("210100", 1, 3,    "shenyang-example-2026",   None,   "cash",    ({}, 99, "none", "SY-2.1")),
    ("210100", 4, SELF, "shenyang-example-2026",   None,   "cash",    ("join.status_not_normal", "SY-2.1")),
    ("540000", 1, 2,    "xizang-example-2026",     "base", "account", ({"personal": 268}, 0, "none", "XZ-3")),
    ("540000", 1, 3,    "xizang-example-2026",     "base", "account", ("relation.not_allowed", "XZ-3")),
    ("540000", 4, SELF, "xizang-example-2026",     "base", "account", ("account.balance_below_minimum", "XZ-2")),
    ("540000", 5, SELF, "xizang-example-2026",     "base", "account", ({"personal": 168}, 0, "none", "XZ-2")),
    ("540000", 6, 10,   "xizang-example-2026",     "plus", "account", ({"personal": 358}, 0, "none", "XZ-3")),
    ("540000", 11, SELF, "xizang-example-2026",    "base", "account", ({"personal": 168}, 0, "none", "XZ-2")),
    ("540000", 11, 12,  "xizang-example-2026",     "base", "account", ({"personal": 268}, 0, "none", "XZ-3")),
    ("540000", 11, SELF, "xizang-example-2027",    "base", "account", ({"personal": 188}, 0, "none", "XZ-2")),
    ("540000", 11, 12,  "xizang-example-2027",     "base", "account", ({"personal": 288}, 0, "none", "XZ-3")),
    ("652900", 1, 2,    "xinjiang-example-2026",   None,   "account", ({"personal": 60}, 0, "agency", "XJ-3.3")),
    ("652900", 3, SELF, "xinjiang-example-2026",   None,   "account", ("payer.not_enrolled", "XJ-3.3")),
    ("652900", 3, SELF, "xinjiang-example-2026",   None,   "cash",    ({}, 120, "none", "XJ-2.1")),
    ("652900", 1, 4,    "xinjiang-example-2026",   None,   "account", ("relation.not_allowed", "XJ-3.3")),
    ("652900", 5, SELF, "xinjiang-example-2026",   None,   "account", ({"personal": 20}, 100, "agency", "XJ-3.3")),
    ("220000", 1, SELF, "jilin-example-2026",      None,   "cash",    ({}, 158, "none", "JL-1.1")),
    ("220000", 2, SELF, "jilin-example-2026",      None,   "account", ("account.not_provided", None)),
    ("220000", 2, SELF, "jilin-example-2026",      None,   "cash",    ({}, 158, "none", "JL-1.1")),
    ("220000", 4, SELF, "jilin-example-2026",      None,   "cash",    ({}, 238, "none", "JL-1.1")),
]


def person_of(town: Population, id: int) -> Person:
    enrolments = tuple(Enrolment(e.insurance, e.status, e.area) for e in town.enrolments if e.person == id and e.valid_to is None)
    return Person(enrolments, any(s.person == id and s.kind == "chronic-benefit" for s in town.standings))


def premium_of(town: Population, product: str, insured: int, tier: str | None, family_members: int = 1) -> int:
    hardship = next((s.value for s in town.standings if s.person == insured and s.kind == "hardship"), "none")
    facts: dict[str, Value] = {
        "age": whole_years(town.people[insured - 1].born, ON + timedelta(days=1)), "hardship": hardship, "family_members": family_members,
        "insutype": person_of(town, insured).enrolments[0].insurance, **({"tier": tier} if tier else {})}
    fen = premium_fen(plans.builtin(product), facts)
    assert fen is not None
    return fen


def decide(code: str, buyer: int, insured: int, product: str, tier: str | None, pay_with: str, family_members: int = 1,
           taken_fen: int = 0) -> Granted | Refusal:
    """A scheme's decision about characters, as the town has them."""
    town, plan, insured = TOWNS[code], plans.builtin(product), insured or buyer
    kin = next((k for k in town.kinships if (k.person, k.relative) == (buyer, insured)), None)
    return decide_purchase(schemes.builtin(PROGRAMMES[code].scheme), ON, Purchase(
        payer=person_of(town, buyer), insured=person_of(town, insured), relation=kin.relation if kin else "self",
        account_family=bool(kin and kin.account_family), product=Product(plan.kind, plan.features, True, plan.account != "closed"),
        premium_fen=premium_of(town, product, insured, tier, family_members), pay_with=pay_with,
        balances_fen=tuple((purse.kind, purse.fen) for purse in town.purses if purse.person == buyer),
        paid_this_year_fen=taken_fen, taken_fen=(("personal", taken_fen),)))


@pytest.mark.clause("LZ-5", "LZ-6", "LZ-7", "LZ-24", "XZ-2", "XZ-3", "XJ-3.3", "SY-2.1", "JL-1.1")
@pytest.mark.parametrize(("code", "buyer", "insured", "product", "tier", "pay_with", "expected"), STORIES)
def test_each_story_holds(code: str, buyer: int, insured: int, product: str, tier: str | None, pay_with: str, expected: tuple[object, ...]) -> None:
    decision = decide(code, buyer, insured, product, tier, pay_with)
    if isinstance(decision, Refusal):
        assert (decision.code, decision.clause) == expected
        return
    parts, cash, review, clause = expected
    assert {part.account: part.fen // 100 for part in decision.parts} == parts
    assert (decision.cash_fen, decision.review.by) == (int(str(cash)) * 100, review)
    assert clause is None or clause in decision.clauses


@pytest.mark.clause("XZ-2")
def test_the_fifth_of_a_family_finds_68_yuan_left_of_the_years_limit() -> None:
    taken, split = 0, []
    for insured in (6, 7, 8, 9, 10):
        granted = decide("540000", 6, insured, "xizang-example-2026", "plus", "account", 5, taken)
        assert isinstance(granted, Granted)
        split.append((granted.account_fen, granted.cash_fen))
        taken += granted.account_fen
    assert split == [(35800, 0), (35800, 0), (35800, 0), (35800, 0), (6800, 29000)]


def test_three_of_one_family_pay_less_each() -> None:
    assert {premium_of(TOWNS["220000"], "jilin-example-2026", insured, None, 3) for insured in (1, 2, 3)} == {12800}


def test_every_character_stands_in_a_story() -> None:
    told = {(code, person) for code, buyer, insured, *_ in STORIES for person in (buyer, insured or buyer)}
    told |= {("540000", id) for id in (6, 7, 8, 9)} | {("220000", 3)}
    assert {(code, c.id) for code, programme in PROGRAMMES.items() for c in programme.characters} == told


# ── files ────────────────────────────────────────────────────────────────────────────────────────────────────────────

def test_an_insurer_has_one_name_everywhere() -> None:
    names = {(insurer.id, insurer.name) for programme in PROGRAMMES.values() for insurer in programme.insurers}
    assert len({id for id, _ in names}) == len(names)
    assert all(name.endswith("（示例）") for _, name in names)


@each_programme
def test_shares_do_not_divide_evenly(programme: DemoProgramme) -> None:
    assert 10_000 % sum(insurer.weight for insurer in programme.insurers)


@each_programme
def test_what_is_sold_is_sold_by_a_route_of_the_scheme_within_its_year(programme: DemoProgramme) -> None:
    scheme = schemes.builtin(programme.scheme)
    sales = [(plans.builtin(shown.plan), shown.sale) for shown in programme.products if shown.sale]
    for plan, sale in sales:
        assert sale.since <= sale.until < plan.valid_to
        assert plan.status == "example" or plan.valid_from <= sale.since
        assert all(sale.route in listing.by for listing in scheme.listing)
    assert [plan.status for plan, _ in sales if plan.renews is None].count("example") == 1
    # A next year is that of what stands before it, and both are on sale at once for a while.
    for (before, first), (plan, sale) in pairwise(sales):
        assert plan.renews in (None, before.id)
        assert plan.renews is None or (plan.valid_from > before.valid_to and sale.since <= first.until)


_SMALL: Final = """
code = "991200"
name = "试城"
scheme = "test"
area = "991200"
areas = ["991200"]
elsewhere = ["991300"]
names = { han = 100 }
"""


@pytest.mark.parametrize(("text", "key"), [
    ('names = { han = 90 }',                                                         "names"),
    ('[[kin]]\nperson = 1\nrelative = 2\nrelation = "spouse"\nevidence = "结婚证"',  "kin[1].relative"),
    ('[[product]]\nplan = "x"\nroute = "friend"\nsale = { from = 2026-01-01, to = 2026-12-30 }', "product[1].route"),
    ('[[character]]\nid = 2\nname = "甲"\nsex = "male"\nborn = 1980-01-01\ninsurance = ["310"]\nstory = "无"', "character"),
    ('[[insurer]]\nid = "a"\nname = "甲"\nweight = 0',                                "insurer[1].weight"),
    ('[[bought]]\nbuyer = 1\ninsured = ["1"]\npay_with = "account"',                    "bought[1].insured"),
])
def test_a_mistake_in_a_file_is_named(text: str, key: str) -> None:
    style = {"han": Style("surname", ("王",), ("明",), ("静",), ())}
    assert load_text("test.toml", _SMALL, style).code == "991200"
    small = _SMALL.replace("names = { han = 100 }\n", "") if text.startswith("names") else _SMALL
    with pytest.raises(FileRefused) as refused:
        load_text("test.toml", small + text + "\n", style)
    assert [problem.key for problem in refused.value.problems] == [key]
