"""A small plan that loads under every scheme, and what is told when one thing in it is changed to what is refused."""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest

from huibao.benefits import loading
from huibao.core.tomlfile import FileRefused, Problem

GOOD = """
syntax = 1
id = "small"
name = "测试产品"
kind = "medical"
status = "proposed"
scheme = "shenyang"
valid = { from = 2026-01-01, to = 2026-12-31 }
visit_counts_at = "admission"
sources = ["测试"]
features = []

[premium]
yuan = 100

[join]
is = "insutype in (310, 390)"

[cost]
expense = "12%"
profit = "8%"

[waiting]
days = 180

[[exclusion]]
name = "整形美容"
diagnosis = ["Z41"]

[[benefit]]
id = "in-scope"
name = "范围内费用"
base = "in_scope_self_pay + preselfpay_amt"
care = ["21"]
deductible = { yuan = 10000, per = "year" }
bands_from = "zero"
bands = [{ above = 0, to = 30000, ratio = "60%" }, { above = 30000, ratio = "70%" }]
cap = { yuan = 300000, per = "year" }

[[benefit]]
id = "out-of-scope"
name = "范围外费用"
base = "overlmt_selfpay + fulamt_ownpay_amt"
care = ["21"]
deductible = { yuan = 20000, per = "year" }
ratio = "50%"

[[benefit.when]]
is = "place = unregistered"
ratio = "30%"

[[example]]
story = "范围内两万元"
claims = [{ in_scope_self_pay = 20000 }]
pays = 6000
"""

IN_SCOPE, OUT_OF_SCOPE = re.findall(r"\[\[benefit\]\].*?\n(?=\[\[benefit\]\]|\[\[example)", GOOD, re.DOTALL)
JOIN, EXCLUSION, WHEN = 'is = "insutype in (310, 390)"', 'diagnosis = ["Z41"]', 'is = "place = unregistered"\nratio = "30%"'
DEDUCTIBLE, OTHER_DEDUCTIBLE = 'deductible = { yuan = 10000, per = "year" }', 'deductible = { yuan = 20000, per = "year" }'
BANDS, CAP = re.findall(r"^(?:bands|cap) = .*$", GOOD, re.MULTILINE)
PREMIUM, COST = "yuan = 100\n", 'profit = "8%"'

Change = tuple[str, str]

_MEND = re.compile("请|可写|可改写|可用的区分|应[为有]|须|只能|只认识|仅在|一次只写|不写")
_MEND_EN = re.compile("write|shorten|take|choose|add|lower|make one|list them|such as|only|did you mean|it may by|reads|needs|"
                      "rise|say|a ratio can|no scheme")


class Row(NamedTuple):
    """One refusal: under which scheme, what is changed, and how it is told."""

    scheme: str
    changes: list[Change]
    key: str
    clause: str | None
    zh: str
    en: str


def changed(*changes: Change, scheme: str = "shenyang") -> str:
    text = GOOD.replace('"shenyang"', f'"{scheme}"')
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def problems(text: str) -> tuple[Problem, ...]:
    """Why a plan does not load; none where it does."""
    try:
        loading.load_text("small.toml", text)
    except FileRefused as refused:
        return refused.problems
    return ()


def told(row: Row) -> Problem:
    """The one problem that the row's change makes, told with its file, key and clause, and with the row's words."""
    [found] = problems(changed(*row.changes, scheme=row.scheme))
    assert (found.file, found.key, found.clause) == ("small.toml", row.key, row.clause)
    assert row.zh in found.zh
    assert row.en in found.en
    assert str(found).startswith(f"small.toml · {row.key}" + (f"〔{row.clause}〕" if row.clause else ""))
    return found


def check(row: Row) -> None:
    """The problem is told, and says in both languages what to write instead."""
    found = told(row)
    assert _MEND.search(found.zh)
    assert _MEND_EN.search(found.en)


def table(rows: Sequence[Any]) -> pytest.MarkDecorator:
    """Rows by what they change."""
    def name(row: Any) -> str:
        return " · ".join(new or f"without {old}" for old, new in row[1]).replace("\n", " ")[:60]

    return pytest.mark.parametrize("row", [pytest.param(Row(*row), id=f"{row[0]}: {name(row)}") for row in rows])
