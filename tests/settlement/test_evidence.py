"""What a message carries of a person's health and identity stands nowhere in plain, and opens from the evidence while the person's key is there."""

import base64
from collections.abc import Iterator
from typing import Any, Final

import msgspec
import pytest

from huibao.core.sealing import Place, open_sealed, unwrap
from huibao.settlement.evidence import unpacked
from huibao.settlement.model import Agree, Confirm, Judge, Withdraw
from tests.books import KEYRING, Someone, owner, refusal, rows, small_city, verify
from tests.database import MakeProgramme
from tests.settlement.ward import Ward, bill, reversal, standing

#: What must not be found: where it is said, and the text.
CANARIES: Final = {
    "dise_codg": "C34.9QXW7", "dise_name": "右肺上叶癌QXW7", "med_list_codg": "XL01QXW7A", "hilist_name": "奥希替尼QXW7", "psn_name": "欧阳QXW7",
    "certno": "21010119850615QXW7", "tel": "1390000QXW7", "look_back": "N18.5QXW7", "bank_account": "6222QXW7001", "reason": "病案首页QXW7"}
ROW: Final = {name: CANARIES[name] for name in ("dise_name", "psn_name", "certno", "tel")}
LINE: Final = {"feedetl_sn": "1", "item_kind": "drug", "fulamt_ownpay_amt": "10000", **{name: CANARIES[name] for name in ("med_list_codg", "hilist_name")}}


@pytest.fixture
def ward(programme: MakeProgramme) -> Iterator[Ward]:
    with Ward(small_city(programme, "shenyang", [Someone(1), Someone(2)])) as found:
        for person in (1, 2):
            found.buys(person)
            found.agrees(person, CANARIES["bank_account"])
        yield found


def told_all(ward: Ward, person: int | str, setl_id: str, **more: Any) -> Any:
    """A settlement whose message carries every canary."""
    return bill(person, setl_id, city=ward.city, diagnosis=CANARIES["dise_codg"],
                **{"in_scope": "30000", "self_paid": "10000", "lines": [LINE], **ROW, **more})


def everything(ward: Ward) -> Iterator[tuple[str, bytes]]:
    """Every text, byte and document of every table of the programme."""
    with owner(ward.city) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", [ward.city.schema]).fetchall()
        for (table,) in tables:
            for row in connection.execute(f"SELECT * FROM {table}").fetchall():  # noqa: S608
                for value in row:
                    yield table, value if isinstance(value, bytes) else str(value).encode()


