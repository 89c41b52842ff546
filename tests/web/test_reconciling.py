"""A hospital's day beside ours: totals, details, each cause, what details answer, and what another hospital's reveal: nothing."""

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import count
from typing import Any, Final

import httpx
import pytest

from huibao.reconciliation.rules import CAUSES
from tests.web.running import OTHER_HOSPITAL
from tests.web.wards import Ward, bill, number, reversal

_DAYS: Final[Iterator[date]] = (date(2026, 4, 1) + timedelta(days=n) for n in count())
PAYS: Final = 900_00
#: Nothing, without details and with none.
GIVEN: Final[tuple[list[dict[str, Any]] | None, ...]] = (None, [])


@pytest.fixture
def day() -> date:
    """A day on which nobody has settled yet."""
    return next(_DAYS)


def sends(ward: Ward, day: date, count: int, fen: int, details: list[dict[str, Any]] | None = None, hospital: str = "H1") -> dict[str, Any]:
    """What came of a hospital's day."""
    asked = {"day": str(day), "count": count, "fen": fen} | ({} if details is None else {"details": details})
    answer = ward.post("/reconciliations", ward.hospital(hospital), asked)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def line(setl_id: str, fen: int = PAYS, state: str = "deducted") -> dict[str, Any]:
    return {"setl_id": setl_id, "fen": fen, "state": state}


def found(told: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["setl_id"], one["cause"]) for one in told["differences"]]


def open_cases(ward: Ward, day: date) -> list[tuple[str, str, int]]:
    return [(setl_id, cause, fen) for setl_id, cause, fen in ward.rows(
        "SELECT setl_id, cause, fen FROM open_case WHERE kind = 'reconciliation' AND closed_at IS NULL AND on_day = %s ORDER BY id", day)]


def deducted(ward: Ward, day: date, hospital: str = "H1") -> str:
    """A settlement that the hospital deducted and confirmed; its number."""
    return str(ward.confirmed(bill(ward.someone(), day=day), hospital)["setl_id"])


def test_an_equal_day(ward: Ward, day: date) -> None:
    ids = [deducted(ward, day) for _ in range(3)]
    by_totals = sends(ward, day, 3, 3 * PAYS)
    assert {name: by_totals[name] for name in ("result", "our_count", "our_fen", "waiting", "differences", "answered", "zh")} == {
        "result": "equal", "our_count": 3, "our_fen": 3 * PAYS, "waiting": 0, "differences": [], "answered": [], "zh": "对账一致。"}
    assert sends(ward, day, 3, 3 * PAYS, [line(id) for id in ids]) == by_totals
    assert open_cases(ward, day) == []


def test_a_day_on_which_nothing_was_deducted(ward: Ward, day: date) -> None:
    assert [sends(ward, day, 0, 0, details)["result"] for details in GIVEN] == ["equal", "equal"]


@pytest.mark.parametrize(("count_", "fen"), [(2, PAYS), (1, PAYS + 1), (1, PAYS - 1), (0, 0), (0, PAYS)])
def test_totals_that_differ(ward: Ward, day: date, count_: int, fen: int) -> None:
    deducted(ward, day)
    told = sends(ward, day, count_, fen)
    assert (told["result"], told["our_count"], told["our_fen"], told["differences"]) == ("differs", 1, PAYS, [])


def arranged(ward: Ward, day: date, cause: str) -> dict[str, Any] | None:
    """What the hospital lists, if it lists it, so that it differs for this cause."""
    person = ward.someone()
    match cause:
        case "offer.deducted":
            return line(ward.settled(bill(person, day=day))["setl_id"])
        case "offer.not_deducted" | "offer.reversed":
            return line(ward.settled(bill(person, day=day))["setl_id"], 0, "reversed" if cause == "offer.reversed" else "not-deducted")
        case "missing.here":
            return line(number())
        case "missing.there":
            deducted(ward, day)
            return None
        case "amount.differs":
            return line(deducted(ward, day), PAYS - 1)
        case "reversed.here":
            id = deducted(ward, day)
            assert ward.settle(reversal(id, None)).json()["state"] == "reversed"
            return line(id)
        case "reversed.there":
            return line(deducted(ward, day), 0, "reversed")
        case "paid.to_person":
            told = ward.settled(bill(person, day=day))
            ward.post(f"/settlements/{told['settlement']}/withdrawals", ward.hospital(), {"basic_insurance": "stands"})
            return line(told["setl_id"])
        case "other.hospital":
            return line(deducted(ward, day, OTHER_HOSPITAL))
        case "other.day":
            return line(deducted(ward, day + timedelta(days=500)))
        case "listed.twice":
            return line(deducted(ward, day))
    raise AssertionError(f"how does {cause} come about?")


