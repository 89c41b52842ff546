"""Settlements through the real database, one story of a table each: what is sent, in order, and what is paid.

The tables in `tables/` are read like a case history; a story can be added there without knowing Python. Amounts are yuan.

* 结算 A: a settlement numbered A of basic insurance, with what is left to the person (范围内, 先行自付, 超限价, 全自费) and what
  was paid before (统筹, 大病, 救助); 预结算 is an estimate. Expected: what is paid, with 待核定 where it is provisional, or why not.
* 确认 A: the hospital deducted what was offered. 撤销 A: it did not, the insured is paid. 作废 A: it did not, and basic insurance
  does not stand either. 冲销 A: basic insurance took A back. Expected: what is posted for A afterwards.
* 调整 A: the wait after A's reversal is over. 核定 A 是/不是: whether A's illness is pre-existing. Expected: 补 or 少 what.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from huibao.core.money import fen, plain_yuan
from huibao.record.model import DONE, Answer
from huibao.settlement.model import Adjust, Command, Confirm, Judge, MovedTold, Settle, SettlementTold, Withdraw
from tests import books
from tests.books import FOUNDED, City, Someone, owner, refusal, verify
from tests.database import MakeProgramme
from tests.settlement.ward import BILLED, Ward, bill, reversal, settled

TABLES: Final = Path(__file__).parent / "tables"
CITIES: Final = ("jilin", "liuzhou", "shenyang", "xizang")
PARTS: Final = {"范围内": "in_scope", "先行自付": "prepaid", "超限价": "over", "全自费": "self_paid", "个人账户": "account", "医院": "hospital",
                "类别": "med_type", "诊断": "diagnosis", "总额": "medfee_sumamt", "自称等级": "hosp_lv"}
FUNDS: Final = {"统筹": "hifp_pay", "大病": "hifmi_pay", "救助": "maf_pay"}
WAYS: Final = {"推送": "feed", "文件": "file"}

Story = Mapping[str, Any]


@cache
def stories(city: str) -> list[Story]:
    found: list[Story] = tomllib.loads((TABLES / f"{city}.toml").read_text("utf-8"))["story"]
    return found


CASES: Final = [pytest.param(city, n, id=f"{city}-{story['name']}") for city in CITIES for n, story in enumerate(stories(city))]


# ── a city with the people of all its stories ────────────────────────────────────────────────────────────────────────

def people(n: int, story: Story) -> list[Someone]:
    """Three people for each story: the buyer, a spouse, a child."""
    kin = f"{n * 10 + 2} 配偶 账户；{n * 10 + 3} 子女 账户"
    return [Someone(n * 10 + 1, "1985-06-15", personal="3500", kin=kin), Someone(n * 10 + 2, "1986-06-15"),
            Someone(n * 10 + 3, "2016-09-01", "居民 正常")]


@pytest.fixture(scope="module")
def wards(owner_url: str) -> Iterator[Mapping[str, Ward]]:
    found = {}
    for scheme in CITIES:
        everyone = [someone for n, story in enumerate(stories(scheme)) for someone in people(n, story)]
        found[scheme] = Ward(books.small_city(books.founder(owner_url), scheme, everyone))
    yield found
    for ward in found.values():
        ward.__exit__()


def move_in(ward: Ward, n: int, story: Story) -> None:
    """The story's people are insured, and what the story knows of them is known."""
    first = n * 10 + 1
    if ward.city.scheme.id == "xizang":
        ward.insure(first)
    else:
        ward.buys(first, *range(first, first + story.get("family", 1)))
    if "past" in story:
        ward.looked_back(first, story["past"])
    if "agrees" in story:
        ward.agrees(first)
    if "away" in story:
        kind, since, *until = story["away"].split(" ")
        with owner(ward.city) as connection:
            connection.execute("INSERT INTO standing VALUES (%s, 'away', %s, %s, %s, %s)", [first, kind, since, (until or [None])[0], FOUNDED])


# ── a step as a command ──────────────────────────────────────────────────────────────────────────────────────────────

@dataclass(slots=True)
class Telling:
    """A story while it is told: its settlements by name."""

    city: City
    n: int
    told: dict[str, tuple[int, SettlementTold]] = field(default_factory=dict)
    at: datetime = BILLED

    def command(self, step: str) -> Command:
        what, name, *words = step.split(" ")
        if what == "核定":
            return Judge(7, self.told[name][0], words == ["是"], "病历")
        said = list(zip(words[::2], words[1::2], strict=True))
        day = next((date.fromisoformat(value) for key, value in said if key == "日"), BILLED.date())
        self.at = BILLED + timedelta(days=(day - BILLED.date()).days)
        if what in ("结算", "预结算"):
            return self.settle(name, said, what == "结算")
        if what == "冲销":
            return reversal(f"{self.n}-R{name}", f"{self.n}-{name}")
        id, told = self.told[name]
        found: dict[str, Command] = {
            "确认": Confirm(7, id, told.pay_fen), "撤销": Withdraw(7, id, True), "作废": Withdraw(7, id, False), "调整": Adjust(7, id)}
        return found[what]

    def settle(self, name: str, said: list[tuple[str, str]], promises: bool) -> Settle:
        given: dict[str, Any] = {PARTS[key]: value for key, value in said if key in PARTS}
        given |= {FUNDS[key]: value for key, value in said if key in FUNDS}
        fund = sum(fen(value) for key, value in said if key in FUNDS)
        others = dict(said)
        person = self.n * 10 + int(others.get("人", "1"))
        days: dict[str, Any] = {key: date.fromisoformat(others[zh]) for key, zh in (("begin", "入院"), ("end", "出院")) if zh in others}
        lines = [line(number, value) for number, (key, value) in enumerate(said, 1) if key == "明细"]
        visit = f"{self.n}-{others['就诊']}" if "就诊" in others else None
        way: Any = WAYS.get(others.get("途径", ""), "desk")
        if fund:
            given["fund"] = plain_yuan(fund)
        return bill(person, f"{self.n}-{name}", city=self.city, visit=visit, way=way, at=self.at, lines=lines, promises=promises, **days, **given)


