"""The closed vocabulary of facts that a plan's conditions may speak of.

A fact belongs to the *policy* (frozen when it starts), to the *visit* or to a *line* of the bill; a line sees all
three, a visit the first two. `docs/reference/facts.md` is this table for readers, and a test compares them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from huibao.scheme import words

Level = Literal["policy", "visit", "line"]
Kind = Literal["flag", "number", "choice", "code"]

#: A fact's value: flags are bool, or None where nobody knows; numbers are int; choices and codes are text.
Value = bool | int | str | None
Facts = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Fact:
    """A word that conditions may use.

    `column` is where files and messages carry it (the national field where there is one). `default` is what holds when
    it is not given; `needed` facts have none, and a row without them is rejected by plans that ask. `prefix` codes
    match by their beginning and by ranges (C00-C97). `risk` says what kind of condition it would be to join or to
    price by it, for the clauses that forbid some.
    """

    name: str
    zh: str
    level: Level
    kind: Kind
    column: str
    values: tuple[str, ...] = ()
    default: Value = None
    needed: bool = False
    prefix: bool = False
    household: bool = False
    risk: str = ""
    note: str = ""


_HARDSHIP = ("none", *words.HARDSHIPS)
_ALL: Final = (
    # What is known of the policy when it starts.
    Fact("age", "投保时年龄", "policy", "number", "age", needed=True, risk="age",
         note="whole years at the start of cover; read from brdy where age is not given"),
    Fact("insutype", "险种类型", "policy", "choice", "insutype",
         ("310", "320", "330", "340", "350", "360", "370", "380", "390", "391", "392", "399", "410", "510"), needed=True,
         note="310 employees, 390 residents"),
    Fact("tier", "投保档次", "policy", "choice", "tier", needed=True, note="the plan's own tiers"),
    Fact("hardship", "困难类别", "policy", "choice", "hardship", _HARDSHIP, "none",
         note="、".join(f"{code} {zh}" for code, zh in words.HARDSHIPS.items())),
    Fact("years_enrolled", "连续参保年数", "policy", "number", "years_enrolled", default=1, note="this year counted: 1 is the first"),
    Fact("claim_free_years", "连续未理赔年数", "policy", "number", "claim_free_years", default=0, risk="illness",
         note="healthy_years by another name"),
    Fact("healthy_years", "连续健康年数", "policy", "number", "healthy_years", default=0, risk="illness",
         note="years just before this one, without a break, for which nothing was paid"),
    Fact("healthy_since_first", "首次参保时健康并连续续保", "policy", "flag", "healthy_since_first", default=False, risk="illness"),
    Fact("with_preexisting", "特定既往症人群", "policy", "flag", "with_preexisting", default=False, risk="history",
         note="of the person, decided at the start; for the illness of one visit see preexisting"),
    Fact("paid_last_year", "上年度赔付金额", "policy", "number", "paid_last_year", default=0, risk="illness", note="whole yuan"),
    Fact("family_members", "家庭参保人数", "policy", "number", "family_members", default=1, household=True),
    Fact("designated", "指定人群", "policy", "flag", "designated", default=False),
    Fact("credential_activated", "已激活医保电子凭证", "policy", "flag", "credential_activated", default=False),
    Fact("renewed", "已续保下一年度", "policy", "flag", "renewed", default=False, note="then no tail after the end of the year"),
    Fact("health_declared", "健康告知通过", "policy", "flag", "health_declared", default=True, risk="health"),
    Fact("occupation", "职业类别", "policy", "code", "occupation", default="", risk="occupation"),
    Fact("household_registration", "户籍", "policy", "choice", "household_registration", ("local", "other"), "local",
         risk="household-registration"),
    # What is known of the visit.
    Fact("med_type", "医疗类别", "visit", "code", "med_type", needed=True, prefix=True, note="national code: 21 in-patient, 11 out-patient, …"),
    Fact("place", "就医地", "visit", "choice", "place", ("local", "referred", "registered", "unregistered"), "local",
         note="elsewhere by referral, elsewhere registered, elsewhere unregistered"),
    Fact("hospital_grade", "医院等级", "visit", "number", "hosp_lv", needed=True, note="1, 2 or 3"),
    Fact("designated_hospital", "定点医疗机构", "visit", "flag", "designated_hospital", default=True),
    Fact("diagnosis", "诊断编码", "visit", "code", "dise_codg", default="", prefix=True, note="ICD-10, national edition"),
    Fact("preexisting", "既往症", "visit", "flag", "preexisting",
         note="is this visit's illness pre-existing? unknown settles as yes for now and is marked to be decided"),
    Fact("severe_preexisting", "重大既往症", "visit", "flag", "severe_preexisting", default=False),
    Fact("accident", "意外伤害", "visit", "flag", "accident", default=False, note="also where med_type is 19 or 22"),
    Fact("basic_insurance_here", "在本地参加基本医保", "visit", "flag", "basic_insurance_here", default=True,
         note="no where the insured has moved away"),
    Fact("days_since_start", "保单生效天数", "visit", "number", "", default=0,
         note="from the first day of cover to the date that decides; computed"),
    # What is known of a line of the bill.
    Fact("drug_list", "药品目录", "line", "code", "drug_list", default="none", note="the name of a list of the plan, or none"),
    Fact("item_kind", "项目类别", "line", "choice", "item_kind", ("none", "drug", "service", "material", "implant"), "none",
         note="read from list_type where not given: 101–104 drug, 201 service, 301 material"),
    Fact("item", "目录编码", "line", "code", "med_list_codg", default="", prefix=True),
    Fact("chrgitm_lv", "收费项目等级", "line", "choice", "chrgitm_lv", ("", "01", "02", "03"), "", note="01 甲，02 乙，03 丙"),
    Fact("negotiated_drug", "谈判药品", "line", "flag", "hi_nego_drug_flag", default=False),
    Fact("innovative", "创新药械或技术", "line", "flag", "innovative", default=False),
)

FACTS: Final[Mapping[str, Fact]] = {fact.name: fact for fact in _ALL}
LEVELS: Final[tuple[Level, ...]] = ("policy", "visit", "line")

#: What a flag may be written as in files and messages.
FLAG_WORDS: Final[Mapping[str, bool | None]] = {
    "1": True, "true": True, "yes": True, "是": True, "0": False, "false": False, "no": False, "否": False, "": None, "unknown": None,
    "未知": None,
}


class FactError(ValueError):
    """A value that a fact cannot have; the message names the column and what may stand there."""


def read(fact: Fact, given: object, tiers: tuple[str, ...] = ()) -> Value:
    """A fact's value from what a file or message carries (text, number, bool or None). Raises `FactError`."""
    text = "" if given is None else str(given).strip()
    if fact.kind == "flag":
        flag = FLAG_WORDS.get(text.lower(), "?")
        if flag == "?":
            raise FactError(f"{fact.column}={text!r}: 应为 1、0 或空 (write 1, 0 or nothing)")
        return fact.default if flag is None else bool(flag)
    if not text:
        if fact.name == "tier" and tiers:
            return tiers[0]
        if fact.needed:
            raise FactError(f"{fact.column} 为空：本产品需要{fact.zh} (the plan needs it)")
        return fact.default
    if fact.kind == "number":
        if not text.isascii() or not text.isdigit() or len(text) > 9:
            raise FactError(f"{fact.column}={text!r}: 应为非负整数 (write a whole number)")
        return int(text)
    allowed = tiers if fact.name == "tier" else fact.values
    if fact.kind == "choice" and text not in allowed:
        raise FactError(f"{fact.column}={text!r}: 应为 {'、'.join(v or '空' for v in allowed)} 之一 (write one of these)")
    return text
