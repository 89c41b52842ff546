"""The plan files that come with the package: their worked examples, and what those touch.

An example touches a figure when it would come out wrong with another one. So every figure of a plan, in its
`when`s too, is changed by a little, one at a time, and some example must notice. A band edge is noticed only by costs on
both sides of it, a deductible only by costs beyond it, a cap or limit only where it binds, a `when` only where it holds.
In the same way each cost is taken from its `base`, each benefit is opened to every visit, and each rule is dropped.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from typing import TypeVar

import pytest

from huibao.benefits import conditions, examples, loading
from huibao.benefits.facts import FACTS, Value
from huibao.benefits.model import BUCKETS, Amount, Band, Benefit, Plan, Variation

PUBLISHED = (
    "aksu-huiminbao-2025", "beijing-puhui-2022", "bingtuan-huiminbao-2026", "chuncheng-jixiangbao-2025", "huhuibao-2021",
    "huhuibao-2025", "huiliaobao-2025", "huirongbao-2021", "liuzhou-huiminbao-2026", "shenyang-quanminbao-2020", "suhuibao-2026",
    "suisuikang-2026",
)
#: One plan for each of the five documents, and the next year of one.
EXAMPLES = {"example-2026": None, "jilin-example-2026": "jilin", "liuzhou-example-2026": "liuzhou", "shenyang-example-2026": "shenyang",
            "xinjiang-example-2026": "xinjiang", "xizang-example-2026": "xizang",
            "xizang-example-2027": "xizang"}
EVERY = tuple(sorted((*PUBLISHED, *EXAMPLES)))

#: A little more: one yuan, and one percentage point less.
YUAN = 100
POINT = 100

builtin = cache(loading.builtin)

Mutant = tuple[str, Plan]
T = TypeVar("T")


# ── what an example can notice ───────────────────────────────────────────────────────────────────────────────────────

def mutants(plan: Plan) -> Iterator[Mutant]:
    """The plan with one figure or rule changed at a time, each with the name of what was changed."""
    for b, benefit in enumerate(plan.benefits):
        for name, changed in _of_benefit(benefit):
            yield f"{benefit.id}: {name}", replace(plan, benefits=_put(plan.benefits, b, changed))
    for d, deductible in enumerate(plan.deductibles):
        for name, amount in _amounts(deductible.amount):
            changed_deductible = replace(deductible, amount=amount)
            yield f"{deductible.id}: {name}", replace(plan, deductibles=_put(plan.deductibles, d, changed_deductible))
        for name, other in (("feeds", replace(deductible, feeds=False)), ("allocation", replace(deductible, proportion=False)),
                            ("scope", replace(deductible, scope="person"))):
            if other != deductible:
                yield f"{deductible.id}: {name}", replace(plan, deductibles=_put(plan.deductibles, d, other))
    for c, cap in enumerate(plan.caps):
        for name, amount in _amounts(cap.amount):
            yield f"cap {cap.id}: {name}", replace(plan, caps=_put(plan.caps, c, replace(cap, amount=amount)))
    yield from _rest(plan)


def _rest(plan: Plan) -> Iterator[Mutant]:
    for n, limit in enumerate(plan.limits):
        changed = replace(limit, amount_fen=limit.amount_fen + YUAN)
        yield f"limit {limit.name}", replace(plan, limits=_put(plan.limits, n, changed))
    for n, exclusion in enumerate(plan.exclusions):
        yield f"exclusion {exclusion.name}", replace(plan, exclusions=(*plan.exclusions[:n], *plan.exclusions[n + 1:]))
    for n, payer in enumerate(plan.before):
        yield f"before {payer}", replace(plan, before=(*plan.before[:n], *plan.before[n + 1:]))
    if plan.tail_days:
        yield "tail_days", replace(plan, tail_days=plan.tail_days - 1)
    if plan.visit_counts_at == "split":
        yield "split", replace(plan, visit_counts_at="admission")


def _of_benefit(benefit: Benefit) -> Iterator[tuple[str, Benefit]]:
    for k, weight in enumerate(benefit.weights):
        if weight:
            without = tuple(0 if k == other else w for other, w in enumerate(benefit.weights))
            yield f"base {BUCKETS[k]}", replace(benefit, weights=(without[0], without[1], without[2], without[3]))
    if benefit.condition != conditions.ALWAYS:
        yield "care and is", replace(benefit, condition=conditions.ALWAYS)
    for name, bands in _bands(benefit.bands):
        yield name, replace(benefit, bands=bands)
    for n, variation in enumerate(benefit.variations):
        for name, changed in _variations(variation):
            yield f"when {conditions.in_words(variation.condition)}: {name}", replace(
                benefit, variations=_put(benefit.variations, n, changed))


def _bands(bands: tuple[Band, ...]) -> Iterator[tuple[str, tuple[Band, ...]]]:
    for n, band in enumerate(bands):
        yield f"ratio {n + 1}", _put(bands, n, replace(band, ratio=band.ratio - POINT))
        if n:
            yield f"edge {n + 1}", _put(bands, n, replace(band, above_fen=band.above_fen + YUAN))
        if band.flat_fen:
            yield f"flat {n + 1}", _put(bands, n, replace(band, flat_fen=band.flat_fen + YUAN))


def _variations(variation: Variation) -> Iterator[tuple[str, Variation]]:
    for name, bands in _bands(variation.bands or ()):
        yield name, replace(variation, bands=bands)
    ratios = variation.ratios or ()
    for n, ratio in enumerate(ratios):
        yield f"ratio {n + 1}", replace(variation, ratios=_put(ratios, n, ratio - POINT))
    if variation.times is not None:
        yield "times", replace(variation, times=variation.times - POINT)
    if variation.points is not None:
        yield "points", replace(variation, points=variation.points - POINT)


def _amounts(amount: Amount) -> Iterator[tuple[str, Amount]]:
    yield "yuan", replace(amount, fen=amount.fen + YUAN)
    for n, (condition, fen) in enumerate(amount.when):
        yield f"when {conditions.in_words(condition)}: yuan", replace(amount, when=_put(amount.when, n, (condition, fen + YUAN)))


def _put(items: Sequence[T], n: int, item: T) -> tuple[T, ...]:
    return (*items[:n], item, *items[n + 1:])


def untouched(plan: Plan) -> list[str]:
    """The figures of a plan that could be others without any of its examples coming out wrong."""
    return [name for name, mutant in mutants(plan) if all(worked.right for worked in examples.run(mutant))]


# ── tests ────────────────────────────────────────────────────────────────────────────────────────────────────────────

def test_the_package_brings_the_published_products_and_an_example_for_each_document() -> None:
    plans = [builtin(plan_id) for plan_id in loading.builtin_ids()]
    assert tuple(plan.id for plan in plans) == loading.builtin_ids() == EVERY
    assert tuple(plan.id for plan in plans if plan.status == "published") == PUBLISHED
    assert {plan.id: plan.scheme for plan in plans if plan.status == "example"} == EXAMPLES
    assert sorted(plan.id for plan in plans if plan.name.endswith("（示例）")) == sorted(EXAMPLES)


@pytest.mark.parametrize("plan_id", EVERY)
def test_worked_examples_come_out_as_written(plan_id: str) -> None:
    worked = examples.run(builtin(plan_id))
    assert [(w.example.story, w.paid_fen, w.refusal) for w in worked] == [
        (w.example.story, w.example.pays_fen, None) for w in worked]


@pytest.mark.parametrize("plan_id", EVERY)
def test_examples_touch_every_deductible_band_edge_cap_and_variation(plan_id: str) -> None:
    assert untouched(builtin(plan_id)) == []


@pytest.mark.parametrize("plan_id", EVERY)
def test_no_plan_has_fewer_than_three_examples_each_with_its_own_story(plan_id: str) -> None:
    stories = [example.story for example in builtin(plan_id).examples]
    assert len(stories) >= 3
    assert sorted(set(stories)) == sorted(stories)


def test_what_no_example_touches_is_named() -> None:
    plan = builtin("suhuibao-2026")
    assert untouched(replace(plan, examples=plan.examples[:1])) == [
        "medical: care and is", "medical: ratio 2", "medical: edge 2", "medical: when 投保档次为 plus: ratio 1",
        "medical: when 投保档次为 plus: ratio 2", "medical: when 指定人群: points", "medical.year: when 投保档次为 plus: yuan",
    ]


def test_a_cap_that_does_not_bind_is_not_touched() -> None:
    plan = builtin("liuzhou-huiminbao-2026")
    assert untouched(replace(plan, examples=plan.examples[:3])) == ["out-of-scope: care and is", "cap out-of-scope.year: yuan"]


@pytest.mark.parametrize("plan_id", PUBLISHED)
def test_what_a_published_table_leaves_open_is_noted(plan_id: str) -> None:
    assert [note for note in builtin(plan_id).notes if note.startswith("未确认：")] != []


# ── premiums, which no worked example shows ──────────────────────────────────────────────────────────────────────────

PREMIUMS: list[tuple[str, dict[str, Value], int]] = [
    # plan, what is known of the insured, yuan
    ("huhuibao-2021", {}, 115),
    ("huhuibao-2025", {}, 129),
    ("beijing-puhui-2022", {}, 195),
    ("huirongbao-2021", {}, 59),
    ("suhuibao-2026", {"tier": "base"}, 99),
    ("suhuibao-2026", {"tier": "plus"}, 199),
    ("suisuikang-2026", {}, 180),
    ("shenyang-quanminbao-2020", {}, 49),
    ("huiliaobao-2025", {}, 149),
    ("liuzhou-huiminbao-2026", {}, 78),
    ("chuncheng-jixiangbao-2025", {"tier": "base", "age": 59}, 78),
    ("chuncheng-jixiangbao-2025", {"tier": "base", "age": 60}, 78),
    ("chuncheng-jixiangbao-2025", {"tier": "plus", "age": 59}, 138),
    ("chuncheng-jixiangbao-2025", {"tier": "plus", "age": 60}, 168),
    ("bingtuan-huiminbao-2026", {"tier": "base"}, 99),
    ("bingtuan-huiminbao-2026", {"tier": "plus"}, 139),
    ("aksu-huiminbao-2025", {}, 100),
    ("liuzhou-example-2026", {"age": 17}, 88),
    ("liuzhou-example-2026", {"age": 18}, 138),
    ("liuzhou-example-2026", {"age": 60}, 188),
    ("shenyang-example-2026", {}, 99),
    ("xinjiang-example-2026", {}, 120),
    ("example-2026", {}, 99),
    ("xinjiang-example-2026", {"hardship": "subsistence-allowance"}, 60),
    ("xinjiang-example-2026", {"hardship": "destitute"}, 60),
    ("xizang-example-2026", {"tier": "base", "age": 59}, 168),
    ("xizang-example-2026", {"tier": "base", "age": 60}, 268),
    ("xizang-example-2026", {"tier": "plus", "age": 59}, 358),
    ("xizang-example-2026", {"tier": "plus", "age": 60}, 498),
    ("xizang-example-2027", {"tier": "base", "age": 59}, 188),
    ("xizang-example-2027", {"tier": "base", "age": 60}, 288),
    ("xizang-example-2027", {"tier": "plus", "age": 59}, 378),
    ("xizang-example-2027", {"tier": "plus", "age": 60}, 518),
    ("jilin-example-2026", {"age": 45, "family_members": 2}, 158),
    ("jilin-example-2026", {"age": 45, "family_members": 3}, 128),
    ("jilin-example-2026", {"age": 60, "family_members": 3}, 238),
]


@pytest.mark.parametrize(("plan_id", "known", "yuan"), PREMIUMS)
def test_premiums_are_as_published(plan_id: str, known: dict[str, Value], yuan: int) -> None:
    facts = {name: fact.default for name, fact in FACTS.items()} | known
    row = next(row for row in builtin(plan_id).premium if conditions.holds(row.condition, facts))
    assert row.fen == yuan * 100


def test_the_premium_table_misses_no_plan() -> None:
    assert sorted({plan_id for plan_id, _, _ in PREMIUMS}) == list(EVERY)
