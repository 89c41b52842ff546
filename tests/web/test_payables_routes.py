"""What hospitals are owed and paid, and what co-insurers owe the lead, over HTTP: to the fen, each side its own."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any, Final

import pytest

from huibao.catalogue.shelf import SQL as CATALOGUE
from huibao.payables import own
from huibao.pool.streams import open_pool
from tests.web.running import HERE, OTHER_HOSPITAL, PRODUCT
from tests.web.wards import LATER, SECOND, Message, Ward, bill, info, reversal, ward_of

UPTO: Final = "2026-12-31"
NO_PAYOUT: Final = 10**17


def cents(person: int, yuan: str, visit: str = "2026-03-06") -> Message:
    """An accident that left so much to the person: 101.11 yuan pay one."""
    amounts = dict.fromkeys(("medfee_sumamt", "fulamt_ownpay_amt", "psn_cash_pay", "psn_part_amt"), yuan)
    return bill(person, **amounts, begndate=visit)


def proposes(ward: Ward, hospital: str, product: str = PRODUCT, insurer: str = "anxin", upto: str = UPTO) -> dict[str, Any]:
    answer = ward.post("/statements", ward.insurer(insurer), {"hospital": hospital, "product": product, "upto": upto})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def answers(ward: Ward, hospital: str, statement: int, agree: bool = True) -> dict[str, Any]:
    answer = ward.post(f"/statements/{statement}/answers", ward.hospital(hospital), {"agree": agree})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def owed(ward: Ward, hospital: str, who: str | None = None) -> dict[str, int]:
    """What the first product owes a hospital, as somebody reads it."""
    lines = ward.get("/payables", who or ward.hospital(hospital))["payables"]
    found = [line for line in lines if (line["hospital"], line["product"]) == (hospital, PRODUCT)]
    return {name: value for name, value in found[0].items() if name.endswith("fen") or "_" in name} if found else {}


def payout_of(ward: Ward, hospital: str) -> tuple[int, int, str, int]:
    """Number, amount, state and tries of a hospital's latest payout."""
    [(id, fen, state, tries)] = ward.rows("SELECT id, fen, state, tries FROM payout WHERE hospital = %s ORDER BY id DESC LIMIT 1", hospital)
    return id, fen, state, tries


def pays(ward: Ward, hospital: str) -> int:
    """The bank is told of a hospital's payout, and pays it; its number."""
    id, _, _, tries = payout_of(ward, hospital)
    assert [ward.does(request).outcome for request in (own.sent(id, tries), own.paid(id, tries))] == ["done", "done"]
    return id


# ── statements ───────────────────────────────────────────────────────────────────────────────────────────────────────

def test_a_statement_is_proposed_agreed_and_paid(ward: Ward) -> None:
    hospital = ward.new_hospital()
    told = [ward.confirmed(bill(ward.someone()), hospital) for _ in range(3)]
    ward.settled(bill(ward.someone()), ward.hospital(hospital))                 # offered: owed to nobody yet
    assert owed(ward, hospital) == {"due_fen": 2_700_00, "listed_fen": 0, "to_30_fen": 2_700_00, "to_60_fen": 0, "to_90_fen": 0, "over_90_fen": 0}
    proposed = proposes(ward, hospital)
    assert {name: proposed[name] for name in ("hospital", "product", "lines", "fen", "setoff_fen", "payout_fen", "state")} == {
        "hospital": hospital, "product": PRODUCT, "lines": 3, "fen": 2_700_00, "setoff_fen": 0, "payout_fen": 2_700_00, "state": "proposed"}
    for who in (ward.hospital(hospital), ward.insurer(), ward.token("auditor")):
        read = ward.get(f"/statements/{proposed['statement']}", who)
        assert read["statement"] == proposed
        assert [(line["settlement"], line["setl_id"], line["policy"], line["fen"]) for line in read["lines"]] == [
            (one["settlement"], one["setl_id"], one["policies"][0]["policy"], 900_00) for one in told]
    assert owed(ward, hospital)["listed_fen"] == 2_700_00
    agreed = answers(ward, hospital, proposed["statement"])
    assert agreed == proposed | {"state": "agreed", "zh": "医院已确认，将支付 2,700.00 元。", "en": "agreed: 2,700.00 yuan will be paid"}
    id = pays(ward, hospital)
    assert ward.rows("SELECT fen, state FROM payout WHERE id = %s", id) == [(2_700_00, "paid")]
    assert ward.get(f"/statements/{proposed['statement']}", ward.insurer())["statement"]["state"] == "paid"
    assert sum(owed(ward, hospital).values()) == 0
    late = ward.post(f"/statements/{proposed['statement']}/answers", ward.hospital(hospital), {"agree": False})
    assert (late.status_code, late.json()["figures"]) == (409, {"state": "paid"})