@pytest.mark.parametrize("cause", [cause for cause in CAUSES if not cause.startswith("offer.")])
def test_each_cause_is_found_said_and_a_case_until_a_later_day_agrees(ward: Ward, day: date, cause: str) -> None:
    detail = arranged(ward, day, cause)
    [(counted, ours)] = ward.rows("SELECT count(*), COALESCE(sum(pay_fen), 0)::bigint FROM settlement WHERE hospital = 'H1' AND settled_on = %s"
                                  " AND state = 'confirmed' AND payee = 'hospital'", day)
    details: list[dict[str, Any]] = [detail] * (2 if cause == "listed.twice" else 1) if detail else []
    told = sends(ward, day, len(details), sum(one["fen"] for one in details), details)
    [difference] = told["differences"]
    assert (told["result"], difference["cause"], (difference["zh"], difference["en"])) == ("differs", cause, CAUSES[cause])
    assert [opened[1] for opened in open_cases(ward, day)] == [cause]
    sends(ward, day, len(details), sum(one["fen"] for one in details), details)
    assert [opened[1] for opened in open_cases(ward, day)] == [cause]           # the same again is the same case
    ids = ward.rows("SELECT setl_id FROM settlement WHERE hospital = 'H1' AND settled_on = %s AND state = 'confirmed' AND payee = 'hospital'", day)
    agreed = sends(ward, day, counted, ours, [line(id) for id, in ids])
    assert (agreed["result"], open_cases(ward, day)) == ("equal", [])


def test_causes_of_offers_are_answered_by_the_details(ward: Ward, day: date) -> None:
    offers = ("offer.deducted", "offer.not_deducted", "offer.reversed")
    details = [arranged(ward, day, cause) for cause in offers]
    unlisted = ward.settled(bill(ward.someone(), day=day))
    told = sends(ward, day, 1, PAYS, [one for one in details if one])
    assert (told["waiting"], told["differences"], [one["fen"] for one in told["answered"]]) == (4, [], [PAYS, 0, 0, 0])
    assert [one["stands"] for one in told["answered"]] == [True, True, False, True]
    states = ward.rows("SELECT state, payee FROM settlement WHERE hospital = 'H1' AND settled_on = %s ORDER BY id", day)
    assert states == [("confirmed", "hospital"), ("confirmed", "person"), ("void", "hospital"), ("confirmed", "person")]
    assert told["answered"][3]["settlement"] == unlisted["settlement"]
    again = sends(ward, day, 1, PAYS, [one for one in details if one])
    assert (again["result"], again["waiting"], again["answered"]) == ("equal", 0, [])
    assert {*offers} | {cause for cause in CAUSES if not cause.startswith("offer.")} == set(CAUSES)


def test_an_offer_that_was_deducted_otherwise_is_a_case(ward: Ward, day: date) -> None:
    setl_id = ward.settled(bill(ward.someone(), day=day))["setl_id"]
    told = sends(ward, day, 1, PAYS + 1, [line(setl_id, PAYS + 1)])
    assert (found(told), told["answered"], open_cases(ward, day)) == ([(setl_id, "amount.differs")], [], [(setl_id, "amount.differs", PAYS + 1)])


def test_the_same_key_answers_the_same_and_answers_offers_once(ward: Ward, day: date) -> None:
    detail = arranged(ward, day, "offer.deducted")
    asked = {"day": str(day), "count": 1, "fen": PAYS, "details": [detail]}
    first, again = (ward.post("/reconciliations", ward.hospital(), asked, f"day-{day}") for _ in range(2))
    assert (first.status_code, again.content, again.headers["idempotent-replayed"]) == (201, first.content, "true")
    assert ward.rows("SELECT count(*) FROM transfer t JOIN settlement s ON s.id = t.settlement_id WHERE s.settled_on = %s", day) == [(1,)]


