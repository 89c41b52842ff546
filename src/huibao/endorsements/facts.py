"""Which facts can be corrected: a closed list, each with what it may be and whether it is a person's or one visit's."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from huibao.benefits.facts import FACTS
from huibao.scheme import words

#: Codes of earlier diagnoses, or that somebody looked and found none.
_LOOK_BACK: Final = re.compile(r"none|[A-Z][0-9]{2}[0-9A-Za-z.+*]{0,8}(;[A-Z][0-9]{2}[0-9A-Za-z.+*]{0,8}){0,99}")
_FLAG: Final = {"1": "是", "0": "否"}


@dataclass(frozen=True, slots=True)
class Correctable:
    """A fact: its name in Chinese, the values it may have (None: read by `readable`), the column of a message it stands in where
    it is a visit's, and whether it holds from a day on."""

    zh: str
    values: Mapping[str, str] | None = None
    column: str = ""
    is_dated: bool = False

    @property
    def of_visit(self) -> bool:
        return self.column != ""


CORRECTABLE: Final[Mapping[str, Correctable]] = {
    "hardship": Correctable("困难类别", {"none": "无", **words.HARDSHIPS}, is_dated=True),
    "insutype": Correctable("险种类型", {code: words.INSURANCE.get(code, code) for code in FACTS["insutype"].values}, is_dated=True),
    "born": Correctable("出生日期"),
    "away": Correctable("异地就医备案", {"registered": "已备案", "referred": "已转诊", "none": "无"}, is_dated=True),
    "look_back": Correctable("既往诊断"),
    "past_claims": Correctable("往年理赔", {"record": "按现有记录重新计算"}, is_dated=True),
    "preexisting": Correctable("既往症", _FLAG, "preexisting"),
    "hospital_grade": Correctable("医院等级", {"1": "一级", "2": "二级", "3": "三级"}, "hosp_lv"),
    "designated_hospital": Correctable("定点医疗机构", _FLAG, "designated_hospital"),
}


def readable(fact: str, value: str) -> bool:
    """Whether a fact may have this value."""
    found = CORRECTABLE[fact]
    if found.values is not None:
        return value in found.values
    if fact == "look_back":
        return _LOOK_BACK.fullmatch(value) is not None
    try:
        return date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def weaker(before: str, after: str) -> bool:
    """Whether a hardship category is lost, wholly or to one that counts less; `HARDSHIPS` has the strongest first."""
    order = [*words.HARDSHIPS, "none"]
    return order.index(after) > order.index(before)