def test_the_same_key_answers_the_same(ward: Ward) -> None:
    hospital = ward.new_hospital()
    ward.confirmed(bill(ward.someone()), hospital)
    asked = {"hospital": hospital, "product": PRODUCT, "upto": UPTO}
    first, again = (ward.post("/statements", ward.insurer(), asked, f"proposed-{hospital}") for _ in range(2))
    assert (first.status_code, again.content, again.headers["idempotent-replayed"]) == (201, first.content, "true")
    other = ward.post("/statements", ward.insurer(), asked | {"upto": "2026-03-31"}, f"proposed-{hospital}")
    assert (other.status_code, other.json()["code"]) == (409, "key.other_body")
    another = ward.post("/statements", ward.insurer(), asked)
    assert (another.status_code, another.json()["code"]) == (409, "statement.another_open")


def test_what_a_disputed_statement_listed_stands_in_another(ward: Ward) -> None:
    hospital = ward.new_hospital()
    ward.confirmed(bill(ward.someone()), hospital)
    first = proposes(ward, hospital)
    assert answers(ward, hospital, first["statement"], agree=False)["state"] == "disputed"
    assert (payouts(ward, hospital), owed(ward, hospital)["listed_fen"]) == ([], 0)
    ward.confirmed(bill(ward.someone()), hospital)
    assert proposes(ward, hospital)["fen"] == 1_800_00
    disputed = ward.get(f"/statements/{first['statement']}", ward.hospital(hospital))["statement"]
    assert (disputed["state"], disputed["fen"]) == ("disputed", 900_00)


def payouts(ward: Ward, hospital: str) -> list[tuple[int, str]]:
    return [(fen, state) for fen, state in ward.rows("SELECT fen, state FROM payout WHERE hospital = %s ORDER BY id", hospital)]


def test_what_was_taken_back_is_set_off_in_the_next_statement(ward: Ward) -> None:
    hospital, person = ward.new_hospital(), ward.someone()
    told = ward.confirmed(bill(person), hospital)
    answers(ward, hospital, proposes(ward, hospital)["statement"])
    pays(ward, hospital)
    assert ward.settle(reversal(told["setl_id"], person), ward.hospital(hospital)).json()["state"] == "reversed"
    nothing = ward.post("/statements", ward.insurer(), {"hospital": hospital, "product": PRODUCT, "upto": UPTO})
    assert (nothing.status_code, nothing.json()["code"], nothing.json()["figures"]) == (422, "statement.nothing_due", {"fen": -900_00})
    assert owed(ward, hospital)["due_fen"] == -900_00
    ward.confirmed(bill(ward.someone(), 2_100), hospital)
    assert proposes(ward, hospital)["fen"] == 900_00                            # (2,100 − 100) × 90% − 900


def test_a_statement_lists_what_is_up_to_its_day(ward: Ward) -> None:
    hospital = ward.new_hospital()
    ward.confirmed(bill(ward.someone()), hospital)
    person = ward.someone()
    ward.at(LATER + timedelta(days=1))
    ward.confirmed(bill(person), hospital)
    ward.at(LATER)
    early = ward.post("/statements", ward.insurer(), {"hospital": hospital, "product": PRODUCT, "upto": "2026-03-09"})
    assert early.json()["code"] == "statement.nothing_due"
    assert proposes(ward, hospital, upto="2026-03-10")["fen"] == 900_00


def test_ageing(ward: Ward) -> None:
    hospital = ward.new_hospital()
    people = [ward.someone() for _ in range(6)]
    for person, days in zip(people, (0, 30, 31, 60, 90, 91), strict=True):
        ward.at(LATER - timedelta(days=days))
        ward.confirmed(bill(person, visit={"begndate": "2026-01-10"}, begndate="2026-01-10"), hospital)
    ward.at(LATER)
    assert owed(ward, hospital) == {"due_fen": 5_400_00, "listed_fen": 0, "to_30_fen": 1_800_00, "to_60_fen": 1_800_00, "to_90_fen": 900_00,
                                    "over_90_fen": 900_00}