def test_another_hospitals_settlement_reveals_nothing(ward: Ward, day: date) -> None:
    """Neither in the answer nor in the case: not whose it is, not how much, not how it stands."""
    theirs = [deducted(ward, day, OTHER_HOSPITAL), ward.settled(bill(ward.someone(), day=day), ward.hospital(OTHER_HOSPITAL))["setl_id"]]
    before = ward.rows("SELECT state, payee, deadline FROM settlement WHERE setl_id = ANY(%s) ORDER BY id", theirs)
    told = sends(ward, day, 2, 2, [line(id, 1) for id in theirs])
    assert [(one["settlement"], one["our_state"], one["our_fen"], one["their_fen"]) for one in told["differences"]] == [("", "", 0, 1)] * 2
    assert (told["our_count"], told["our_fen"], told["waiting"], told["answered"]) == (0, 0, 0, [])
    assert ward.rows("SELECT state, payee, deadline FROM settlement WHERE setl_id = ANY(%s) ORDER BY id", theirs) == before
    mine = [case for case in ward.get("/cases?after=0", ward.hospital())["cases"] if case["setl_id"] in theirs]
    assert [(case["settlement"], case["fen"]) for case in mine] == [(None, 1)] * len(mine)
    assert {fen for _, _, fen in open_cases(ward, day)} == {1}


def test_a_day_of_another_hospital_is_another_day(ward: Ward, day: date) -> None:
    deducted(ward, day)
    assert sends(ward, day, 0, 0, [], OTHER_HOSPITAL)["result"] == "equal"
    assert sends(ward, day, 1, PAYS)["result"] == "equal"


def test_a_settlement_listed_twice_is_one(ward: Ward, day: date) -> None:
    setl_id = deducted(ward, day)
    told = sends(ward, day, 2, 2 * PAYS, [line(setl_id), line(setl_id)])
    assert (told["result"], told["our_count"], told["our_fen"]) == ("differs", 1, PAYS)


def refused(ward: Ward, **changed: Any) -> httpx.Response:
    asked = {"day": "2026-03-10", "count": 0, "fen": 0} | changed
    return ward.post("/reconciliations", ward.hospital(), {name: value for name, value in asked.items() if value != "absent"})


@pytest.mark.parametrize("changed", [
    {"day": "absent"}, {"day": "10.03.2026"}, {"day": "2026-02-30"}, {"count": -1}, {"count": 1_000_001}, {"count": 1.5}, {"fen": -1},
    {"fen": 2**53 + 1}, {"fen": "1"}, {"details": {}}, {"details": [1]}, {"details": [{"setl_id": "S1"}]},
    {"details": [{"setl_id": "", "fen": 1}]}, {"details": [{"setl_id": "x" * 41, "fen": 1}]}, {"details": [{"setl_id": "a\0b", "fen": 1}]},
    {"details": [{"setl_id": "某人", "fen": 1}]}, {"details": [{"setl_id": "S1\n", "fen": 1}]}, {"details": [{"setl_id": "S1", "fen": -1}]},
    {"details": [{"setl_id": "S1", "fen": 2**63}]}, {"details": [{"setl_id": "S1", "fen": 1, "state": "paid"}]},
    {"details": [{"setl_id": "S1", "fen": 1, "name": "某人"}]}, {"hospital": "H2"},
], ids=str)
def test_days_that_are_none(ward: Ward, changed: dict[str, Any]) -> None:
    answer = refused(ward, **changed)
    assert (answer.status_code, answer.json()["code"]) == (400, "body.malformed")
    assert "某人" not in answer.text


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_days_at_the_end_of_the_calendar(ward: Ward, day: str) -> None:
    assert refused(ward, day=day).json()["result"] == "equal"


def test_a_hospital_that_is_not_known_here(ward: Ward) -> None:
    answer = ward.post("/reconciliations", ward.hospital("H404"), {"day": "2026-03-10", "count": 0, "fen": 0})
    assert (answer.status_code, answer.json()["code"]) == (422, "reconciliation.hospital_unknown")


def test_thousands_of_details(ward: Ward, day: date) -> None:
    ids = [deducted(ward, day) for _ in range(3)]
    details = [line(id) for id in ids] + [line(f"none-{n}", 1) for n in range(10_000)]
    told = sends(ward, day, 10_003, 3 * PAYS + 10_000, details)
    assert ({cause for _, cause in found(told)}, len(told["differences"]), told["our_fen"]) == ({"missing.here"}, 10_000, 3 * PAYS)
    assert len(open_cases(ward, day)) == 10_000
    assert sends(ward, day, 3, 3 * PAYS, details[:3])["result"] == "equal"
    assert open_cases(ward, day) == []
