"""National settlement messages: what is understood, what is refused with which reason, and the sums inside."""

from decimal import Decimal
from typing import Any

import pytest

from huibao.core.refusal import Refusal
from huibao.demo.run import messages
from huibao.gateways import national
from huibao.gateways.national import Message

REAL = {message["id"]: message for message in messages()}
ORIGINAL = {"data": {"setl_id": "S1"}}


def setlinfo(**changes: Any) -> dict[str, Any]:
    """A successful answer: 1,000 of which funds paid 600, the hospital 0, the account 100 and the person 300."""
    found = {"medfee_sumamt": 1000, "inscp_scp_amt": 800, "fulamt_ownpay_amt": 200, "overlmt_selfpay": 0, "preselfpay_amt": 0,
             "fund_pay_sumamt": 600, "hifp_pay": 600, "hosp_part_amt": 0, "acct_pay": 100, "psn_cash_pay": 300, "psn_part_amt": 400}
    return {"infcode": 0, "output": {"setlinfo": {**found, **changes}}}


REFUSED: list[tuple[str, str, Any, Any, str, str]] = [
    # story, transaction, answer, request, code, what the clerk reads
    ("超时，没有返回", "2304", None, None, "message.no_answer", "5203"),
    ("返回里没有 infcode", "2304", {"output": {}}, None, "message.no_answer", "2601"),
    ("infcode 为空", "2304", {"infcode": None, "output": {}}, None, "message.no_answer", "结果未知"),
    ("基本医保结算失败", "2304", {"infcode": -1, "err_msg": "余额不足"}, None, "message.basic_insurance_failed", "余额不足"),
    ("失败码是文字", "2304", {"infcode": "-1"}, None, "message.basic_insurance_failed", "原因未说明"),
    ("没有输出", "2304", {"infcode": 0}, None, "message.no_output", "完整的返回报文"),
    ("输出不是 JSON", "2304", {"infcode": 0, "output": "{"}, None, "message.no_output", "完整的返回报文"),
    ("没有结算信息", "2304", {"infcode": 0, "output": {}}, None, "message.no_setlinfo", "setlinfo"),
    ("撤销未指明原结算", "2305", setlinfo(), None, "message.reversal_without_original", "data.setl_id"),
    ("明细上传不是结算", "2301", setlinfo(), None, "message.not_a_settlement", "2304"),
    ("人员信息不是结算", "1101", setlinfo(), None, "message.not_a_settlement", "人员信息获取"),
    ("不认识的交易", "8888", setlinfo(), None, "message.not_a_settlement", "交易 8888 不是结算"),
    ("支付方合计不符", "2304", setlinfo(psn_cash_pay=250, psn_part_amt=350), None, "message.payers_differ_from_total", "950.00"),
    ("本省把个人账户算在基金里", "2304", setlinfo(fund_pay_sumamt=700), None, "message.payers_differ_from_total", "基金支付总额是否含个人账户"),
    ("金额不是数", "2304", setlinfo(acct_pay="一百"), None, "settlement.field_unreadable", "acct_pay"),
]


@pytest.mark.parametrize("story, transaction, answer, request_, code, says", REFUSED, ids=[row[0] for row in REFUSED])
def test_refused(story: str, transaction: str, answer: Any, request_: Any, code: str, says: str) -> None:
    found = national.read_message(transaction, answer, request_)
    assert isinstance(found, Refusal)
    assert (found.code, says in found.zh, bool(found.en)) == (code, True, True)


def test_the_province_that_counts_the_account_among_funds_is_a_setting() -> None:
    found = national.read_message("2304", setlinfo(fund_pay_sumamt=700, hifp_pay=700), acct_inside_fund=True)
    assert isinstance(found, Message)
    assert found.notes == ()


def test_an_output_that_is_text_is_read_with_exact_amounts() -> None:
    output = '{"setlinfo": {"medfee_sumamt": 2.675, "fulamt_ownpay_amt": "2.675", "inscp_scp_amt": "", "psn_part_amt": null}}'
    found = national.read_message("2304", {"infcode": "0", "output": output})
    assert isinstance(found, Message)
    assert found.row == {"medfee_sumamt": Decimal("2.675"), "fulamt_ownpay_amt": "2.675"}


@pytest.mark.parametrize("name, variant", [(name, variant) for name, variants in national.ALIASES.items() for variant in variants])
def test_variants_of_names(name: str, variant: str) -> None:
    assert national.canonical({variant: 7})[name] == 7
    assert national.canonical({variant: 7, name: 5})[name] == 5


@pytest.mark.parametrize("one, other, together", [("5.01", 0, "5.01"), (None, "-32.86", "-32.86"), ("1.50", "2.25", "3.75")])
def test_the_hospital_share_stands_in_two_fields(one: str | None, other: object, together: str) -> None:
    row = national.canonical({"hosp_part_amt": one, "ownpay_hosp_part": other})
    assert Decimal(str(row["hosp_part_amt"])) == Decimal(together)


def test_what_is_odd_is_noted() -> None:
    answer = setlinfo(hifp_pay=500)
    answer["output"]["setldetail"] = [{"fund_pay_type": "310100", "fund_payamt": 600}]
    found = national.read_message("2304", answer)
    assert isinstance(found, Message)
    assert len(found.notes) == 2
    assert "500.00" in found.notes[0]
    assert "600.00" in found.notes[0]
    assert "700.00" in found.notes[1]


def test_a_pre_settlement_promises_nothing_and_a_reversal_names_its_original() -> None:
    asked = national.read_message("2303", REAL["V1p"]["message"])
    back = national.read_message("2305", REAL["V2"]["message"], ORIGINAL)
    assert isinstance(asked, Message)
    assert isinstance(back, Message)
    assert (asked.promises, back.promises) == (False, True)
    assert back.row["reverses"] == "S1"
    assert back.row["hosp_part_amt"] == Decimal("-32.86")


LINES = [
    # story, change to the line, what the clerk reads ("" where the line holds)
    ("相符", {}, ""),
    ("四部分合计不符", {"inscp_scp_amt": "4.28"}, "四部分合计 4.51 元"),
    ("数量乘单价不符", {"cnt": 2}, "数量 × 单价"),
    ("先行自付不符", {"selfpay_prop": "0.10"}, "先行自付应为 0.45 元"),
    ("丙类不看先行自付比例", {"chrgitm_lv": "03", "selfpay_prop": 1}, ""),
    ("金额不是数", {"inscp_scp_amt": "x"}, "inscp_scp_amt"),
]


@pytest.mark.parametrize("story, change, says", LINES, ids=[row[0] for row in LINES])
def test_lines(story: str, change: dict[str, Any], says: str) -> None:
    line = {**REAL["V5"]["message"]["output"]["result"][0], **change}
    found = national.read_lines("2204", {"infcode": 0, "output": {"result": [line]}})
    if says:
        assert isinstance(found, Refusal)
        assert says in found.zh
    else:
        assert isinstance(found, tuple)
        assert found[0]["feedetl_sn"] == "1"


def test_real_lines_hold_and_no_answer_is_no_lines() -> None:
    found = national.read_lines("2301", REAL["V5b"]["message"])
    assert isinstance(found, tuple)
    assert len(found) == 16
    assert isinstance(national.read_lines("2301", None), Refusal)
    assert isinstance(national.read_lines("2304", REAL["V1"]["message"]), Refusal)
