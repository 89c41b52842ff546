"""The table of cases: what happened to three residents' premiums of 100 yuan each, and how batches, money and cases stand.

A step is one of 列批, 发送, 银行付 元, 银行退回, 回单 …, 冻结/注销/解冻 人, 退保 人 [日], 投保 人, 待办 划转|留存, 确认 笔 元. In a return file 1败 is
the first entry failed, 批成 the whole batch paid, 合成3 a total of three paid. Batches are told line by line: 列 listed, 付 paid, 退 failed, 冻
and 销 an account that is not open.
"""

import csv
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Final

import pytest

from huibao.core.money import fen
from huibao.remittance import own
from huibao.remittance.model import Acknowledge, Resolve
from tests.books import City, buy, rows
from tests.books import run as buys
from tests.database import MakeProgramme
from tests.refunds.counter import Counter
from tests.remittance import office

WORDS: Final = {"paid": "付", "listed": "列", "account.frozen": "冻", "account.closed": "销"}

with (Path(__file__).parent / "tables" / "stories.csv").open(encoding="utf-8-sig", newline="") as _file:
    STORIES: Final = [tuple(row.values()) for row in csv.DictReader(_file)]


def latest(city: City) -> int:
    [(id,)] = rows(city, "SELECT max(id) FROM remittance")
    return int(id)


def bank_paid(city: City, yuan: str) -> None:
    office.run(city, own.paid(latest(city), fen(yuan), office.waiting_fen(city, latest(city))))


def return_file(city: City, *said: str) -> None:
    lines = []
    for word in said:
        result = "paid" if "成" in word else "failed"
        where, _, number = word.partition("成" if "成" in word else "败")
        if where == "批":
            lines.append(f"batch,,3,30000,{result},R09")
        elif where == "合":
            lines.append(f"total,,{number},{int(number) * office.FEN},{result},")
        else:
            lines.append(f"line,{{e{where}}},,{office.FEN},{result},R09")
    office.file(city, latest(city), "\n".join(lines))


def decide(city: City, how: str) -> None:
    [(case,)] = rows(city, "SELECT max(id) FROM open_case")
    office.done(city, Resolve(office.SECOND, case, "remit" if how == "划转" else "kept"))


def acknowledge(city: City, count: str, yuan: str) -> None:
    office.run(city, Acknowledge(31, "lead", latest(city), int(count), fen(yuan), True))


def surrender(city: City, who: str, on: str = "") -> None:
    """Within ten days everything goes back, later by the days that are left."""
    [(order,)] = rows(city, "SELECT max(order_id) FROM policy WHERE insured_id = %s", int(who))
    Counter(city).surrenders((order, 1), datetime.combine(date.fromisoformat(on), time(12), UTC) if on else office.LATER)


STEPS: Final[dict[str, Callable[..., object]]] = {
    "列批": lambda city: office.run(city, office.make(city)),
    "发送": lambda city: office.run(city, own.sent(latest(city))),
    "银行付": bank_paid,
    "银行退回": lambda city: office.run(city, own.returned(latest(city))),
    "回单": return_file,
    "冻结": lambda city, who: office.freeze(city, int(who)),
    "注销": lambda city, who: office.freeze(city, int(who), "closed"),
    "解冻": lambda city, who: office.freeze(city, int(who), "open"),
    "退保": surrender,
    "投保": lambda city, who: buys(city, [buy(city, int(who))]),
    "待办": decide,
    "确认": acknowledge,
}


@pytest.mark.clause("LZ-14", "SY-3.6")
@pytest.mark.parametrize("steps, batches, clearing, income, cases", [pytest.param(*given, id=story) for story, *given in STORIES])
def test_story(programme: MakeProgramme, steps: str, batches: str, clearing: str, income: str, cases: str) -> None:
    city = office.city_of(programme, 3, more=1)
    office.open_account(city)
    for step in steps.split("；"):
        what, *about = step.split(" ")
        STEPS[what](city, *about)
        assert office.sound(city) == [], step
    assert " ".join(told(city)) == batches
    assert office.money(city) == {"clearing": fen(clearing), "income": fen(income)}
    assert [f"{cause} {amount // 100}" for cause, amount, _ in office.open_cases(city)] == cases.split("；") if cases else not office.open_cases(city)


def told(city: City) -> list[str]:
    """Each batch, line by line."""
    found = rows(city, "SELECT remittance_id, state, counted, reason FROM remittance_line ORDER BY remittance_id, transfer_id")
    said: dict[int, str] = {}
    for remittance, state, counted, reason in found:
        said[remittance] = said.get(remittance, "") + (WORDS.get(state, "退") if counted else WORDS[reason])
    return list(said.values())
