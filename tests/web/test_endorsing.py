"""Endorsements over HTTP: asked for by one, approved by another, read by who may, and what was paid explained with the correction."""

from typing import Any, Final

import pytest

from tests.web.running import HERE, NEW_TOO, NOW
from tests.web.wards import LATER, SECOND, Ward, bill

CORRECTED: Final = {"reason": "院方申报有误", "evidence": "批复 1"}


def clerk(ward: Ward, label: str = "甲") -> str:
    """A clerk of the agency; each label another."""
    return ward.credential("agency", scopes=(), area=None, expires_at=LATER.replace(year=2027, day=1 + "甲乙丙".index(label)))[1]


def asked(ward: Ward, who: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = ward.post(f"/endorsements/{path}", who, body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def approve(ward: Ward, number: int, who: str) -> Any:
    return ward.post(f"/endorsements/{number}/answers", who, {"approve": True, "reason": "已核对"})


@pytest.mark.clause("LZ-19")
def test_a_member_changes_the_phone_and_asks_for_another_account(ward: Ward) -> None:
    person = ward.someone()
    me = ward.member(person)
    done = asked(ward, me, "details", {"kind": "phone", "value": "13900001111", "reason": "换号"})
    assert (done["state"], done["zh"]) == ("done", "手机号码已变更。")
    waiting = asked(ward, me, "details", {"kind": "bank-account", "value": "6222000000000001111", "reason": "换卡"})
    assert waiting["state"] == "proposed"
    refused = approve(ward, waiting["endorsement"], me)
    assert (refused.status_code, refused.json()["code"]) == (403, "access.role")
    assert approve(ward, waiting["endorsement"], clerk(ward)).json()["state"] == "done"
    mine = ward.get("/endorsements", me)["endorsements"]
    assert [(line["kind"], line["state"]) for line in mine] == [("bank-account", "done"), ("phone", "done")]
    read = ward.get(f"/endorsements/{waiting['endorsement']}", me)
    assert read["content"] == {"before": "", "after": "6222000000000001111", "reason": "换卡", "evidence": ""}


@pytest.mark.parametrize(("who", "body", "status", "code"), [
    ("member", {"kind": "name", "value": "某人甲", "reason": "x"},                          422, "endorsement.by_agency"),
    ("member", {"kind": "phone", "value": "13900000001", "reason": "x", "person": NEW_TOO}, 403, "access.person"),
    ("agency", {"kind": "name", "value": "某人甲", "reason": "x"},                          422, "person.needed"),
    ("agency", {"kind": "phone", "value": "13900000001", "reason": "x", "person": 999_999}, 404, "person.unknown"),
    ("member", {"kind": "address", "value": "x", "reason": "x"},                            400, "body.malformed"),
])
def test_a_detail_that_is_refused(ward: Ward, who: str, body: dict[str, Any], status: int, code: str) -> None:
    token = ward.member(NEW_TOO) if who == "member" else clerk(ward)
    refused = ward.post("/endorsements/details", token, body)
    assert (refused.status_code, refused.json()["code"]) == (status, code)


@pytest.mark.clause("LZ-19", "XJ-3", "LZ-20")
def test_a_correction_is_proposed_approved_and_explained(ward: Ward) -> None:
    person = ward.someone()
    told = ward.confirmed(bill(person, 21_000, med_type="21"))
    number = told["settlement"]
    assert told["pay_fen"] == 390_000                  # (21000 − 8000) × 30%: nobody knows whether it is pre-existing
    waiting = asked(ward, clerk(ward), "corrections", {"fact": "preexisting", "value": "0", "settlement": number, **CORRECTED})
    assert (waiting["state"], waiting["zh"]) == ("proposed", "既往症的变更已受理，须由另一人复核后生效，逾期未复核即作废。")
    listed = [line["endorsement"] for line in ward.get("/endorsements", clerk(ward, "乙"))["endorsements"]]
    assert waiting["endorsement"] in listed
    own_ = approve(ward, waiting["endorsement"], clerk(ward))
    assert (own_.status_code, own_.json()["code"]) == (422, "endorsement.four_eyes")
    done = approve(ward, waiting["endorsement"], clerk(ward, "乙")).json()
    assert (done["state"], done["more_due_fen"]) == ("done", 390_000)
    assert done["effects"] == [{"settlement": number, "policy": told["policies"][0]["policy"], "before_fen": 390_000, "after_fen": 780_000}]
    again = approve(ward, waiting["endorsement"], clerk(ward, "丙"))
    assert (again.status_code, again.json()["code"]) == (409, "endorsement.not_waiting")

    read = ward.get(f"/settlements/{number}", ward.member(person))
    assert read["told"]["pay_fen"] == 390_000, "what was said stays as it was said"
    assert [(one["pay_fen"], one["posted_fen"], one["target_fen"]) for one in read["payments"]] == [(390_000, 780_000, 780_000)]
    [corrected] = read["corrections"]
    assert corrected["zh"][0] == "既往症已更正：应赔由 3,900.00 元变为 7,800.00 元。"
    assert "× 60% = 7,800.00 元" in corrected["zh"][1]
    assert any("应补赔付 3,900.00 元" in notice["zh"] for notice in ward.get("/notices", ward.member(person))["notices"])


def test_who_reads_what_of_an_endorsement(ward: Ward) -> None:
    person = ward.someone()
    order = ward.get("/policies", ward.member(person))["policies"][0]["policy"]
    name = asked(ward, clerk(ward), "details", {"kind": "name", "value": "诸葛听风", "reason": "同音字", "evidence": "户口簿 3", "person": person})["endorsement"]
    visit = asked(ward, clerk(ward), "corrections", {
        "fact": "hospital_grade", "value": "2", "settlement": ward.confirmed(bill(person))["settlement"], **CORRECTED})["endorsement"]
    readers = {"agency": clerk(ward, "乙"), "insurer": ward.insurer(), "auditor": ward.token("auditor"), "member": ward.member(person)}
    afters = {role: [(read["content"] or {}).get("after") for read in (ward.get(f"/endorsements/{one}", who) for one in (name, visit))]
              for role, who in readers.items()}
    assert afters == {"agency": ["诸葛听风", "2"], "insurer": [None, "2"], "auditor": ["诸**", "2"], "member": ["诸葛听风", "2"]}
    for who in readers.values():
        lines = ward.get(f"/policies/{order}/endorsements", who)["endorsements"]
        assert [line["endorsement"] for line in lines] == [visit, name]
        assert "诸葛" not in str(lines)
    for path in (f"/endorsements/{name}", f"/policies/{order}/endorsements"):
        answer = ward.send("GET", f"/v1/{HERE}{path}", ward.insurer("zhongtai"))
        assert answer.status_code == 404


@pytest.mark.clause("LZ-19")
def test_an_insurer_corrects_what_it_pays_and_nothing_else(ward: Ward) -> None:
    person = ward.someone(SECOND)
    number = ward.confirmed(bill(person))["settlement"]
    body = {"fact": "hospital_grade", "value": "1", "settlement": number, **CORRECTED}
    theirs = ward.post("/endorsements/corrections", ward.insurer("anxin"), body)
    assert (theirs.status_code, theirs.json()["code"]) == (404, "settlement.unknown")
    waiting = asked(ward, ward.insurer("zhongtai"), "corrections", body)
    assert approve(ward, waiting["endorsement"], ward.insurer("anxin")).status_code == 404
    assert approve(ward, waiting["endorsement"], clerk(ward)).json()["state"] == "done"
    fact = ward.post("/endorsements/corrections", ward.insurer("zhongtai"), {"fact": "hardship", "value": "orphan", "person": person, **CORRECTED})
    assert (fact.status_code, fact.json()["code"]) == (422, "endorsement.by_agency")


def test_the_same_key_answers_the_same_and_another_body_is_refused(ward: Ward) -> None:
    person = ward.someone()
    body = {"kind": "phone", "value": "13900002222", "reason": "换号"}
    first, again = (ward.post("/endorsements/details", ward.member(person), body, key="phone-once-1") for _ in range(2))
    assert (first.content, again.headers["Idempotent-Replayed"]) == (again.content, "true")
    other = ward.post("/endorsements/details", ward.member(person), body | {"value": "13900003333"}, key="phone-once-1")
    assert (other.status_code, other.json()["code"]) == (409, "key.other_body")


COUNTER: Final = {"outlet": "650100-01", "document": "signed-form", "digest": "ab" * 32}


@pytest.mark.clause("LZ-8")
@pytest.mark.parametrize(("role", "counter", "status", "code"), [
    ("agency", None,    422, "counter.needed"),
    ("agency", COUNTER, 409, "order.captured"),
    ("member", COUNTER, 403, "access.counter"),
])
def test_a_clerk_changes_an_order_at_a_counter(ward: Ward, role: str, counter: dict[str, str] | None, status: int, code: str) -> None:
    person = ward.someone()
    order = ward.get("/orders", ward.member(person))["orders"][0]["order"]
    body = {"reason": "x", "remove": 999_999} | ({"counter": counter} if counter else {})
    refused = ward.post(f"/orders/{order}/endorsements", clerk(ward) if role == "agency" else ward.member(person), body)
    assert (refused.status_code, refused.json()["code"]) == (status, code)


@pytest.mark.parametrize(("body", "status", "code"), [
    ({"reason": "x"},                                422, "endorsement.one_change"),
    ({"reason": "x", "add": {"member": 1}, "remove": 2}, 422, "endorsement.one_change"),
    ({"reason": "x", "remove": 999_999},             409, "order.captured"),
])
def test_an_order_that_cannot_change(ward: Ward, body: dict[str, Any], status: int, code: str) -> None:
    person = ward.someone()
    order = ward.get("/orders", ward.member(person))["orders"][0]["order"]
    refused = ward.post(f"/orders/{order}/endorsements", ward.member(person), body)
    assert (refused.status_code, refused.json()["code"]) == (status, code)


def test_what_is_listed_of_a_policy_is_what_may_be_read_one_by_one(ward: Ward) -> None:
    """A child bought for a parent, who has another insurer's policy, too: details, a fact, a visit of each insurer, and an order's change."""
    child, parent = ward.someone(), ward.someone(SECOND)
    visit = {"fact": "preexisting", "value": "0", **CORRECTED}
    elsewhere = asked(ward, clerk(ward), "corrections", visit | {"settlement": ward.settled(bill(parent, 21_000, med_type="21"))["settlement"]})
    with ward.owner() as connection:
        connection.execute("INSERT INTO kinship (person_id, relative_id, relation, account_family, evidence, valid_from, known_from)"
                           " VALUES (%s, %s, 'parent', true, '户口簿', '2020-01-01', '2020-01-01')", [child, parent])
    ward.at(NOW)
    bought = ward.post("/purchases", ward.member(child), ward.wish(child, parent)).json()["policies"][0]["number"]
    ward.at(LATER)
    [theirs] = [line["policy"] for line in ward.get("/policies", ward.member(parent))["policies"] if line["policy"] != bought]
    both = asked(ward, clerk(ward), "corrections", visit | {"settlement": ward.settled(bill(parent, 21_000, med_type="21"))["settlement"]})
    card = asked(ward, ward.member(parent), "details", {"kind": "bank-account", "value": "6222000000000003333", "reason": "换卡"})
    fact = asked(ward, clerk(ward), "corrections", {"fact": "hardship", "value": "orphan", "person": parent, "since": "2026-01-01", **CORRECTED})
    everything = [one["endorsement"] for one in (fact, card, both, elsewhere)]
    callers = {
        # who reads                                of the policy that the child bought   of the parent's own
        "agency": (clerk(ward, "乙"),               [fact, card, both],                   [fact, card, both, elsewhere]),
        "auditor": (ward.token("auditor"),         [fact, card, both],                   [fact, card, both, elsewhere]),
        "of another area": (ward.token("agency", area="9902"), None,                     None),
        "its insurer": (ward.insurer("anxin"),     [fact, card, both],                   None),
        "the other's": (ward.insurer("zhongtai"),  None,                                 [fact, card, both, elsewhere]),
        "the child": (ward.member(child),          [],                                   None),
        "the parent": (ward.member(parent),        [fact, card, both],                   [fact, card, both, elsewhere]),
    }
    for name, (who, *expected) in callers.items():
        alone = [one for one in everything if ward.send("GET", f"/v1/{HERE}/endorsements/{one}", who).status_code == 200]
        for policy, lists in zip((bought, theirs), expected, strict=True):
            answer = ward.send("GET", f"/v1/{HERE}/policies/{policy}/endorsements", who)
            listed = [line["endorsement"] for line in answer.json()["endorsements"]] if answer.status_code == 200 else None
            assert listed == (None if lists is None else [one["endorsement"] for one in lists]), (name, policy)
            assert set(listed or ()) <= set(alone), (name, policy)