def test_prepayments_are_set_off_once(ward: Ward) -> None:
    hospital = ward.new_hospital()
    asked = {"hospital": hospital, "product": PRODUCT, "fen": 1_000_00}
    first, again = (ward.post("/prepayments", ward.insurer(), asked, f"ahead-{hospital}") for _ in range(2))
    assert (first.status_code, first.json()["state"], first.json()["fen"], again.content) == (201, "due", 1_000_00, first.content)
    assert ward.rows("SELECT id FROM payout WHERE hospital = %s", hospital) == [(first.json()["payout"],)]
    ward.confirmed(bill(ward.someone()), hospital)
    before_paid = proposes(ward, hospital)
    pays(ward, hospital)
    settled = answers(ward, hospital, before_paid["statement"])
    assert (settled["setoff_fen"], settled["payout_fen"], settled["state"]) == (900_00, 0, "paid")
    assert payouts(ward, hospital) == [(1_000_00, "paid")]
    ward.confirmed(bill(ward.someone()), hospital)
    rest = answers(ward, hospital, proposes(ward, hospital)["statement"])
    assert (rest["setoff_fen"], rest["payout_fen"], rest["state"]) == (100_00, 800_00, "agreed")
    assert payouts(ward, hospital) == [(1_000_00, "paid"), (800_00, "due")]
    pays(ward, hospital)
    accounts = ward.rows("SELECT debit_fen - credit_fen FROM account WHERE kind = 'hospital' AND party = %s", hospital)
    assert accounts == [(0,)]                                                   # 1,800 owed, 1,800 paid


def test_payouts_move_one_way(ward: Ward) -> None:
    hospital = ward.new_hospital()
    ward.confirmed(bill(ward.someone()), hospital)
    answers(ward, hospital, proposes(ward, hospital)["statement"])
    id = payout_of(ward, hospital)[0]
    reissue = f"/payouts/{id}/reissues"
    assert ward.post(reissue, ward.insurer()).json()["figures"] == {"state": "due"}
    assert ward.does(own.came_back(id, 9)).outcome == "payout.not_waiting"
    assert [ward.does(request).outcome for request in (own.sent(id, 1), own.came_back(id, 1))] == ["done", "done"]
    assert payout_of(ward, hospital)[1:] == (900_00, "returned", 1)
    cases = [case for case in ward.get("/cases", ward.hospital(hospital))["cases"] if case["kind"] == "payout-returned"]
    assert [(case["cause"], case["fen"]) for case in cases] == [("payout.account_gone", 900_00)]
    again = ward.post(reissue, ward.insurer(), key=f"reissued-{id}")
    assert (again.status_code, again.json()) == (201, {"payout": id, "fen": 900_00, "state": "due"})
    assert ward.post(reissue, ward.insurer(), key=f"reissued-{id}").content == again.content
    assert payout_of(ward, hospital)[1:] == (900_00, "due", 2)
    assert [ward.does(request).outcome for request in (own.sent(id, 2), own.came_back(id, 2))] == ["done", "done"]
    assert ward.post(reissue, ward.insurer()).status_code == 201
    pays(ward, hospital)
    assert ward.rows("SELECT kind, fen FROM transfer WHERE payout_id = %s ORDER BY id", id) == [("claim-advanced", 900_00), ("claim-paid", 900_00)]


def test_a_returned_payout_is_a_case_of_its_insurer_until_it_is_reissued(ward: Ward) -> None:
    hospital = ward.new_hospital()
    ward.confirmed(bill(ward.someone()), hospital)
    answers(ward, hospital, proposes(ward, hospital)["statement"])
    id = payout_of(ward, hospital)[0]
    for request in (own.sent(id, 1), own.came_back(id, 1)):
        ward.does(request)

    def mine() -> list[int]:
        [(first,)] = ward.rows("SELECT COALESCE(min(id), 1) FROM open_case WHERE payout_id = %s", id)
        listed = ward.get(f"/cases?after={first - 1}", ward.insurer())["cases"]
        return [case["fen"] for case in listed if (case["payout"], case["kind"]) == (id, "payout-returned")]

    assert mine() == [900_00]
    ward.post(f"/payouts/{id}/reissues", ward.insurer())
    pays(ward, hospital)
    assert mine() == []


# ── each side its own ────────────────────────────────────────────────────────────────────────────────────────────────

