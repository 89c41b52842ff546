"""Remittances over HTTP: an account for two people, a batch with its lines, file and statement, a return file, the insurer's receipt."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

import httpx
import pytest

from huibao.core.chain import sm3
from huibao.core.money import yuan
from huibao.remittance import own
from tests.web.running import HERE, NOW, PRODUCT
from tests.web.wards import Ward, ward_of

#: An account of the programme's first product pays 168 yuan for who buys it.
FEN: Final = 16_800
PEOPLE: Final = 3
NEW: Final = {"bank": "某某银行营业部", "holder": "安心（示例）", "number": "6222000000000000123", "phone": "0891-6330001"}


@pytest.fixture(scope="module")
def ward(pg_url: str) -> Iterator[Ward]:
    """Three people have bought, and the insurer's account is in force."""
    with ward_of(pg_url, "huibao_remitting") as made:
        for _ in range(PEOPLE):
            made.someone()
        made.at(NOW)
        account = done(made.post("/insurers/anxin/receiving-accounts", clerk(made), NEW))["account"]
        done(made.post(f"/receiving-accounts/{account}/call-backs", second(made), {"number": "0891 6330001", "answer": "confirmed"}))
        done(made.post(f"/receiving-accounts/{account}/decisions", second(made), {"approve": True}))
        made.at(NOW + timedelta(days=10))
        yield made


def clerk(ward: Ward) -> str:
    return ward.token("agency")


def second(ward: Ward) -> str:
    return ward.token("agency", scopes=("call_back_insurer", "decide_receiving_account"))


