"""Settling over HTTP: the real messages as received, every payer in one answer, the same answer each time it is asked for."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest

from huibao.scheme.model import Scheme
from tests.web.running import FAR, HERE, NAMES, NOW, OTHER_HOSPITAL, PRODUCT
from tests.web.wards import LATER, SECOND, Message, Ward, bill, info, number, reversal

SHARED: Final = Path(__file__).parents[3] / "shared" / "interface" / "messages.json"


def received(id: str) -> Message:
    """A real message's answer, its amounts as they stand in the text."""
    if not SHARED.exists():
        pytest.skip("the real messages are not at hand: ../shared/interface/messages.json")
    return next(dict(one) for one in json.loads(SHARED.read_text("utf-8")) if one["id"] == id)


def of(id: str, person: int, *, alone: bool = False, **more: Any) -> Message:
    """A real message with the fields that its redaction removed, in the ward's time."""
    found = received(id)
    setlinfo = found["message"]["output"]["setlinfo"]
    setlinfo |= {"psn_no": f"psn{person}", "setl_id": number(), "mdtrt_id": f"V-{number()}", "setl_time": "2026-03-10 09:58:41"} | more
    answer = setlinfo if alone else found["message"]
    return {"transaction": found["transaction"], "answer": answer, "visit": {"begntime": "2026-03-05", "dscg_maindiag_code": "S72.000"}}


# ── the real messages ────────────────────────────────────────────────────────────────────────────────────────────────

@pytest.mark.clause("LZ-10", "SY-3.6")
@pytest.mark.parametrize("alone", [False, True], ids=["envelope", "setlinfo"])
def test_a_real_settlement_brings_every_payer_in_one_answer(ward: Ward, alone: bool) -> None:
    told = ward.settled(of("V1", ward.someone(), alone=alone, med_type="22"))
    assert (told["medfee_sumamt_fen"], told["person_fen"], told["pay_fen"], told["person_left_fen"]) == (2_344_246, 415_206, 364_685, 50_521)
    assert {one["payer"]: one["fen"] for one in told["payers"]} == {
        "hifob_pay": 1_878_539, "hosp_part_amt": 50_501, "commercial_pay": 364_685, "acct_pay": 17_004, "psn_cash_pay": 33_517}
    assert sum(one["fen"] for one in told["payers"]) == 2_344_246
    [benefit] = told["policies"][0]["benefits"]
    assert benefit == {"benefit": "accident", "name": "意外伤害医疗费用", "base_fen": 415_206, "deductible_fen": 10_000, "covered_fen": 405_206,
                       "payable_fen": 364_685, "pay_fen": 364_685}


def test_a_real_settlement_below_the_deductible_pays_nothing_and_says_why(ward: Ward) -> None:
    told = ward.settled(of("V1", ward.someone()))
    assert (told["pay_fen"], told["state"], told["person_left_fen"]) == (0, "confirmed", 415_206)
    assert sum(one["fen"] for one in told["payers"]) == 2_344_246
    assert "免赔额 8,000.00 元" in told["policies"][0]["zh"][0]


@pytest.mark.parametrize("amounts", [
    lambda value: value,
    lambda value: str(value) if isinstance(value, int | float) else value,
    lambda value: f" {value} " if isinstance(value, int | float) else value,
    lambda value: None if value in (0, 0.0) else value,
    lambda value: "" if value in (0, 0.0) else value,
], ids=["as received", "texts", "texts with blanks", "null for nothing", "blank for nothing"])
def test_amounts_are_exact_however_they_are_written(ward: Ward, amounts: Any) -> None:
    message = of("V1", ward.someone(), med_type="22")
    found = info(message)
    found |= {name: amounts(value) for name, value in found.items() if name.endswith(("_pay", "_amt", "_sumamt", "pay_amt", "selfpay"))}
    assert ward.settled(message)["pay_fen"] == 364_685


def test_a_real_pre_settlement_promises_nothing_and_moves_nothing(ward: Ward) -> None:
    person = ward.someone()
    message = of("V1p", person, med_type="22")
    info(message).pop("setl_id")
    before = ward.standing()
    asked = ward.post("/pre-settlements", ward.hospital(), message, "a-pre-settlement")
    again = ward.post("/pre-settlements", ward.hospital(), message, "a-pre-settlement")
    told = asked.json()
    assert (asked.status_code, told["state"], told["settlement"], told["pay_fen"]) == (200, "pre", "", 364_685)
    assert "confirm_by" not in told
    assert sum(one["fen"] for one in told["payers"]) == told["medfee_sumamt_fen"] == 2_344_246
    assert (again.content, again.headers["idempotent-replayed"]) == (asked.content, "true")
    assert ward.standing() == before
    assert ward.settled(of("V1", person, med_type="22"))["pay_fen"] == 364_685