def line(number: int, said: str) -> dict[str, Any]:
    """目录编码:项目:金额[:创新][:丙][:2支] as a line of a bill."""
    code, kind, amount, *more = said.split(":")
    found = {"feedetl_sn": str(number), "med_list_codg": code, "item_kind": kind, "fulamt_ownpay_amt": amount}
    found |= {"innovative": "1"} if "创新" in more else {}
    found |= {"chrgitm_lv": "03"} if "丙" in more else {}
    found |= {"drug_list": "special"} if "自称特药" in more else {}
    count = next((word.removesuffix("支") for word in more if re.fullmatch(r"\d+支", word)), None)
    return found | ({"cnt": count} if count else {})


def outcome(command: Command, answer: Answer) -> str:
    """The answer in the table's own words."""
    if answer.outcome != DONE:
        return refusal(answer).code
    if isinstance(command, Settle):
        told = settled(answer)
        assert told.pay_fen == sum(policy.pay_fen for policy in told.policies) == sum(b.pay_fen for p in told.policies for b in p.benefits)
        assert told.person_left_fen == told.person_fen - told.pay_fen
        assert sum(payer.fen for payer in told.payers) == told.medfee_sumamt_fen, "every payer of the bill is named"
        return plain(told.pay_fen) + (" 待核定" if told.provisional and any(policy.benefits for policy in told.policies) else "")
    moved = msgspec.json.decode(answer.body, type=MovedTold)
    if isinstance(command, Adjust | Judge):
        return f"少 {plain(moved.less_due_fen)}" if moved.less_due_fen else f"补 {plain(moved.more_due_fen)}"
    return plain(moved.posted_fen)


def plain(amount_fen: int) -> str:
    return plain_yuan(amount_fen).removesuffix(".00")


# ── the stories ──────────────────────────────────────────────────────────────────────────────────────────────────────

@pytest.mark.clause("LZ-10", "XJ-2.2", "JL-3.3", "SY-3.6")
@pytest.mark.parametrize("scheme, n", CASES)
def test_story(wards: Mapping[str, Ward], scheme: str, n: int) -> None:
    ward, story = wards[scheme], stories(scheme)[n]
    move_in(ward, n, story)
    telling = Telling(ward.city, n)
    for step, expected in story["steps"]:
        command = telling.command(step)
        [answer] = ward.run(command, at=telling.at)
        assert (step, outcome(command, answer)) == (step, expected)
        if isinstance(command, Settle) and command.promises and answer.outcome == DONE:
            told = settled(answer)
            telling.told[step.split(" ")[1]] = (ward.id(told), told)
        assert verify(ward.city, BILLED) == [], step  # stories share a city, and none is late on the day of the first


@pytest.mark.clause("LZ-10", "XJ-2.2")
def test_what_the_desk_reads(programme: MakeProgramme) -> None:
    """一次回答写明每个支付方，以及免赔额、限额还剩多少。"""
    with Ward(books.small_city(programme, "liuzhou", [Someone(1)])) as ward:
        ward.buys(1)
        [told] = ward.settle(bill(1, "A", city=ward.city, in_scope="16000", fund="44000", hifp_pay="36000", maf_pay="8000", account="5000"))
        assert [(payer.payer, plain(payer.fen)) for payer in told.payers] == [
            ("hifp_pay", "36000"), ("maf_pay", "8000"), ("commercial_pay", "12600"), ("acct_pay", "3400")]
        [policy] = told.policies
        assert (policy.insurer, plain(policy.pay_fen), plain(told.person_left_fen)) == ("lead", "12600", "3400")
        assert [(left.kind, left.per, plain(left.fen), plain(left.used_fen), plain(left.left_fen)) for left in policy.remaining] == [
            ("deductible", "visit", "500", "500", "0"), ("deductible", "year", "6000", "6000", "0"), ("deductible", "year", "15000", "0", "15000"),
            ("cap", "year", "250000", "12600", "237400"), ("cap", "year", "200000", "0", "200000"), ("cap", "year", "300000", "12600", "287400")]


@pytest.mark.parametrize("scheme", CITIES)
def test_each_table_has_stories_of_their_own(scheme: str) -> None:
    names = [story["name"] for story in stories(scheme)]
    assert len(names) >= 10
    assert sorted(set(names)) == sorted(names)
    assert all(len(step) == 2 for story in stories(scheme) for step in story["steps"])
