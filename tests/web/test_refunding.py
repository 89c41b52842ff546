"""Giving a policy back over HTTP: what is quoted is what goes back; who reads which part of a refund; what is paid elsewhere."""

from typing import Any, Final

import pytest

from huibao.db.connect import connect_owner
from tests.web.running import AREA, HERE, PRODUCT, STRANGER, Desk, add_person
from tests.web.wards import number

#: They live alone, and nobody else's test knows them.
HOLDER, OTHER = 1801, 1802
OWED: Final = (1803, 1804)
ACCOUNT: Final = "6222000000000000001"


@pytest.fixture(scope="module", autouse=True)
def people(desk: Desk) -> None:
    with connect_owner(desk.engine.url) as connection, connection.transaction():
        connection.execute(f"SET LOCAL search_path TO p_{HERE}")
        for person in (HOLDER, OTHER):
            add_person(connection, desk.engine.keyring, HERE, person)


def post(desk: Desk, path: str, who: str, asked: dict[str, Any], key: str | None = None) -> Any:
    return desk.send("POST", f"/v1/{HERE}{path}", who, json=asked, headers={"Idempotency-Key": key or f"refund-{number()}"})


def get(desk: Desk, path: str, who: str) -> Any:
    return desk.send("GET", f"/v1/{HERE}{path}", who)


@pytest.mark.clause("LZ-15a", "LZ-19")
def test_what_is_quoted_is_what_goes_back(desk: Desk) -> None:
    policy = f"{desk.order_of(HOLDER)}-01"
    mine = desk.member(HOLDER)
    quote = get(desk, f"/policies/{policy}/surrender-quote", mine).json()
    assert (quote["state"], quote["ground"], quote["fen"]) == ("quoted", "before-start", quote["premium_fen"])
    assert get(desk, f"/policies/{policy}/surrender-quote", mine).json() == quote, "nothing was written"
    assert get(desk, f"/policies/{policy}/surrender-quote", desk.member(STRANGER)).status_code == 404
    differs = post(desk, f"/policies/{policy}/surrender", mine, {"refund_fen": quote["fen"] - 1})
    assert (differs.status_code, differs.json()["code"]) == (409, "surrender.quote_differs")
    done = post(desk, f"/policies/{policy}/surrender", mine, {"refund_fen": quote["fen"]}, "surrender-1801")
    again = post(desk, f"/policies/{policy}/surrender", mine, {"refund_fen": quote["fen"]}, "surrender-1801")
    assert (done.status_code, again.content, again.headers["Idempotent-Replayed"]) == (201, done.content, "true")
    [part] = done.json()["parts"]
    assert (part["source"], part["fen"], part["state"], part["limit_year"]) == ("personal", quote["fen"], "done", 2026)
    assert get(desk, f"/policies/{policy}", mine).json()["state"] == "surrendered"
    assert (get(desk, f"/policies/{policy}/surrender-quote", mine).json()["code"]) == "surrender.already"
    [line] = get(desk, "/refunds", mine).json()["refunds"]
    assert (line["refund"], line["state"], line["days"], line["due_on"]) == (part["refund"], "done", 0, "2026-02-04")
    read = get(desk, f"/refunds/{part['refund']}", mine).json()
    assert (read["way"], read["limit_year"], read["confirmed"], read["accepted"]) == ("refund-reversed", 2026, [], None)
    assert get(desk, f"/refunds/{part['refund']}", desk.member(STRANGER)).status_code == 404
    assert part["refund"] not in [one["refund"] for one in get(desk, "/refunds", desk.token("auditor")).json()["refunds"]], "it is done"