def test_a_whole_bill_from_the_account_is_paid_back_to_it_first_from_cash(ward: Ward) -> None:
    told = ward.settled(of("V3", ward.someone()))
    assert {one["payer"]: one["fen"] for one in told["payers"]} == {"commercial_pay": 0, "acct_pay": 452}
    assert (told["person_fen"], told["pay_fen"], told["medfee_sumamt_fen"]) == (452, 0, 452)


def test_a_real_reversal_with_nulls_takes_back_to_the_fen(ward: Ward) -> None:
    person = ward.someone()
    turned = {name: -value if isinstance(value, int | float) and value else value
              for name, value in received("V2")["message"]["output"]["setlinfo"].items()}
    settled = of("V2", person)
    info(settled).update(turned | {"med_type": "22", "insutype": "310", "begndate": "2026-03-05", "enddate": "2026-03-10",
                                   "setl_time": "2026-03-10 09:58:41"})
    info(settled).pop("setl_type")
    told = ward.settled(settled | {"transaction": "2304"})
    assert (told["person_fen"], told["pay_fen"]) == (130_701, 108_631)          # (1,307.01 − 100) × 90%, half up
    assert sum(one["fen"] for one in told["payers"]) == 337_926
    taken_back = of("V2", person)
    answer = ward.settle(taken_back | {"request": {"data": {"setl_id": info(settled)["setl_id"], "psn_no": f"psn{person}"}}})
    assert (answer.status_code, answer.json()["state"], answer.json()["settlement"]) == (201, "reversed", told["settlement"])
    assert ward.rows("SELECT sum(posted_fen)::bigint FROM payment WHERE settlement_id = (SELECT id FROM settlement WHERE setl_id = %s)",
                     info(settled)["setl_id"]) == [(0,)]


