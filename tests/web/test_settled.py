"""Reading settlements: each step of one by its number, for whom it concerns, and what waits for whom."""

import pytest

from huibao.policies.numbers import settlement_number
from tests.web.running import FAR, HERE, NOW, OTHER_HOSPITAL, PRODUCT
from tests.web.wards import LATER, SECOND, Ward, bill, info, reversal


def read(ward: Ward, settlement: str, who: str) -> tuple[int, bytes]:
    answer = ward.send("GET", f"/v1/{HERE}/settlements/{settlement}", who)
    return answer.status_code, answer.content


@pytest.mark.clause("LZ-10")
def test_each_step_with_what_was_used_before_and_what_remains(ward: Ward) -> None:
    person = ward.someone()
    ward.settled(bill(person, 7_000, med_type="21"))
    told = ward.confirmed(bill(person, 3_000, med_type="21"))
    assert told["pay_fen"] == 600_00                                            # (7,000 + 3,000 − 8,000) × 30%, pre-existing unknown
    found = ward.get(f"/settlements/{told['settlement']}", ward.member(person))
    assert found["told"] == told
    assert {name: found[name] for name in ("setl_id", "state", "payee", "hospital", "person_fen", "pay_fen", "reversed_by")} == {
        "setl_id": told["setl_id"], "state": "confirmed", "payee": "hospital", "hospital": "H1", "person_fen": 3_000_00, "pay_fen": 600_00,
        "reversed_by": None}
    assert found["payments"] == [{"policy": told["policies"][0]["policy"], "product": PRODUCT, "pay_fen": 600_00, "posted_fen": 600_00,
                                  "target_fen": 600_00}]
    steps = found["told"]["policies"][0]["zh"]
    assert "年度免赔额 8,000.00 元，此前已用 7,000.00 元，本次扣除 1,000.00 元" in steps[0]
    assert steps[-1] == "合计赔付 600.00 元。"
    left = {one["name"]: (one["fen"], one["used_fen"], one["left_fen"]) for one in found["told"]["policies"][0]["remaining"]
            if (one["per"], one["fen"]) in {("year", 8_000_00), ("year", 300_000_00)}}
    assert left == {"年度免赔额": (8_000_00, 8_000_00, 0), "年度限额": (300_000_00, 600_00, 299_400_00)}


def test_who_reads_a_settlement_and_to_whom_it_is_unknown(ward: Ward) -> None:
    person = ward.someone()
    told = ward.settled(bill(person))
    unknown = settlement_number(HERE, 999_999)
    for who in (ward.member(person), ward.hospital(), ward.insurer(), ward.token("agency"), ward.token("auditor"),
                ward.token("agency", area="9901")):
        assert read(ward, told["settlement"], who)[0] == 200
        assert read(ward, unknown, who)[0] == 404
    for who in (ward.member(ward.someone()), ward.hospital(OTHER_HOSPITAL), ward.insurer("zhongtai"), ward.insurer("hongtu"),
                ward.token("agency", area="9902")):
        assert read(ward, told["settlement"], who) == (404, read(ward, unknown, who)[1])


@pytest.mark.parametrize("number", ["990000-S000000000001-0", "990001-S000000000001-5", "990000-S999999999999-9"])
def test_numbers_that_are_none(ward: Ward, number: str) -> None:
    assert read(ward, number, ward.hospital())[0] == 404
    for path, asked in (("confirmations", {"deducted_fen": 1}), ("withdrawals", {"basic_insurance": "stands"})):
        answer = ward.post(f"/settlements/{number}/{path}", ward.hospital(), asked)
        assert (answer.status_code, answer.json()["code"]) == (404, "settlement.unknown")


def test_a_member_lists_ones_own_newest_first(ward: Ward) -> None:
    person = ward.someone()
    first, second = ward.confirmed(bill(person)), ward.settled(bill(person))
    ward.settle(reversal(second["setl_id"], person))
    assert ward.get("/settlements", ward.member(person))["settlements"] == [
        {"settlement": told["settlement"], "setl_id": told["setl_id"], "settled_on": "2026-03-10", "hospital": "医院H1（示例）", "state": state,
         "payee": "hospital", "pay_fen": 900_00} for told, state in ((second, "reversed"), (first, "confirmed"))]
    assert ward.get("/settlements", ward.member(ward.stranger()))["settlements"] == []


def test_a_reversed_settlement_names_what_took_it_back(ward: Ward) -> None:
    person = ward.someone()
    told = ward.confirmed(bill(person))
    message = reversal(told["setl_id"], person)
    assert ward.settle(message).json()["state"] == "reversed"
    found = ward.get(f"/settlements/{told['settlement']}", ward.member(person))
    assert (found["state"], found["reversed_by"], found["pay_fen"], found["payments"][0]["posted_fen"]) == (
        "reversed", info(message)["setl_id"], 900_00, 0)


def test_an_insurer_reads_what_its_own_policies_pay_and_nothing_of_anothers(ward: Ward) -> None:
    person = ward.someone(PRODUCT, SECOND)
    ward.post("/payment-agreements", ward.member(person), {"bank_account": "6222000000000000001"})
    told = ward.settled(bill(person, fixmedins_code="H9"), ward.token("agency"))
    whole = ward.get(f"/settlements/{told['settlement']}", ward.member(person))
    assert [payout["fen"] for payout in whole["payouts"]] == [900_00, 90_00]
    for insurer, product, fen in (("anxin", PRODUCT, 900_00), ("zhongtai", SECOND, 90_00)):
        found = ward.get(f"/settlements/{told['settlement']}", ward.insurer(insurer))
        assert [(one["product"], one["pay_fen"]) for one in found["payments"]] == [(product, fen)]
        assert [(one["product"], one["insurer"], one["pay_fen"]) for one in found["told"]["policies"]] == [(product, insurer, fen)]
        assert [payout["fen"] for payout in found["payouts"]] == [fen]