@pytest.mark.clause("LZ-15b", "LZ-19")
def test_an_account_that_cannot_be_credited(desk: Desk) -> None:
    """From the insurer's list to its payment; the account is for who pays it, the agency and the holder to read."""
    policy = f"{desk.order_of(OTHER)}-01"
    _with_the_insurer(desk, OTHER)
    mine, clerk, insurer = desk.member(OTHER), desk.token("agency", area=AREA), desk.token("insurer", insurer="anxin")
    done = post(desk, f"/policies/{policy}/surrender", clerk, {"refund_fen": get(desk, f"/policies/{policy}/surrender-quote", mine).json()["fen"]})
    [part] = done.json()["parts"]
    assert (part["state"], done.status_code) == ("owed", 201)
    path = f"/refunds/{part['refund']}"
    assert get(desk, "/refunds?after=990000-R000000000001-1", insurer).json()["code"] == "refund.unknown", "a slip, and no list from its start"
    owed = get(desk, "/refunds?state=owed", insurer).json()
    assert part["refund"] in [one["refund"] for one in owed["refunds"]]
    assert owed["owed_fen"] == sum(one["fen"] for one in owed["refunds"])
    assert get(desk, "/refunds?state=owed", desk.token("insurer", insurer="zhongtai")).json() == {"refunds": [], "owed_fen": 0}

    assert post(desk, f"{path}/acceptances", mine, {"payee": "某人", "bank_account": ACCOUNT}).status_code == 409
    wrong = post(desk, f"{path}/account-confirmations", clerk, {"reason": "other", "document": "误"})
    back = desk.send("POST", f"/v1/{HERE}{path}/account-confirmations/withdrawal", clerk, headers={"Idempotency-Key": f"refund-{number()}"})
    assert (wrong.status_code, back.status_code, back.json()["state"]) == (201, 200, "owed")
    said = post(desk, f"{path}/account-confirmations", clerk, {"reason": "closed", "document": "医保函〔2026〕12号"})
    assert (said.status_code, said.json()["confirmed"]) == (201, 1)
    assert post(desk, f"{path}/acceptances", mine, {"payee": "某人", "bank_account": ACCOUNT}).status_code == 201
    for who in (insurer, clerk):
        cases = [one for one in get(desk, "/cases", who).json()["cases"] if one["kind"] == "refund"]
        assert [one["cause"] for one in cases if one["policy"] == policy] == ["refund.account_closed"]

    whole = {who: get(desk, path, token).json() for who, token in
             (("holder", mine), ("clerk", clerk), ("insurer", insurer), ("auditor", desk.token("auditor")), ("bureau", desk.token("bureau")))}
    assert {who: read["accepted"]["bank_account"] for who, read in whole.items()} == {
        "holder": ACCOUNT, "clerk": ACCOUNT, "insurer": ACCOUNT, "auditor": None, "bureau": None}
    assert {who: read["confirmed"][1]["document"] is not None for who, read in whole.items()} == {
        "holder": True, "clerk": True, "insurer": False, "auditor": True, "bureau": True}

    assert [one["withdrawn_at"] is None for one in whole["clerk"]["confirmed"]] == [False, True]
    assert whole["insurer"]["accepted"]["number"] > 0
    other = post(desk, f"{path}/payments", insurer, {"reference": "B-77", "acceptance": 1})
    assert (other.status_code, other.json()["code"]) == (409, "refund.another_acceptance")
    paid = post(desk, f"{path}/payments", insurer, {"reference": "B-77", "acceptance": whole["insurer"]["accepted"]["number"]})
    assert (paid.status_code, paid.json()["state"]) == (201, "done")
    read = get(desk, path, mine).json()
    assert (read["way"], read["reference"]) == ("refund-elsewhere", "B-77")


def _with_the_insurer(desk: Desk, person: int) -> None:
    """The account money of somebody's order was remitted."""
    with connect_owner(desk.engine.url) as connection, connection.transaction():
        connection.execute(f"SET LOCAL search_path TO p_{HERE}")
        [remittance] = connection.execute("SELECT nextval('request_id')").fetchone() or (0,)
        [transfer] = connection.execute("SELECT id FROM transfer WHERE person_id = %s AND kind = 'premium-account'", [person]).fetchone() or (0,)
        connection.execute("INSERT INTO remittance_line (remittance_id, transfer_id, order_id, position, account_id, fen, state, counted)"
                           " SELECT %s, id, order_id, position, debit_id, fen, 'paid', true FROM transfer WHERE id = %s", [remittance, transfer])
        connection.execute("UPDATE account SET debit_fen = debit_fen + (SELECT fen FROM transfer WHERE id = %s)"
                           " WHERE kind = 'clearing' AND product = %s", [transfer, PRODUCT])
        connection.execute("UPDATE account SET credit_fen = credit_fen + (SELECT fen FROM transfer WHERE id = %s)"
                           " WHERE kind = 'income' AND product = %s", [transfer, PRODUCT])


def test_what_is_owed_is_all_of_it_on_every_page(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    with connect_owner(desk.engine.url) as connection, connection.transaction():
        connection.execute(f"SET LOCAL search_path TO p_{HERE}")
        for person in OWED:
            add_person(connection, desk.engine.keyring, HERE, person)
    insurer = desk.token("insurer", insurer="anxin")
    before = get(desk, "/refunds?state=owed", insurer).json()["owed_fen"]
    for person in OWED:
        policy, mine = f"{desk.order_of(person)}-01", desk.member(person)
        _with_the_insurer(desk, person)
        fen = get(desk, f"/policies/{policy}/surrender-quote", mine).json()["fen"]
        before += post(desk, f"/policies/{policy}/surrender", mine, {"refund_fen": fen}).json()["fen"]
        assert get(desk, "/refunds", mine).json()["owed_fen"] == fen
    monkeypatch.setattr("huibao.web.refunds.MOST_LISTED", 1)
    page = get(desk, "/refunds?state=owed", insurer).json()
    assert (len(page["refunds"]), page["owed_fen"]) == (1, before)
    after = get(desk, f"/refunds?state=owed&after={page['refunds'][0]['refund']}", insurer).json()
    assert (len(after["refunds"]), after["owed_fen"]) == (1, before)


@pytest.mark.clause("LZ-15a")
def test_a_mistyped_number_is_none(desk: Desk) -> None:
    for path in ("/policies/990000-000000099999-9-01/surrender-quote", "/refunds/990000-R000000099999-9", "/repayments/99999"):
        who = desk.token("agency")
        assert get(desk, path, who).status_code == 404
