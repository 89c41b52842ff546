"""How account money was used, over the API: who reads it, what a page and a file say, and what a policy that is shown tells."""

import csv
import io
from typing import Any, Final

import pytest

from huibao.core.money import fen
from huibao.oversight import use
from tests.web.running import BUYER, FAR, HERE, NAMES, STRANGER, Desk
from tests.web.things import asked

PATH: Final = f"/v1/{HERE}/account-use"
TODAY: Final = "2026-01-05"


@pytest.fixture(autouse=True)
def orders(desk: Desk) -> None:
    for buyer in (BUYER, STRANGER, FAR):
        desk.order_of(buyer)


@pytest.mark.clause("LZ-19c")
@pytest.mark.parametrize("by", ["product", "insurer", "account", "month"])
def test_totals_agree_with_the_ledger(desk: Desk, by: str) -> None:
    told = desk.send("GET", f"{PATH}?by={by}", desk.token("bureau")).json()
    assert (told["on"], told["by"], told["ledger"]["agrees"]) == (TODAY, by, True)
    names = ("held_fen", "captured_fen", "reversed_fen", "remitted_fen", "refunded_fen", "elsewhere_fen", "clearing_fen", "spent_fen")
    assert {name: sum(total[name] for total in told["totals"]) for name in names} == {name: told["all"][name] for name in names}
    assert told["all"]["captured_fen"] >= 3 * fen("168")


@pytest.mark.clause("LZ-19c")
def test_pages_and_the_file_say_the_same(desk: Desk) -> None:
    auditor = desk.token("auditor")
    lines: list[dict[str, Any]] = []
    after: str | None = ""
    while after is not None:
        told = desk.send("GET", f"{PATH}/orders?{f'after={after}' if after else ''}", auditor).json()
        lines += told["lines"]
        after = told["next"]
    answer = desk.send("GET", f"{PATH}/orders?form=csv", auditor)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    assert answer.headers["content-disposition"] == f'attachment; filename="account-use-{HERE}-{TODAY}.csv"'
    _, *rows, foot = csv.reader(io.StringIO(answer.content.decode("utf-8-sig")))
    assert [(row[0], fen(row[5]), fen(row[6])) for row in rows] == [(line["policy"], line["held_fen"], line["captured_fen"]) for line in lines]
    assert foot[2] == f"{len(lines)} 行"
    total = desk.send("GET", PATH, auditor).json()["all"]
    assert [fen(foot[5]), fen(foot[6]), fen(foot[11])] == [total["held_fen"], total["captured_fen"], total["clearing_fen"]]


def test_an_area_sees_its_own_people_and_no_ledger(desk: Desk) -> None:
    here, there = (desk.send("GET", f"{PATH}", desk.token("bureau", area=area)).json() for area in ("9901", "9902"))
    whole = desk.send("GET", PATH, desk.token("bureau")).json()
    assert here["ledger"] is there["ledger"] is None
    assert here["all"]["captured_fen"] + there["all"]["captured_fen"] == whole["all"]["captured_fen"]
    assert there["all"]["captured_fen"] == fen("168")


@pytest.mark.clause("LZ-16")
def test_members_see_their_own_and_nobody_elses(desk: Desk) -> None:
    told = desk.send("GET", f"/v1/{HERE}/me/account-use", desk.member(STRANGER)).json()
    assert {line["policy"][:-3] for line in told["lines"]} == {desk.order_of(STRANGER)}


@pytest.mark.parametrize(("query", "status", "code"), [
    ("on=2026-01-06",       422, "report.day_to_come"),
    ("on=yesterday",        400, "query.malformed"),
    ("by=person",           400, "query.malformed"),
    ("by=product%0A",       400, "query.malformed"),
    ("on=2025-12-31",       200, None),
    ("product=none",        200, None),
])
def test_what_is_asked(desk: Desk, query: str, status: int, code: str | None) -> None:
    answer = desk.send("GET", f"{PATH}?{query}", desk.token("bureau"))
    assert (answer.status_code, answer.json().get("code")) == (status, code)
    if status == 200:
        assert (answer.json()["totals"], answer.json()["all"]["captured_fen"]) == ([], 0)


# ── a policy that is shown ───────────────────────────────────────────────────────────────────────────────────────────

@pytest.mark.clause("LZ-19c")
def test_a_policy_is_genuine_where_number_name_and_day_are_its_own(desk: Desk) -> None:
    shown = asked(desk, "check_policy", STRANGER)
    for token in (desk.token("regulator"), desk.token("bureau", area="9902")):
        answer = desk.send("POST", f"/v1/{HERE}/verifications", token, json=shown | {"insured": f" {NAMES[STRANGER]} "})
        assert answer.json() == {"genuine": True, "state": "in-force", "product": "西藏账户家庭医疗意外保险（示例）"}


def test_what_does_not_fit_is_said_alike(desk: Desk) -> None:
    """No number, a mistyped one, another programme's, another's name, another day: one answer, byte for byte."""
    shown = asked(desk, "check_policy", STRANGER)
    number = shown["policy"]
    wrong = [{"insured": NAMES[BUYER]}, {"period_from": "2026-01-07"}, {"policy": "990000-000000099999-9-01"},
             {"policy": f"{number[:-4]}{(int(number[-4]) + 1) % 10}-01"}, {"policy": f"990001{number[6:]}"}, {"policy": f"{number[:-2]}02"}]
    answers = [desk.send("POST", f"/v1/{HERE}/verifications", desk.token("auditor"), json=shown | change) for change in wrong]
    assert {(answer.status_code, answer.content) for answer in answers} == {(200, b'{"genuine":false}')}


def test_a_file_that_breaks_off_has_no_end(desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(use, "page", broken)
    answer = desk.send("GET", f"{PATH}/orders?form=csv", desk.token("auditor"))
    assert answer.content == use.head()
    assert "a fault of ours" not in capsys.readouterr().err