def spellings(text: str) -> set[bytes]:
    """How a text may stand somewhere: as it is, escaped, in hex, in base64 at any offset."""
    plain = text.encode()
    found = {plain, plain.hex().encode(), plain.hex().upper().encode(), msgspec.json.encode(text)[1:-1], text.encode("unicode_escape"), plain[::-1]}
    for offset in range(3):
        whole = base64.b64encode(b"\0" * offset + plain)
        found.add(whole[-(-offset * 4 // 3):len(whole) - 4])
    return found


def leaks(ward: Ward, texts: dict[str, str]) -> set[tuple[str, str]]:
    """Which canary stands where."""
    wanted = {name: spellings(text) for name, text in texts.items()}
    return {(name, table) for table, value in everything(ward) for name, forms in wanted.items() if any(form in value for form in forms)}


def evidence(ward: Ward, request_id: int, person: int) -> bytes:
    [(wrapped,)] = rows(ward.city, "SELECT wrapped FROM person_key WHERE person_id = %s", person)
    [(sealed,)] = rows(ward.city, "SELECT sealed FROM event WHERE request_id = %s", request_id)
    key = unwrap(KEYRING, ward.city.code, person, wrapped)
    return open_sealed(key, sealed, Place(ward.city.code, "event", request_id, "sealed"))


def test_what_a_message_carries_stands_nowhere_in_plain(ward: Ward) -> None:
    """诊断、药品、姓名、证件、账号、既往诊断都不以明文出现。"""
    ward.looked_back(2, CANARIES["look_back"])
    [a, b] = ward.settle(told_all(ward, 1, "A"), told_all(ward, 2, "B"))
    ward.run(told_all(ward, 1, "C", promises=False), told_all(ward, 1, "A"), told_all(ward, 1, "A", in_scope="1"), told_all(ward, "9", "D"))
    ward.confirm(a)
    ward.run(Judge(7, ward.id(a), False, CANARIES["reason"]), Withdraw(7, ward.id(b), True))
    ward.run(told_all(ward, 1, "E", way="feed", hospital="H9"), told_all(ward, 1, "F", way="feed", hospital="X1"))
    ward.run(reversal("R1", "A", **ROW), reversal("R2", "Z", **ROW))
    assert leaks(ward, CANARIES) == set()
    assert leaks(ward, {"found": "Z"}) != set(), "the search finds what is there"
    assert verify(ward.city) == []


def test_evidence_opens_and_keeps_no_names(ward: Ward) -> None:
    """证据可以打开，姓名证件不留。"""
    ward.looked_back(1, CANARIES["look_back"])
    [told] = ward.settle(told_all(ward, 1, "A"))
    kept = unpacked(evidence(ward, ward.id(told), 1))
    assert (kept.row["dise_codg"], kept.row["dise_name"], kept.row["history_dise"]) == (
        CANARIES["dise_codg"], CANARIES["dise_name"], CANARIES["look_back"])
    assert [line["med_list_codg"] for line in kept.lines] == [CANARIES["med_list_codg"]]
    assert {"psn_name", "certno", "tel"} & kept.row.keys() == set()
    assert bytes(kept.told) == msgspec.json.encode(told), "the whole answer, with its explanation"
    [(said,)] = rows(ward.city, "SELECT answer FROM event WHERE request_id = %s", ward.id(told))
    assert msgspec.json.decode(said).keys() == {"settlement", "state", "payee", "pay_fen", "policies"}


def test_an_account_agreed_to_is_evidence(ward: Ward) -> None:
    """登记的收款账户不以明文出现，证据可以打开。"""
    [answer] = ward.run(Agree(7, 1, CANARIES["bank_account"]))
    assert answer.outcome == "done"
    assert leaks(ward, CANARIES) == set()
    [(request_id,)] = rows(ward.city, "SELECT request_id FROM event WHERE kind = 'agreement'")
    assert CANARIES["bank_account"].encode() in evidence(ward, request_id, 1), "sealed for its place in the record, as every event's evidence"


@pytest.mark.parametrize("shifted", [
    pytest.param({"medfee_sumamt": CANARIES["certno"]}, id="总额一栏写成证件号码"),
    pytest.param({"begndate": CANARIES["dise_name"]}, id="入院日期一栏写成诊断名称"),
    pytest.param({"setl_time": CANARIES["psn_name"]}, id="结算时间一栏写成姓名"),
    pytest.param({"lines": [{**LINE, "fulamt_ownpay_amt": CANARIES["hilist_name"]}]}, id="明细金额一栏写成药名"),
    pytest.param({"lines": [{**LINE, "fulamt_ownpay_amt": "-1", "feedetl_sn": CANARIES["med_list_codg"]}]}, id="明细序号一栏写成药品编码")])
def test_a_refusal_repeats_nothing_of_a_shifted_message(ward: Ward, shifted: dict[str, Any]) -> None:
    """串栏的报文被拒绝，拒绝里不复述。 Columns that shifted by one are the common fault of a hospital's interface: the record keeps the refusal in plain."""
    [answer] = ward.run(told_all(ward, 1, "A", **shifted))
    assert answer.outcome == "settlement.field_unreadable"
    assert leaks(ward, CANARIES) == set()


def test_a_limit_per_drug_names_no_drug(programme: MakeProgramme) -> None:
    """按药品累计的限额不写明药品，但同一种药仍合计。"""
    with Ward(small_city(programme, "shenyang", [Someone(1)])) as ward:
        ward.buys(1)
        ward.looked_back(1)
        line = {"feedetl_sn": "1", "item_kind": "drug", "fulamt_ownpay_amt": "200000", "med_list_codg": "XL01EFA001"}
        bills = [bill(1, name, city=ward.city, med_type="11", self_paid="200000", lines=[line]) for name in ("A", "B")]
        assert [told.pay_fen for told in ward.settle(*bills)] == [14000000, 1000000], "200000 × 70%, then 10000 are left of 150000"
        [(used,)] = rows(ward.city, "SELECT used::text FROM accumulator")
        assert "XL01EFA001" not in used
        assert verify(ward.city) == []


# ── who was erased ───────────────────────────────────────────────────────────────────────────────────────────────────

def erase(ward: Ward, person: int) -> None:
    with owner(ward.city) as connection:
        connection.execute("DELETE FROM person_key WHERE person_id = %s", [person])


def test_who_was_erased_is_nobody(ward: Ward) -> None:
    """已删除密钥的人，不再受理结算。"""
    ward.settle(told_all(ward, 1, "A"))
    erase(ward, 1)
    before = standing(ward.city)
    for command in (told_all(ward, 1, "A"), told_all(ward, 1, "B"), told_all(ward, 1, "C", promises=False), told_all(ward, 1, "D", way="feed")):
        [answer] = ward.run(command)
        assert refusal(answer).code == "settlement.person_unknown"
    assert standing(ward.city) == before


def test_settlements_of_who_was_erased_can_still_be_moved(ward: Ward) -> None:
    """已删除密钥的人，医院仍可确认和冲销，不是故障。 Money that was deducted or taken back is a fact, whoever was erased: a result answers, never a fault of ours."""
    [a, b] = ward.settle(told_all(ward, 1, "A"), told_all(ward, 1, "B", self_paid="20000"))
    erase(ward, 1)
    [confirmed] = ward.run(Confirm(7, ward.id(a), a.pay_fen, "H1"))
    assert confirmed.outcome == "done"
    assert ward.run(reversal("R1", "A")) is not None
    assert ward.run(Withdraw(7, ward.id(b), False)) is not None


def test_who_shares_with_somebody_erased_is_left_to_a_person(programme: MakeProgramme) -> None:
    """家人已删除密钥，共用的免赔额无法重算：冲销不动任何账，交人工处理；新的结算照常。"""
    family = [Someone(1, kin="2 配偶"), Someone(2)]
    with Ward(small_city(programme, "jilin", family)) as ward:
        ward.buys(1, 1, 2)
        [a, b] = ward.settle(bill(1, "A", city=ward.city, in_scope="15000"), bill(2, "B", city=ward.city, in_scope="15000"))
        assert (a.pay_fen, b.pay_fen) == (0, 600000), "(30000 − 20000) × 60%"
        ward.confirm(b)
        erase(ward, 1)
        before = standing(ward.city)
        for command in (reversal("R1", "B"), reversal("R2", "A")):
            [answer] = ward.run(command)
            assert refusal(answer).code == "settlement.kin_erased"
        assert standing(ward.city) == before
        [c] = ward.settle(bill(2, "C", city=ward.city, in_scope="15000"))
        assert c.pay_fen == 900000, "what the erased had used stays used: 15000 × 60%"
        assert verify(ward.city) == []
