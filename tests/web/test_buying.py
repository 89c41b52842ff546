"""From the catalogue to a policy as a member's phone does it, the cash part, and what the cash channel says."""

import json
from datetime import timedelta
from typing import Any

import httpx
import pytest

from huibao.gateways.signing import HEADER
from huibao.web.tokens import mac
from tests.web.running import BUYER, HERE, NAMES, NEW, NEW_TOO, NOW, PARENT, PRODUCT, SPENT, SPENT_TOO, STRANGER, Desk


def get(desk: Desk, path: str, who: str) -> Any:
    answer = desk.send("GET", f"/v1/{HERE}{path}", who)
    assert answer.status_code == 200, answer.text
    return answer.json()


def notify(desk: Desk, order: str, fen: int, reference: str, secret: bytes = b"the channel's secret") -> httpx.Response:
    body = json.dumps({"order": order, "fen": fen, "reference": reference}).encode()
    headers = {HEADER: mac(secret, body).hex(), "Content-Type": "application/json"}
    return desk.send("POST", f"/v1/{HERE}/payment-notices", content=body, headers=headers)


# ── with account money ───────────────────────────────────────────────────────────────────────────────────────────────

def test_a_policy_for_a_parent_with_account_money(desk: Desk) -> None:
    bought = desk.buy("for-my-parent", insured=PARENT)
    assert bought.status_code == 201
    told = bought.json()
    assert (told["state"], told["premium_fen"], told["account_fen"]) == ("completed", 26_800, 26_800)

    assert get(desk, f"/orders/{told['order']}", desk.member())["policies"] == told["policies"]
    policy = get(desk, f"/policies/{told['order']}-01", desk.member())
    assert (policy["insured"], policy["relation"], policy["state"], policy["insurer"]) == (PARENT, "parent", "in-force", "anxin")
    assert f"{told['order']}-01" in [line["policy"] for line in get(desk, "/policies", desk.member())["policies"]]
    assert told["order"] in [line["order"] for line in get(desk, "/orders", desk.member())["orders"]]
    moved = [(line["fen"], line["left"], line["reached"]) for line in get(desk, "/me/accounts", desk.member())["movements"]]
    assert (26_800, "personal", "clearing") in moved


@pytest.mark.clause("LZ-9")
def test_the_identity_check_comes_first(desk: Desk) -> None:
    checks = f"/v1/{HERE}/identity-checks"
    failed = desk.send("POST", checks, desk.member(NEW), json={"method": "face", "proof": "another face"})
    assert failed.json()["figures"] == {"methods": "face、sms、counter"}
    passed = desk.send("POST", checks, desk.member(NEW), json={"method": "counter", "proof": "passes"}).json()
    without = desk.buy("without-a-check", NEW, identity_check=None)
    assert (without.status_code, without.json()["code"]) == (422, "identity.not_verified")
    assert desk.buy("with-a-check", NEW, identity_check=passed["token"]).status_code == 201


def test_a_check_of_somebody_else_or_from_elsewhere_is_none(desk: Desk) -> None:
    theirs = desk.buy("their-check", identity_check=desk.checked(STRANGER))
    elsewhere = desk.buy("a-check-from-elsewhere", identity_check=desk.checked(programme="990001"))
    altered = desk.buy("an-altered-check", identity_check=desk.checked()[:-4] + "AAAA")
    assert [answer.json()["code"] for answer in (theirs, elsewhere, altered)] == [
        "identity.not_verified", "identity.token_invalid", "identity.token_invalid"]


def test_the_same_key_and_body_answer_the_same(desk: Desk) -> None:
    wish = desk.wish(STRANGER)
    ask = {"headers": {"Idempotency-Key": "asked-twice"}, "json": wish}
    path, who = f"/v1/{HERE}/purchases", desk.member(STRANGER)
    first, again = desk.send("POST", path, who, **ask), desk.send("POST", path, who, **ask)
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert ("idempotent-replayed" in first.headers, again.headers["idempotent-replayed"]) == (False, "true")
    reordered = desk.send("POST", path, who, headers=ask["headers"], json=dict(reversed(wish.items())))
    assert reordered.content == first.content
    other = desk.send("POST", path, who, headers=ask["headers"], json={**wish, "product": "another"})
    assert (other.status_code, other.json()["code"]) == (409, "key.other_body")


def test_an_agency_buys_for_who_it_names(desk: Desk) -> None:
    path, who = f"/v1/{HERE}/purchases", desk.token("agency")
    nobody = desk.send("POST", path, who, json=desk.wish(), headers={"Idempotency-Key": "at-the-counter-1"})
    assert nobody.json()["code"] == "buyer.needed"
    nowhere = desk.send("POST", path, who, json=desk.wish(NEW_TOO) | {"buyer": NEW_TOO}, headers={"Idempotency-Key": "at-the-counter-3"})
    assert nowhere.json()["code"] == "counter.needed"
    wish = desk.wish(NEW_TOO) | {"buyer": NEW_TOO, **desk.at_counter()}
    bought = desk.send("POST", path, who, json=wish, headers={"Idempotency-Key": "at-the-counter-2"})
    assert bought.status_code == 201
    assert bought.json()["order"] in [line["order"] for line in get(desk, "/orders", desk.member(NEW_TOO))["orders"]]


@pytest.mark.parametrize("named", [{"buyer": STRANGER}, {"buyer": BUYER}, {"sponsor": "某公司"}, {"pay_with": "sponsor"}])
def test_a_member_buys_as_oneself(desk: Desk, named: dict[str, Any]) -> None:
    refused = desk.send("POST", f"/v1/{HERE}/purchases", desk.member(), json=desk.wish() | named, headers={"Idempotency-Key": "names-others"})
    assert (refused.status_code, refused.json()["code"]) == (403, "access.buyer")


