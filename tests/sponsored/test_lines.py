"""A line of a file and what becomes of it: a table that the field can read and extend; the check and the run must agree."""

import csv
from pathlib import Path
from typing import Final

import pytest

from tests import books
from tests.books import verify
from tests.sponsored.agency import Somebody, agency_of, sheet

EMPTY: Final = "（空）"
Case = dict[str, str]


def table() -> list[Case]:
    with (Path(__file__).parent / "tables" / "lines.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


CASES: Final = table()


def somebody(id: int, case: Case) -> Somebody:
    """"40岁 居民 正常 低保" as a person."""
    born, *said = case["人员"].split(" ")
    born = f"{2026 - int(born[:-1])}-01-01" if born.endswith("岁") else born
    insurance = "" if "未参保" in said else " ".join([*said[:2], *([books.ELSEWHERE] if "外地" in said else [])])
    return Somebody(id, born, insurance, hardship=next((word for word in said if word in books.HARDSHIPS), ""),
                    died="2026-01-15" if "已故" in said else "", name=case["姓名"])


def line(one: Somebody, case: Case) -> bytes:
    full_width = one.identity.translate({ord("0") + n: 0xFF10 + n for n in range(10)})
    number = (case["名册号码"] or one.identity).format(号码=one.identity, 全角=full_width)
    name = case["名册姓名"] or one.called
    return ",".join("" if cell == EMPTY else cell for cell in (name, number, case["名册类别"])).encode()


@pytest.mark.clause("XJ-3.3", "JL-1.4")
def test_every_line_of_the_table(owner_url: str) -> None:
    """One city, one file: a person for each case, in its order."""
    people = [somebody(id, case) for id, case in enumerate(CASES, 1)]
    agency = agency_of(books.founder(owner_url), people)
    roster = agency.upload(agency.sponsor("100000"), sheet(*(line(one, case) for one, case in zip(people, CASES, strict=True))))
    agency.work()
    checked = dict(agency.lines(roster))
    assert {case["情景"]: checked[n] for n, case in enumerate(CASES, 2)} == {case["情景"]: case["核对"] for case in CASES}
    assert agency.confirm(roster).outcome == "done"
    agency.work()
    run = dict(agency.lines(roster))
    assert {case["情景"]: run[n] for n, case in enumerate(CASES, 2)} == {case["情景"]: case["核对"] or case["承保"] for case in CASES}
    assert verify(agency.city) == []