def test_a_province_that_counts_the_account_inside_funds_refuses_the_other_way(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    message = of("V1", ward.someone())
    programme = ward.engine.programmes[HERE]
    changed = Scheme(**{name: getattr(programme.scheme, name) for name in Scheme.__slots__} | {"acct_pay_counted": "inside-fund"})
    programmes = dict(ward.engine.programmes) | {HERE: type(programme)(programme.code, programme.name, programme.area, programme.schema, changed)}
    monkeypatch.setattr(ward.engine, "programmes", programmes)
    refused = ward.settle(message)
    assert (refused.status_code, refused.json()["code"]) == (422, "message.payers_differ_from_total")
    assert refused.json()["figures"] == {"payers_fen": 2_344_246 - 17_004, "medfee_sumamt_fen": 2_344_246}
    assert "差额正好等于个人账户支付" in refused.json()["zh"]


@pytest.mark.parametrize("id", ["V5", "V5b", "P1", "D1"])
def test_what_is_no_settlement_is_refused_with_what_to_send(ward: Ward, id: str) -> None:
    found = received(id)
    refused = ward.settle({"transaction": found["transaction"], "answer": found["message"]})
    assert (refused.status_code, refused.json()["code"]) == (422, "message.not_a_settlement")
    assert "2304" in refused.json()["zh"]


def test_real_lines_come_with_their_bill(ward: Ward) -> None:
    lines = received("V5b")["message"]["output"]["result"]
    total = sum((Decimal(str(line["det_item_fee_sumamt"])) for line in lines), Decimal())
    message = bill(ward.someone(), 1_100) | {"lines": [line for line in lines if line["inscp_scp_amt"] == 0]}
    assert (total, ward.settled(message)["pay_fen"]) == (Decimal("165.0"), 900_00)


def test_a_fund_that_is_only_summed_up_is_a_payer_as_well(ward: Ward) -> None:
    """`fund_pay_sumamt` without the funds by name, as some provinces answer."""
    told = ward.settled(bill(ward.someone(), 1_100, fund=3_000, hifp_pay="absent"))
    assert sum(one["fen"] for one in told["payers"]) == told["medfee_sumamt_fen"] == 4_100_00


def test_two_policies_pay_one_after_the_other(ward: Ward) -> None:
    told = ward.settled(bill(ward.someone(PRODUCT, SECOND), 1_100))
    assert [(one["product"], one["insurer"], one["pay_fen"]) for one in told["policies"]] == [
        (PRODUCT, "anxin", 900_00), (SECOND, "zhongtai", 90_00)]                # (200 − 100) × 90% of what the first left
    assert (told["pay_fen"], told["person_left_fen"]) == (990_00, 110_00)


# ── the same again ───────────────────────────────────────────────────────────────────────────────────────────────────

def test_the_same_key_and_body_answer_the_same_bytes(ward: Ward) -> None:
    message = bill(ward.someone())
    first, again = (ward.settle(message, key="settled-twice") for _ in range(2))
    assert (first.status_code, again.status_code, again.content) == (201, 201, first.content)
    assert ("idempotent-replayed" in first.headers, again.headers["idempotent-replayed"]) == (False, "true")
    ward.confirmed(message)
    assert ward.settle(message, key="settled-twice").content == first.content
    other = ward.settle(bill(ward.someone()), key="settled-twice")
    assert (other.status_code, other.json()["code"]) == (409, "key.other_body")


def test_the_same_settlement_answers_the_same_whichever_way_it_comes(ward: Ward) -> None:
    person = ward.someone()
    message = bill(person)
    first = ward.settle(message)
    info(message)["psn_cash_pay"] = 1100.0
    by_other_key = ward.settle(message | {"answer": info(message)}, key="the-same-by-another-key")
    replayed = ward.settle(message | {"answer": info(message)}, key="the-same-by-another-key")
    assert (first.content, first.content) == (by_other_key.content, replayed.content)
    assert replayed.headers["idempotent-replayed"] == "true"
    by_agency = ward.settle(message | {"hospital": "H1"}, ward.token("agency"))
    assert (by_agency.status_code, by_agency.content) == (201, first.content)
    [line] = ward.file([message]).json()["taken"]
    assert line["settlement"] == first.json()["settlement"]
    assert ward.rows("SELECT count(*) FROM settlement WHERE setl_id = %s", info(message)["setl_id"]) == [(1,)]


@pytest.mark.parametrize(("field", "value"), [("medfee_sumamt", "1100.01"), ("mdtrt_id", "V-other"), ("psn_no", "another")])
def test_another_settlement_under_its_number_is_refused(ward: Ward, field: str, value: str) -> None:
    first = bill(ward.someone())
    ward.settled(first)
    other = bill(ward.someone() if value == "another" else 0) if value == "another" else json.loads(json.dumps(first))
    info(other)["setl_id"] = info(first)["setl_id"]
    if value != "another":
        info(other)[field] = value
    if field == "medfee_sumamt":
        info(other).update({"psn_cash_pay": value, "fulamt_ownpay_amt": value, "psn_part_amt": value})
    before = ward.standing()
    refused = ward.settle(other)
    assert (refused.status_code, refused.json()["code"], ward.standing()) == (409, "settlement.differs", before)


# ── afterwards ───────────────────────────────────────────────────────────────────────────────────────────────────────

def test_a_deduction_is_confirmed_once_and_exactly(ward: Ward) -> None:
    told = ward.settled(bill(ward.someone()))
    path = f"/settlements/{told['settlement']}/confirmations"
    wrong = ward.post(path, ward.hospital(), {"deducted_fen": 899_99})
    assert (wrong.status_code, wrong.json()["figures"]) == (409, {"deducted_fen": 899_99, "offered_fen": 900_00})
    assert ward.post(path, ward.hospital(OTHER_HOSPITAL), {"deducted_fen": 900_00}).json()["code"] == "settlement.unknown"
    first = ward.post(path, ward.hospital(), {"deducted_fen": 900_00}, "confirmed-once")
    again = ward.post(path, ward.hospital(), {"deducted_fen": 900_00}, "confirmed-once")
    anew = ward.post(path, ward.hospital(), {"deducted_fen": 900_00})
    assert (first.status_code, first.json()["posted_fen"], again.content) == (201, 900_00, first.content)
    assert (anew.status_code, anew.json()) == (201, first.json())
    assert ward.rows("SELECT sum(fen)::bigint FROM transfer WHERE kind = 'claim-incurred' AND settlement_id ="
                     " (SELECT id FROM settlement WHERE setl_id = %s)", told["setl_id"]) == [(900_00,)]


@pytest.mark.parametrize(("said", "state", "payee", "posted"), [
    ("stands",      "confirmed", "person",   900_00),
    ("not-settled", "void",      "hospital", 0),
])
def test_what_was_not_deducted(ward: Ward, said: str, state: str, payee: str, posted: int) -> None:
    told = ward.settled(bill(ward.someone()))
    answer = ward.post(f"/settlements/{told['settlement']}/withdrawals", ward.hospital(), {"basic_insurance": said})
    assert [answer.json()[name] for name in ("state", "payee", "posted_fen")] == [state, payee, posted]
    late = ward.post(f"/settlements/{told['settlement']}/confirmations", ward.hospital(), {"deducted_fen": 900_00})
    assert (late.status_code, late.json()["code"]) == (409, "settlement.not_offered")


def test_a_judgement_pays_what_was_held_back(ward: Ward) -> None:
    told = ward.confirmed(bill(ward.someone(), 28_000, med_type="21"))
    assert (told["pay_fen"], told["provisional"]) == (6_000_00, True)           # (28,000 − 8,000) × 60% × 50% until it is known
    asked = {"preexisting": False, "reason": "三年内住院记录中没有同类疾病"}
    path = f"/settlements/{told['settlement']}/judgements"
    assert ward.post(path, ward.insurer("zhongtai"), asked).status_code == 404
    judged = ward.post(path, ward.insurer(), asked)
    assert (judged.status_code, judged.json()["more_due_fen"], judged.json()["posted_fen"]) == (201, 6_000_00, 12_000_00)
    assert ward.post(path, ward.insurer(), asked).json()["code"] == "judgement.not_open"


@pytest.mark.parametrize("does", ["settle", "reverse", "judge"])
def test_an_agency_reaches_its_area_alone(ward: Ward, does: str) -> None:
    """The person, not the hospital, is its area's: also where it takes back or judges."""
    ward.at(NOW)
    ward.order_of(FAR)
    ward.at(LATER)
    message = bill(FAR)
    told = ward.settled(message)
    agency, before = ward.token("agency", area="9901"), ward.standing()
    refused = {
        "settle": lambda: ward.settle(bill(FAR) | {"hospital": "H1"}, agency),
        "reverse": lambda: ward.settle(reversal(info(message)["setl_id"], FAR) | {"hospital": "H1"}, agency),
        "judge": lambda: ward.post(f"/settlements/{told['settlement']}/judgements", agency, {"preexisting": False, "reason": "无"}),
    }[does]()
    assert (refused.status_code, ward.standing()) == (404, before)


def test_one_agrees_and_withdraws_at_one_moment(ward: Ward) -> None:
    """A clock that stands still, as in a demonstration."""
    member = ward.member(ward.someone())
    for account in ("6222000000000000001", None, "6222000000000000002"):
        answer = ward.post("/payment-agreements", member, {"bank_account": account})
        assert (answer.status_code, answer.json()["agreed"]) == (201, account is not None), answer.text


def test_a_feed_pays_who_agreed(ward: Ward) -> None:
    person = ward.someone()
    message = bill(person, fixmedins_code="H9")
    refused = ward.settle(message, ward.token("agency"))
    assert (refused.status_code, refused.json()["code"]) == (422, "settlement.not_agreed")
    assert ward.post("/payment-agreements", ward.token("agency"), {"bank_account": "62220000", "person": person}).status_code == 201
    told = ward.settled(message, ward.token("agency"))
    assert (told["state"], told["payee"], told["pay_fen"]) == ("confirmed", "person", 900_00)
    [notice] = ward.get("/notices", ward.member(person))["notices"]
    assert (notice["settlement"], "900.00" in notice["zh"]) == (told["settlement"], True)


def test_nothing_of_a_person_stands_in_the_plain_record(ward: Ward) -> None:
    message = bill(ward.someone(), psn_name=NAMES[FAR], certno="990101198005061004")
    ward.settled(message)
    answers = ward.rows("SELECT convert_from(answer, 'UTF8') FROM event ORDER BY seq DESC LIMIT 5")
    assert not [text for text, in answers if NAMES[FAR] in text or "S72" in text or "990101198005061004" in text]