# ── cash ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

def test_the_cash_part_is_paid_and_noticed_once(desk: Desk) -> None:
    told = desk.buy("partly-in-cash", SPENT).json()
    assert (told["state"], told["account_fen"], told["cash_fen"]) == ("awaiting-payment", 1_000, 15_800)
    order, who = told["order"], desk.member(SPENT)
    assert get(desk, "/me/accounts", who)["holds"] == [
        {"at": "2026-01-05T01:30:00Z", "account": "personal", "fen": 1_000, "policy": f"{order}-01"}]

    opened = desk.send("POST", f"/v1/{HERE}/orders/{order}/payments", who)
    assert (opened.status_code, opened.json()["url"]) == (201, "https://pay.example/1")
    assert desk.engine.cash.opened[-1] == (HERE, order, 15_800)

    assert notify(desk, order, 15_800, "pay-1", b"another secret").json()["code"] == "payment.signature_invalid"
    assert [notify(desk, order, 15_800, "pay-1").json() for _ in range(2)] == [{"outcome": "done"}] * 2
    assert notify(desk, order, 15_800, "pay-2").json() == {"outcome": "payment.not_awaited"}
    assert get(desk, f"/orders/{order}", who)["policies"][0]["state"] == "in-force"
    assert desk.send("POST", f"/v1/{HERE}/orders/{order}/payments", who).json()["code"] == "payment.not_due"


def test_an_order_that_waits_is_given_up_once(desk: Desk) -> None:
    order = desk.buy("to-be-given-up", SPENT_TOO).json()["order"]
    path, who = f"/v1/{HERE}/orders/{order}/cancellation", desk.member(SPENT_TOO)
    given_up = desk.send("POST", path, who, headers={"Idempotency-Key": "give-up-1"})
    assert (given_up.status_code, given_up.json()["state"]) == (200, "void")
    again = desk.send("POST", path, who, headers={"Idempotency-Key": "give-up-1"})
    assert (again.content, again.headers["idempotent-replayed"]) == (given_up.content, "true")
    anew = desk.send("POST", path, who, headers={"Idempotency-Key": "give-up-2"})
    assert (anew.status_code, anew.json()["code"]) == (409, "order.not_waiting")
    assert get(desk, "/me/accounts", who)["holds"] == []


def test_a_notice_of_no_order_or_of_another_programme_is_none(desk: Desk) -> None:
    assert notify(desk, "990001-000000000001-0", 1, "pay-3").json()["code"] == "order.unknown"
    assert notify(desk, "no number", 1, "pay-3").status_code == 404


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────

def test_ones_own_page_as_of_a_day(desk: Desk) -> None:
    page = get(desk, "/me", desk.member())
    assert (page["name"], page["enrolments"]) == (NAMES[BUYER], [{"insurance": "310", "status": "1", "area": "540100"}])
    assert [(one["person"], one["name"], one["relation"]) for one in page["family"]] == [(PARENT, "上**", "parent")]
    assert get(desk, "/me?on=2019-12-31", desk.member())["enrolments"] == []
    before = (NOW - timedelta(days=500)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert get(desk, f"/me?known={before}", desk.member())["family"] == []


@pytest.mark.clause("XZ-4")
def test_anyone_reads_the_catalogue(desk: Desk) -> None:
    [line] = desk.send("GET", f"/v1/{HERE}/products").json()["products"]
    assert (line["product"], line["label"], line["state"], line["listed_by"]) == (PRODUCT, "示例", "on-sale", "reviewed-list")
    product = desk.send("GET", f"/v1/{HERE}/products/{PRODUCT}").json()
    assert product["premium"][-1] == {"when": "其他情形", "premium_fen": 16_800, "zh": "168.00 元"}
    assert product["terms"].startswith("西藏账户家庭医疗意外保险（示例）")
    assert [one["programme"] for one in desk.send("GET", "/v1/programmes").json()["programmes"]] == ["990000", "990001"]


@pytest.mark.clause("XJ-2.3")
def test_a_pools_parts_add_up(desk: Desk) -> None:
    desk.order_of(BUYER)
    streams = get(desk, f"/products/{PRODUCT}/pool", desk.token("insurer", insurer="hongtu"))["streams"]
    assert all(sum(part["fen"] for part in stream["parts"]) == stream["total_fen"] for stream in streams)
    assert next(stream["total_fen"] for stream in streams if stream["stream"] == "premium") > 0


def test_a_policy_is_genuine_or_not(desk: Desk) -> None:
    policy = f"{desk.order_of(BUYER)}-01"
    path = f"/v1/{HERE}/verifications/policies/"
    anyone = desk.send("GET", path + policy).json()
    assert anyone.keys() == {"genuine", "product", "period_from", "period_to"}
    regulator = desk.send("GET", path + policy, desk.token("regulator")).json()
    assert regulator == anyone | {"insurer": "anxin", "state": "in-force"}
    for none in (policy[:-1] + "9", "990000-000000000001-9-01", "990001" + policy[6:]):
        assert desk.send("GET", path + none).json() == {"genuine": False}


def test_an_insurer_reads_how_its_system_did(desk: Desk) -> None:
    [test] = get(desk, "/insurers/anxin/connection-tests", desk.token("insurer", insurer="anxin"))["tests"]
    assert (test["passed"], test["report"]) == (True, "全部报文往返一致。")


def test_health_is_read_by_machines_and_people(desk: Desk) -> None:
    for_machines = desk.send("GET", "/health").json()
    assert (for_machines["status"], for_machines["database"], len(for_machines["programmes"])) == ("ok", True, 2)
    page = desk.send("GET", "/health", headers={"Accept": "text/html"})
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "运行正常" in page.text