def test_each_side_reads_its_own(ward: Ward) -> None:
    hospital = ward.new_hospital()
    ward.confirmed(bill(ward.someone()), hospital)
    statement = proposes(ward, hospital)["statement"]
    assert {line["hospital"] for line in ward.get("/payables", ward.hospital(hospital))["payables"]} == {hospital}
    assert {line["product"] for line in ward.get("/payables", ward.insurer("zhongtai"))["payables"]} <= {SECOND}
    assert ward.get("/payables", ward.insurer("hongtu"))["payables"] == []
    for who in (ward.insurer(), ward.token("bureau"), ward.token("auditor")):
        assert owed(ward, hospital, who)["due_fen"] == 900_00
    for stranger in (ward.hospital(OTHER_HOSPITAL), ward.insurer("zhongtai"), ward.insurer("hongtu")):
        theirs, none = (ward.send("GET", f"/v1/{HERE}/statements/{id}", stranger) for id in (statement, NO_PAYOUT))
        assert (theirs.status_code, theirs.content) == (404, none.content)
    theirs, none = (ward.post(f"/statements/{id}/answers", ward.hospital(OTHER_HOSPITAL), {"agree": True}) for id in (statement, NO_PAYOUT))
    assert (theirs.status_code, theirs.content) == (404, none.content)


@pytest.mark.parametrize("insurer", ["zhongtai", "hongtu"])
def test_anothers_product_is_like_none(ward: Ward, insurer: str) -> None:
    before = ward.standing()
    for path, asked in (("/statements", {"hospital": "H1", "upto": UPTO}), ("/prepayments", {"hospital": "H1", "fen": 1})):
        theirs, none = (ward.post(path, ward.insurer(insurer), asked | {"product": product}) for product in (PRODUCT, "none"))
        assert (theirs.status_code, theirs.json()["code"], theirs.content) == (422, "payable.product_unknown", none.content)
    theirs, none = (ward.post(f"/products/{product}/recoveries", ward.insurer(insurer)) for product in (PRODUCT, "none"))
    assert (theirs.status_code, theirs.content) == (422, none.content)
    assert ward.standing() == before


def test_anothers_payout_is_like_none(ward: Ward) -> None:
    """Whatever its state, which is not another insurer's to know."""
    hospital = ward.new_hospital()
    ward.post("/prepayments", ward.insurer(), {"hospital": hospital, "product": PRODUCT, "fen": 1})
    id = payout_of(ward, hospital)[0]
    none = ward.post(f"/payouts/{NO_PAYOUT}/reissues", ward.insurer("zhongtai"))
    for request in (own.sent(id, 1), own.came_back(id, 1)):
        theirs = ward.post(f"/payouts/{id}/reissues", ward.insurer("zhongtai"))
        assert (theirs.status_code, theirs.content) == (none.status_code, none.content)
        ward.does(request)


@pytest.mark.parametrize(("path", "changed"), [
    ("/statements", {"hospital": "a\0"}), ("/statements", {"hospital": "H1\n"}), ("/statements", {"product": ""}), ("/statements", {"upto": "x"}),
    ("/statements", {"insurer": "anxin"}), ("/prepayments", {"fen": 0}), ("/prepayments", {"fen": -1}), ("/prepayments", {"fen": 2**63}),
    ("/prepayments", {"fen": 1.5}), ("/prepayments", {"fen": "1"}), ("/prepayments", {"hospital": "x" * 10_000}),
], ids=str)
def test_bodies_that_are_none(ward: Ward, path: str, changed: dict[str, Any]) -> None:
    asked = {"hospital": "H1", "product": PRODUCT} | ({"upto": UPTO} if path == "/statements" else {"fen": 1})
    answer = ward.post(path, ward.insurer(), asked | changed)
    assert (answer.status_code, answer.json()["code"]) == (400, "body.malformed")


def test_what_is_unknown(ward: Ward) -> None:
    for path, more in (("/statements", {"upto": UPTO}), ("/prepayments", {"fen": 1})):
        answer = ward.post(path, ward.insurer(), {"hospital": "H404", "product": PRODUCT} | more)
        assert (answer.status_code, answer.json()["code"]) == (422, "payable.hospital_unknown")
    assert ward.send("GET", f"/v1/{HERE}/products/none/recoveries", ward.insurer()).json()["code"] == "product.not_listed"


def test_the_largest_prepayment_is_paid_or_refused(ward: Ward) -> None:
    """Never a failure, and never in the way of the next payout."""
    hospital = ward.new_hospital()
    answer = ward.post("/prepayments", ward.insurer(), {"hospital": hospital, "product": PRODUCT, "fen": 2**63 - 1})
    assert answer.status_code in {201, 400}, answer.text
    if answer.status_code == 201:
        pays(ward, hospital)
        other = ward.new_hospital()
        ward.post("/prepayments", ward.insurer(), {"hospital": other, "product": PRODUCT, "fen": 1})
        pays(ward, other)


# ── the pool ─────────────────────────────────────────────────────────────────────────────────────────────────────────

