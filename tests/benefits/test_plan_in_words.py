"""A plan read back leaves out nothing that decides: what no sentence says, nobody agrees to, and no change of it is told."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import date, timedelta
from typing import Any, Final, get_args, get_type_hints

import pytest

from huibao.benefits import loading as plans
from huibao.benefits.authoring import plan_in_words
from huibao.benefits.changes import changes
from huibao.benefits.conditions import Atom
from huibao.benefits.model import Amount, Band, Exclusion, Limit, Plan, Preexisting

#: What says nothing of what is paid, to whom, or for what price; and what another field says: the name of a cap or deductible of one
#: benefit has its period, an exclusion stands for the days of waiting.
UNSAID: Final = {
    "scheme", "account", "sources", "features", "expense_ratio", "profit_ratio", "ratio_reason", "waiting_days", "waiting_not_for",
    "examples", "notes", "text", "surrender.clause", "exclusions.clause", "benefits.id", "deductibles.id", "caps.id", "limits.benefit",
    "deductibles.benefits", "caps.benefits", "deductibles.shared", "caps.shared",
}
#: The same every year, or not: no change of the terms.
EVERY_YEAR: Final = {"id", "name", "kind", "status", "valid_from", "valid_to", "renews", "digest"}
_OTHER: Final = Atom("age", ">=", ("77",))


def full() -> Plan:
    """A plan that uses what a plan file can say."""
    plan = plans.builtin("shenyang-example-2026")
    two = ((Atom("age", ">=", ("60",)), 900), (Atom("hardship", "in", ("none",)), 800))
    first, *rest = plan.benefits
    return replace(
        plan, tiers=(("base", "基础版"),), preexisting=Preexisting(2, {"恶性肿瘤": ("C00-C97",)}), renews="before", before=("hifes_pay",),
        benefits=(replace(first, bands=(Band(0, 6000, 100), Band(100, 7000, 200)), from_zero=True, when_both="best"), *rest),
        deductibles=tuple(replace(one, amount=Amount(1000, two, "best")) for one in plan.deductibles),
        caps=tuple(replace(one, amount=Amount(1000, two, "best")) for one in plan.caps),
        exclusions=(Exclusion("乙", Atom("age", ">=", ("60",)), "", (0,)),),
        limits=(Limit("甲", 0, 100, "visit", Atom("age", ">=", ("60",))),),
        surrender=replace(plan.surrender, after="days", cooling_days=3, fee_ratio=1000))


def others(value: Any, hint: Any) -> Iterator[Any]:
    """Other values of a field, of its type."""
    if choices := [choice for choice in get_args(hint) if isinstance(choice, str)]:
        yield from (choice for choice in choices if choice not in ("", value))
    elif isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield value + 100
    elif isinstance(value, str):
        yield {"medical": "accident", "example": "published"}.get(value, f"{value}x")
    elif isinstance(value, date):
        yield value + timedelta(days=1)
    elif isinstance(value, Mapping):
        yield {**value, "another": ("X9",)}
        yield {key: (*held, "X9") for key, held in value.items()}


def changed(found: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every copy of something that differs in one leaf, with the names of the fields that lead there."""
    hints = get_type_hints(type(found))
    for field in fields(found):
        value, name = getattr(found, field.name), f"{path}{field.name}"
        if name in UNSAID:
            continue
        if field.name.endswith("condition") or field.name in ("join", "about"):
            yield name, replace(found, **{field.name: _OTHER})
        elif is_dataclass(value):
            yield from ((deeper, replace(found, **{field.name: other})) for deeper, other in changed(value, f"{name}."))
        elif isinstance(value, tuple):
            # Other tables name benefits by their place, and each part of a bill has a weight: those are changed, not taken away.
            fewer = value[::-1] if name == "benefits.weights" else value if name == "benefits" else value[1:]
            if fewer != value:
                yield name, replace(found, **{field.name: fewer})
            for n, item in enumerate(value):
                if is_dataclass(item):
                    yield from ((deeper, replace(found, **{field.name: (*value[:n], other, *value[n + 1:])}))
                                for deeper, other in changed(item, f"{name}."))
        else:
            yield from ((name, replace(found, **{field.name: other})) for other in others(value, hints[field.name]))


CHANGED: Final = list(changed(full()))


@pytest.mark.clause("XJ-4.2")
def test_a_change_of_anything_that_decides_is_said() -> None:
    """Of each field of the model, somewhere in the plan: one band has no edge, one variation nothing to choose from."""
    before, every = full(), {path for path, _ in CHANGED}
    said = list(plan_in_words(before))
    assert len(every) > 40
    assert every - {path for path, plan in CHANGED if list(plan_in_words(plan)) != said} == set()
    assert every - {path for path, plan in CHANGED if changes(before, plan)} == EVERY_YEAR


def test_of_a_list_only_what_changed_is_said() -> None:
    plan = plans.builtin("shenyang-example-2026")
    after = replace(plan, lists={"special": ("XL01FFB002", "X3"), "car-t": ("X4",)})
    assert changes(plan, after) == ("药品目录“special”取消 1 项：XL01EFA001", "药品目录“special”新增 1 项：X3", "药品目录“car-t”新增 1 项：X4")
    assert changes(after, after) == ()