def test_notices_are_ones_own(ward: Ward) -> None:
    person = ward.someone()
    told = ward.settled(bill(person))
    ward.post(f"/settlements/{told['settlement']}/withdrawals", ward.hospital(), {"basic_insurance": "stands"})
    [notice] = ward.get("/notices", ward.member(person))["notices"]
    assert (notice["settlement"], notice["at"]) == (told["settlement"], "2026-03-10T02:00:00Z")
    assert ("900.00 元" in notice["zh"], "900.00 yuan" in notice["en"]) == (True, True)
    assert ward.get("/notices", ward.member(ward.stranger()))["notices"] == []


# ── cases ────────────────────────────────────────────────────────────────────────────────────────────────────────────

def cases(ward: Ward, who: str) -> list[dict[str, object]]:
    """Every open case that somebody reads, page after page."""
    found: list[dict[str, object]] = []
    while page := ward.get(f"/cases?after={found[-1]['case'] if found else 0}", who)["cases"]:
        found += page
    return found


def test_a_case_waits_for_those_whom_it_concerns(ward: Ward) -> None:
    told = ward.confirmed(bill(ward.someone(), 28_000, med_type="21"))
    [mine] = [case for case in cases(ward, ward.insurer()) if case["settlement"] == told["settlement"]]
    assert (mine["kind"], mine["cause"], mine["fen"], mine["due_on"], mine["hospital"]) == (
        "preexisting", "look_back.missing", 6_000_00, "2026-04-09", "H1")
    assert mine["policy"] == told["policies"][0]["policy"]
    for who in (ward.hospital(), ward.token("agency"), ward.token("auditor")):
        assert mine in cases(ward, who)
    for who in (ward.hospital(OTHER_HOSPITAL), ward.insurer("zhongtai"), ward.insurer("hongtu")):
        assert mine not in cases(ward, who)
    assert {case["hospital"] for case in cases(ward, ward.hospital())} == {"H1"}


def test_a_case_about_another_insurers_policy_is_not_shown(ward: Ward) -> None:
    """Two policies of two leads pay one bill: each lead reads the case of its own policy."""
    told = ward.confirmed(bill(ward.someone(PRODUCT, SECOND), 28_000, med_type="21"))
    policies = {one["insurer"]: one["policy"] for one in told["policies"]}
    for insurer in ("anxin", "zhongtai"):
        mine = [case["policy"] for case in cases(ward, ward.insurer(insurer)) if case["settlement"] == told["settlement"]]
        assert mine == [policies[insurer]]


def test_an_agency_lists_cases_of_its_area_alone(ward: Ward) -> None:
    ward.at(NOW)
    ward.order_of(FAR)
    ward.at(LATER)
    far = ward.settled(bill(FAR, 28_000, med_type="21"))
    assert far["settlement"] in [case["settlement"] for case in cases(ward, ward.token("agency", area="9902"))]
    assert far["settlement"] not in [case["settlement"] for case in cases(ward, ward.token("agency", area="9901"))]


def test_a_parked_reversal_is_shown_until_its_original_comes(ward: Ward) -> None:
    original = bill(ward.someone())
    parked = reversal(info(original)["setl_id"], info(original)["psn_no"][3:])
    answer = ward.settle(parked)
    assert (answer.status_code, answer.json()["state"], answer.json()["settlement"]) == (201, "parked", "")
    [case] = [case for case in cases(ward, ward.hospital()) if case["setl_id"] == info(parked)["setl_id"]]
    assert (case["kind"], case["cause"], case["fen"]) == ("reversal-parked", "reversal.original_unknown", 0)
    assert ward.settle(parked).content == answer.content
    assert ward.settle(original).json()["code"] == "settlement.taken_back"


@pytest.mark.parametrize(("query", "status"), [
    ("after=0", 200), ("after=9223372036854775807", 200), ("after=99999999999999999999999", 200), ("after=-1", 400), ("after=x", 400),
    ("after=1.5", 400), ("after=", 400), ("before=1", 400),
])
def test_pages_of_cases(ward: Ward, query: str, status: int) -> None:
    answer = ward.send("GET", f"/v1/{HERE}/cases?{query}", ward.hospital())
    assert answer.status_code == status, answer.text


@pytest.mark.parametrize(("account", "status"), [
    ("6222000000000000001", 201), ("12345678", 201), ("1234567", 400), ("1" * 33, 400), ("６２２２００００", 400), ("6222 0000 0000", 400),
    ("6222000000000000001\n", 400), (6222000000000000001, 400), ("", 400), (["6222000000000000001"], 400),
])
def test_bank_accounts_are_digits(ward: Ward, account: object, status: int) -> None:
    answer = ward.post("/payment-agreements", ward.member(ward.stranger()), {"bank_account": account})
    assert answer.status_code == status, answer.text
    assert str(account) not in answer.text or not account


def test_who_is_named_in_an_agreement(ward: Ward) -> None:
    member, person = ward.member(ward.stranger()), ward.stranger()
    asked = {"bank_account": "6222000000000000001"}
    assert ward.post("/payment-agreements", member, asked | {"person": person}).json()["code"] == "access.person"
    assert ward.post("/payment-agreements", ward.token("agency"), asked).json()["code"] == "person.needed"
    nobody = ward.post("/payment-agreements", ward.token("agency"), asked | {"person": 999_999})
    assert 400 <= nobody.status_code < 500
    first, again = (ward.post("/payment-agreements", ward.token("agency"), asked | {"person": person}, "agreed-twice") for _ in range(2))
    assert (first.status_code, again.content, again.headers["idempotent-replayed"]) == (201, first.content, "true")