@pytest.fixture(scope="module")
def pooled(pg_url: str) -> Iterator[Ward]:
    """A ward of its own: what a pool owes counts everything so far."""
    with ward_of(pg_url, "huibao_pooled") as made:
        yield made


def calls(ward: Ward, product: str, insurer: str) -> list[tuple[str, int, int]]:
    answer = ward.post(f"/products/{product}/recoveries", ward.insurer(insurer))
    assert answer.status_code == 201, answer.text
    return [(one["insurer"], one["version"], one["fen"]) for one in answer.json()["called"]]


@pytest.mark.clause("XJ-2.3")
def test_co_insurers_owe_their_shares_to_the_fen(pooled: Ward) -> None:
    """Three with equal shares: of one yuan each time, the odd fens go round."""
    assert calls(pooled, SECOND, "zhongtai") == []
    called = []
    for _ in range(3):
        pooled.confirmed(cents(pooled.someone(SECOND), "101.11"))
        called.append(calls(pooled, SECOND, "zhongtai"))
    assert called == [[("hongtu", 1, 33), ("anxin", 1, 33)], [("hongtu", 1, 34), ("anxin", 1, 33)], [("hongtu", 1, 33), ("anxin", 1, 34)]]
    assert calls(pooled, SECOND, "zhongtai") == []
    lines = pooled.get(f"/products/{SECOND}/recoveries", pooled.insurer("zhongtai"))["recoveries"]
    assert [(line["insurer"], line["fen"], line["state"]) for line in lines][:2] == [("anxin", 34, "called"), ("hongtu", 33, "called")]
    assert {line["insurer"] for line in pooled.get(f"/products/{SECOND}/recoveries", pooled.insurer("anxin"))["recoveries"]} == {"anxin"}
    assert pooled.does(own.received(lines[0]["recovery"])).outcome == "done"
    assert pooled.does(own.received(lines[0]["recovery"])).replayed
    states = {line["recovery"]: line["state"] for line in pooled.get(f"/products/{SECOND}/recoveries", pooled.insurer("anxin"))["recoveries"]}
    assert sorted(states.values()) == ["called", "called", "received"]
    assert pooled.rows("SELECT kind, fen FROM transfer WHERE recovery_id = %s ORDER BY id", lines[0]["recovery"]) == [
        ("claim-recovered", 34), ("advance-repaid", 34)]


@pytest.mark.clause("XJ-2.3")
def test_what_is_called_in_is_what_the_pools_statement_says(pooled: Ward) -> None:
    """Also after a reversal: a member's part of claims less its part of what was returned is what it paid in."""
    person = pooled.someone(SECOND)
    undone = cents(person, "101.11")
    pooled.confirmed(undone)
    calls(pooled, SECOND, "zhongtai")
    pooled.settle(reversal(info(undone)["setl_id"], person))
    pooled.confirmed(cents(pooled.someone(SECOND), "101.11"))
    pooled.confirmed(cents(pooled.someone(SECOND), "101.11"))
    calls(pooled, SECOND, "zhongtai")
    streams = {one["stream"]: {part["insurer"]: part["fen"] for part in one["parts"]}
               for one in pooled.get(f"/products/{SECOND}/pool", pooled.insurer("zhongtai"))["streams"]}
    called = dict(pooled.rows("SELECT insurer, sum(fen)::bigint FROM recovery WHERE product = %s GROUP BY insurer", SECOND))
    assert called == {insurer: streams["claim"][insurer] - streams["claim-returned"][insurer] for insurer in ("hongtu", "anxin")}


@pytest.mark.clause("XJ-2.3")
def test_a_policys_claims_follow_the_shares_of_its_inception(pooled: Ward) -> None:
    early = pooled.someone()
    with pooled.owner() as connection:
        open_pool(connection, PRODUCT, 2, {"anxin": 1, "hongtu": 3}, date(2026, 2, 1))
        connection.execute(CATALOGUE["raise_version"])
    late = pooled.someone(at=datetime(2026, 2, 10, 2, tzinfo=LATER.tzinfo))
    for person in (early, late):
        pooled.confirmed(cents(person, "101.11"))
    assert calls(pooled, PRODUCT, "anxin") == [("hongtu", 1, 40), ("hongtu", 2, 75)]
    assert pooled.rows("SELECT share, posted_fen FROM payment WHERE product = %s ORDER BY settlement_id", PRODUCT) == [(1, 100), (2, 100)]
    found = pooled.get(f"/products/{PRODUCT}/recoveries", pooled.token("bureau"))["recoveries"]
    assert [(line["insurer"], line["version"], line["fen"]) for line in found] == [("hongtu", 2, 75), ("hongtu", 1, 40)]