def done(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def accepting(ward: Ward, path: str, who: str, media: str) -> httpx.Response:
    answer = ward.send("GET", f"/v1/{HERE}{path}", who, headers={"Accept": media})
    assert answer.status_code == 200, answer.text
    return answer


def test_numbers_are_masked_for_everybody(ward: Ward) -> None:
    for who in (clerk(ward), ward.insurer(), ward.token("bureau"), ward.token("auditor")):
        [line] = ward.get("/receiving-accounts", who)["accounts"]
        assert (line["account"]["number"], line["account"]["state"], line["call"]) == ("****0123", "approved", None)
        assert [call["answer"] for call in line["calls"]] == ["confirmed"]
        assert NEW["number"] not in str(line)
    assert ward.get("/receiving-accounts", ward.insurer("zhongtai"))["accounts"] == []


def test_only_the_agency_reads_whom_to_call(ward: Ward) -> None:
    changed = done(ward.post("/insurers/anxin/receiving-accounts", clerk(ward), NEW | {"phone": "0891-7777777"}))["account"]
    shown = {role: ward.get("/receiving-accounts", who)["accounts"][0]["call"]
             for role, who in (("agency", clerk(ward)), ("insurer", ward.insurer()), ("auditor", ward.token("auditor")))}
    assert shown == {"agency": "08916330001", "insurer": None, "auditor": None}, "the number on file before the change"
    own_eyes = ward.post(f"/receiving-accounts/{changed}/call-backs", clerk(ward), {"number": NEW["phone"], "answer": "confirmed"})
    assert (own_eyes.status_code, own_eyes.json()["code"]) == (403, "receiving.same_person")
    done(ward.post(f"/receiving-accounts/{changed}/decisions", clerk(ward), {"approve": False}))


@pytest.mark.clause("LZ-14", "SY-3.6", "XZ-6")
def test_a_batch_from_list_to_receipt(ward: Ward) -> None:
    made = done(ward.post("/remittances", clerk(ward), {"product": PRODUCT}))
    path = f"/remittances/{made['remittance']}"
    assert (made["count"], made["fen"], made["state"]) == (PEOPLE, PEOPLE * FEN, "listed")
    early = ward.post(f"{path}/returns", clerk(ward), b"record,entry,count,fen,result,reason\n")
    assert early.status_code == 415, "a file is CSV"
    assert ward.does(own.sent(made["remittance"])).outcome == "done"
    # The file, its digest and its lines say the same.
    file = accepting(ward, f"{path}/file", ward.insurer(), "text/csv")
    head, _, total = file.content.rstrip(b"\n").rpartition(b"\n")
    digest = sm3(head + b"\n").hex()
    assert total.decode() == f"total,{PEOPLE},,{digest},{PEOPLE * FEN}"
    assert ward.get(f"{path}/file", ward.insurer()) == {"remittance": made["remittance"], "count": PEOPLE, "fen": PEOPLE * FEN, "sm3": digest}
    lines = ward.get(f"{path}/lines", ward.insurer())["lines"]
    assert [f"line,{one['entry']},{one['order']},{one['policy']},{one['fen']}" for one in lines] == head.decode().splitlines()[1:]
    assert "某人" not in file.text
    # The bank's file: one line failed, the rest by total; the same again changes nothing.
    text = (f"record,entry,count,fen,result,reason\nline,{lines[0]['entry']},,{FEN},failed,R01\n"
            f"total,,2,{2 * FEN},paid,\ntotal,,1,{FEN},failed,\nline,1,,1,paid,\n").replace("line,1,,1,paid,\n", "")
    told = [done(returns(ward, path, text, key)) for key in ("bank-file-1", "bank-file-2")]
    assert [(one["paid"], one["failed"], one["unchanged"]) for one in told] == [(2, 1, 0), (0, 0, 3)]
    cut = returns(ward, path, text.replace("total,,1,", "total,,2,"), "bank-file-3")
    assert (cut.status_code, cut.json()["code"]) == (422, "return.totals_differ")
    # The insurer confirms, first wrongly.
    wrong = done(ward.post(f"{path}/receipts", ward.insurer(), {"count": 2, "fen": 2 * FEN + 1, "sm3": digest}))
    other = done(ward.post(f"{path}/receipts", ward.insurer(), {"count": 2, "fen": 2 * FEN, "sm3": "0" * 64}))
    right = done(ward.post(f"{path}/receipts", ward.insurer(), {"count": 2, "fen": 2 * FEN, "sm3": digest}))
    assert [one["agrees"] for one in (wrong, other, right)] == [False, False, True]
    batch = ward.get(path, ward.token("auditor"))
    assert (batch["state"], batch["paid_fen"], batch["failed_fen"], batch["confirmed_fen"]) == ("answered", 2 * FEN, FEN, 2 * FEN)
    # What failed waits for a person, who lists it again.
    [case] = [one for one in ward.get("/cases", clerk(ward))["cases"] if one["kind"] == "remittance"]
    assert (case["cause"], case["fen"], case["policy"]) == ("bank.failed", FEN, lines[0]["policy"])
    done(ward.post(f"/remittance-cases/{case['case']}/decisions", clerk(ward), {"how": "kept"}))
    assert ward.post("/remittances", clerk(ward), {"product": PRODUCT}).json()["code"] == "remittance.nothing_due"
    done(ward.post(f"/remittance-cases/{case['case']}/decisions", clerk(ward), {"how": "remit"}))
    assert done(ward.post("/remittances", clerk(ward), {"product": PRODUCT}))["count"] == 1


def returns(ward: Ward, path: str, text: str, key: str) -> httpx.Response:
    return ward.send("POST", f"/v1/{HERE}{path}/returns", clerk(ward), content=text.encode(),
                     headers={"Content-Type": "text/csv", "Idempotency-Key": key})


def test_statements_are_pages_to_sign(ward: Ward) -> None:
    first = ward.get("/remittances", ward.insurer())["remittances"][-1]
    page = accepting(ward, f"/remittances/{first['remittance']}/statement", ward.insurer(), "text/html")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    for said in ("叁佰叁拾陆元整", "336.00", "****0123", "（盖章）", "@page{size:A4", first["product"]):
        assert said in page.text, said
    assert page.text.count('-01<td class="codes">') == PEOPLE
    brief = accepting(ward, f"/remittances/{first['remittance']}/statement?lines=no", ward.insurer(), "text/html")
    assert brief.text.count('-01<td class="codes">') == 0
    assert NEW["number"] not in page.text + brief.text


def test_a_day_reconciles_to_the_fen(ward: Ward) -> None:
    days = ward.get("/remittance-days?since=2026-01-01", clerk(ward))
    for line in days["products"]:
        assert (line["opening_fen"] + line["captured_fen"] - line["reversed_fen"] - line["remitted_fen"] + line["returned_fen"]
                == line["closing_fen"])
    [ours] = [line for line in days["products"] if line["product"] == PRODUCT]
    assert (ours["captured_fen"], ours["remitted_fen"], ours["closing_fen"]) == (PEOPLE * FEN, 2 * FEN, FEN)
    page = accepting(ward, "/remittance-days?since=2026-01-01", ward.token("bureau"), "text/html").text
    assert "个人账户资金划转对账表" in page
    assert [one["insurer"] for one in ward.get("/remittance-days", ward.insurer())["products"]] == ["anxin"]
    for asked in ("since=2026-02-01&until=2026-01-01", "until=2027-01-01", "since=2024-01-01"):
        refused = ward.send("GET", f"/v1/{HERE}/remittance-days?{asked}", clerk(ward))
        assert (refused.status_code, refused.json()["code"]) == (422, "remittance.days_wrong"), asked


def test_a_time_sums_every_batch_that_it_shows(ward: Ward) -> None:
    """Five products that are remitted daily have 1,825 batches in a year."""
    many = 1_200
    with ward.owner() as connection:
        connection.execute("INSERT INTO remittance (id, at, product, insurer, account_id, until_at, count, fen, state, answered_at)"
                           " SELECT 1000000 + n, r.at, r.product, r.insurer, r.account_id, r.until_at, 1, 100, 'answered', r.at"
                           " FROM (SELECT * FROM remittance ORDER BY id LIMIT 1) AS r, generate_series(1, %s) AS n", [many])
    try:
        days = ward.get("/remittance-days?since=2026-01-01", clerk(ward))
        assert len(days["batches"]) == many + 2
        page = accepting(ward, "/remittance-days?since=2026-01-01", clerk(ward), "text/html").text
        total = sum(one["fen"] for one in days["batches"])
        assert total == many * 100 + (PEOPLE + 1) * FEN
        assert f'合计 total<td class="figures">{many + 2}<td class="figures">{many + PEOPLE + 1:,}<td class="figures">{yuan(total)}' in page
    finally:
        with ward.owner() as connection:
            connection.execute("DELETE FROM remittance WHERE id > 1000000")


def test_whom_to_call_is_known_however_many_changes_there_were(ward: Ward) -> None:
    """The account in force is older than a hundred changes that were refused: the number from the request is still not the one to call."""
    with ward.owner() as connection:
        connection.execute(
            "INSERT INTO receiving_account (id, at, insurer, bank, holder, tail, wrapped, number, phone, proposed_by, state, decided_by, decided_at)"
            " SELECT 2000000 + n, r.at, r.insurer, r.bank, r.holder, r.tail, r.wrapped, r.number, r.phone, r.proposed_by, 'refused', r.decided_by,"
            " r.decided_at FROM (SELECT * FROM receiving_account WHERE state = 'approved' LIMIT 1) AS r, generate_series(1, 120) AS n")
    changed = done(ward.post("/insurers/anxin/receiving-accounts", clerk(ward), NEW | {"phone": "0891-7777777"}))["account"]
    try:
        [call] = [line["call"] for line in ward.get("/receiving-accounts", clerk(ward))["accounts"] if line["account"]["account"] == changed]
        assert call == "08916330001"
    finally:
        done(ward.post(f"/receiving-accounts/{changed}/decisions", clerk(ward), {"approve": False}))
        with ward.owner() as connection:
            connection.execute("DELETE FROM receiving_account WHERE id > 2000000")


def test_money_of_all_areas_is_no_area_clerks(ward: Ward) -> None:
    theirs = ward.token("agency", area="9901")
    for path, asked in (("/insurers/anxin/receiving-accounts", NEW), ("/receiving-accounts/1/call-backs", {"number": NEW["phone"], "answer": "confirmed"}),
                        ("/receiving-accounts/1/decisions", {"approve": True}), ("/remittances", {"product": PRODUCT})):
        refused = ward.post(path, theirs, asked)
        assert (refused.status_code, refused.json()["code"]) == (403, "access.area"), path
    assert ward.get("/remittances", theirs)["remittances"] == ward.get("/remittances", clerk(ward))["remittances"]


def test_a_case_is_decided_in_its_area(ward: Ward) -> None:
    """What a clerk does not find on their list is not there for them, whoever counts the numbers."""
    case = ward.rows("SELECT id FROM open_case WHERE cause = 'bank.failed'")[0][0]
    for who, area in (("of another", "9902"), ("of its", "9901")):
        answers = [ward.post(f"/remittance-cases/{number}/decisions", ward.token("agency", area=area), {"how": "kept"}) for number in (case, 99_999)]
        assert answers[1].status_code == 404
        assert (answers[0].content == answers[1].content) == (who == "of another"), answers[0].text


def test_what_is_another_insurers_is_not_there(ward: Ward) -> None:
    first = ward.get("/remittances", ward.insurer())["remittances"][-1]["remittance"]
    assert ward.get("/remittances", ward.insurer("zhongtai"))["remittances"] == []
    for path in ("", "/lines", "/file", "/statement"):
        theirs, none = (ward.send("GET", f"/v1/{HERE}/remittances/{number}{path}", ward.insurer("zhongtai")) for number in (first, 99_999))
        assert (theirs.status_code, theirs.content) == (404, none.content)


@pytest.mark.parametrize("text, why", [
    ("\ufeffentry,fen\n",                                   "首行应为"),
    ("",                                                    "首行应为"),
])
def test_what_is_no_return_file_is_refused(ward: Ward, text: str, why: str) -> None:
    first = ward.get("/remittances", ward.insurer())["remittances"][-1]["remittance"]
    refused = returns(ward, f"/remittances/{first}", text, f"no-file-{len(text)}-{len(why)}")
    assert (refused.status_code, refused.json()["code"]) == (422, "return.unreadable")
    assert why in refused.json()["zh"]
