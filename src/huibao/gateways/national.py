"""The national platform's settlement messages: envelope, aliases, identities, and the bill inside.

Field names and identities were read off public implementations (no official text is public): provinces differ, amounts
come as numbers, texts, blanks or null, and names have variants. What a message must say of itself is checked; what is
only odd is noted.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from huibao.benefits.model import FUND_PAYERS
from huibao.benefits.reading import Row, Unreadable, amount, bad
from huibao.core.money import half_up, yuan
from huibao.core.refusal import Refusal

SETTLES: Final = {"2102": "药店结算", "2207": "门诊结算", "2304": "住院结算"}
ASKS: Final = {"2101": "药店预结算", "2206": "门诊预结算", "2303": "住院预结算"}
REVERSES: Final = {"2103": "药店结算撤销", "2208": "门诊结算撤销", "2305": "住院结算撤销"}
LISTS: Final = {"2204": "门诊费用明细信息上传", "2301": "住院费用明细上传"}
OTHERS: Final = {"1101": "人员信息获取", "2001": "人员待遇享受检查", "2401": "入院办理", "2402": "出院办理", "2601": "冲正交易",
                 "3201": "医药机构费用结算对总账", "3202": "医药机构费用结算对明细账", "5203": "结算信息查询", "5301": "人员慢特病备案查询"}

#: Variants seen in real messages, by the name that the rest of the program knows. The first that says something counts.
ALIASES: Final[Mapping[str, tuple[str, ...]]] = {
    "psn_cash_pay": ("pdn_cash_pay", "psnCash_pay", "cashPayamt", "cash_payamt"),
    "inscp_scp_amt": ("inscp_amt",),
    "medfee_sumamt": ("med_fee_sumamt",),
    "preselfpay_amt": ("prese_ifpay_amt",),
    "psn_part_amt": ("psn_pay",),
    "oth_pay": ("othfund_pay",),
    "insuplc_admdvs": ("insu_admdvs",),
}


@dataclass(frozen=True, slots=True)
class Message:
    """A settlement message that was understood: the bill as a row of national fields, its lines, and what was odd in it.

    A pre-settlement promises nothing; a reversal names its original under `reverses`.
    """

    transaction: str
    row: Row
    lines: tuple[Row, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def promises(self) -> bool:
        return self.transaction not in ASKS


def parse(text: str) -> Any:
    """A message's JSON with its amounts exact."""
    return json.loads(text, parse_float=Decimal)


def read_message(transaction: str, answer: Mapping[str, Any] | None, request: Mapping[str, Any] | None = None, *,
                 acct_inside_fund: bool = False) -> Message | Refusal:
    """The platform's answer to a settlement, pre-settlement or reversal. `request` is what was asked (its `input`), which
    for a reversal names the original. Without an answer nothing is assumed."""
    output = _output(answer)
    if isinstance(output, Refusal):
        return output
    if transaction not in {**SETTLES, **ASKS, **REVERSES}:
        return _not_a_settlement(transaction)
    found = output.get("setlinfo")
    if not isinstance(found, Mapping):
        return _refuse("message.no_setlinfo", "报文没有结算信息（output.setlinfo）。请确认交易成功后，发送完整的结算返回。",
                       "the message has no output.setlinfo: send the whole answer of the settlement.", {"transaction": transaction})
    try:
        row = canonical(found)
        if transaction in REVERSES:
            original = _asked(request).get("setl_id")
            if not original:
                return _refuse("message.reversal_without_original", "撤销报文未指明原结算：请求的 data.setl_id 为空。请补充原结算ID后重新发送。",
                               "the reversal names no original: give data.setl_id of the request.", {"transaction": transaction})
            row["reverses"] = original
        broken, notes = identities(row, output.get("setldetail"), acct_inside_fund)
    except Unreadable as unreadable:
        return unreadable.refusal
    return broken or Message(transaction, row, notes=notes)


#: What the messages around a settlement call what the bill's row calls otherwise: admission （2401） and discharge （2402）.
_OF_VISIT: Final[Mapping[str, tuple[str, ...]]] = {
    "begndate": ("begntime", "adm_time"), "enddate": ("endtime", "dscg_time", "dscgTime"), "dise_codg": ("dscg_maindiag_code",)}
#: What names a person, a visit, a settlement or a hospital has it in visible characters, and not many.
_NUMBERS: Final = ("setl_id", "psn_no", "mdtrt_id", "reverses")
_NUMBER: Final = re.compile(r"[!-~]{1,40}")
_FIGURE: Final = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,8})?")
#: What the value of a field is read as.
_SINGLE: Final = (str, int, Decimal)
#: What others say is repeated so far.
_MOST_SAID: Final = 100


def received(
    transaction: str, answer: Mapping[str, Any], request: Mapping[str, Any] | None = None, visit: Mapping[str, Any] | None = None,
    lines: Sequence[Mapping[str, Any]] = (), *, acct_inside_fund: bool = False,
) -> Message | Refusal:
    """A settlement, pre-settlement or reversal as a hospital or an agency sends it, whole: the platform's answer, or its setlinfo
    alone; of a reversal what was asked; what was sent at admission and discharge; the lines of the bill."""
    if "setlinfo" not in answer and "output" not in answer and "infcode" not in answer:
        answer = {"setlinfo": answer}
    envelope: Mapping[str, Any] | None = answer
    if "setlinfo" in answer:
        envelope = {"infcode": "0", "output": answer} if any(answer.values()) else None
    found = read_message(transaction, envelope, request, acct_inside_fund=acct_inside_fund)
    if isinstance(found, Refusal):
        return found
    row = {**_plain(_visit_of(visit or {})), **_plain(found.row)}
    if request is not None and transaction in REVERSES:
        row = {**{name: value for name, value in _plain(_asked(request)).items() if name in ("psn_no", "mdtrt_id")}, **row}
    for name in [name for name in _NUMBERS if name in row]:
        row[name] = str(row[name]).strip()
        if not _NUMBER.fullmatch(row[name]):
            return _refuse("settlement.field_unreadable", f"{name} 不是编号（可见字符，最多四十位）。请改正后重新发送。",
                           f"{name} is no number of visible characters, at most forty: mend it and send again.", {"field": name})
    details: tuple[Row, ...] | Refusal = ()
    if lines:
        details = read_lines("2301", {"infcode": "0", "output": {"result": [_plain(line) for line in lines]}})
    return details if isinstance(details, Refusal) else Message(transaction, row, details, found.notes)


def _asked(request: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """What a request asked; nothing where it is not put as the platform wants it."""
    data = (request or {}).get("data")
    return data if isinstance(data, Mapping) else {}


def _visit_of(visit: Mapping[str, Any]) -> dict[str, Any]:
    row = {name: value for name, value in visit.items() if value is not None and value != ""}
    for name, variants in _OF_VISIT.items():
        said = [row[variant] for variant in variants if variant in row]
        if name not in row and said:
            row[name] = said[0]
    return row


def _plain(found: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that are one value: what is nested is no field of a bill."""
    return {name: value for name, value in found.items() if isinstance(value, _SINGLE) and not isinstance(value, bool)}


def _output(answer: Mapping[str, Any] | None) -> Mapping[str, Any] | Refusal:
    """What a successful answer carries; a refusal where there is no answer, or where it says that it failed."""
    code = None if answer is None else str(answer.get("infcode", "")).strip()[:_MOST_SAID]
    if answer is None or not code or code == "None":
        return _refuse("message.no_answer", "没有收到交易返回（无 infcode），结果未知。请先用 5203 查询结算结果，未成功的用 2601 冲正，不要重复结算。",
                       "no answer, so the outcome is unknown: ask with 5203, or reverse with 2601; do not settle again.")
    if code != "0":
        return _refuse("message.basic_insurance_failed", f"基本医保结算未成功：{str(answer.get('err_msg') or '原因未说明')[:_MOST_SAID]}。请先完成基本医保结算。",
                       "basic insurance did not settle: settle there first.", {"infcode": code})
    output = answer.get("output")
    if isinstance(output, str):
        try:
            output = parse(output)
        except (ValueError, RecursionError):
            output = None
    if not isinstance(output, Mapping):
        return _refuse("message.no_output", "报文没有交易输出（output）。请发送完整的返回报文。", "the message has no output: send the whole answer.")
    return output


def _not_a_settlement(transaction: str) -> Refusal:
    name = {**LISTS, **OTHERS}.get(transaction)
    said = f"{transaction}({name})" if name else transaction
    mend = "明细已可随结算使用：请发送它所属的结算（门诊 2207、住院 2304）。" if transaction in LISTS else "请在出院结算 2304 或门诊结算 2207 成功后发送结算返回。"
    return _refuse("message.not_a_settlement", f"交易 {said} 不是结算，没有可赔付的金额。{mend}",
                   f"transaction {transaction} is no settlement: send the answer of 2304 or 2207.", {"transaction": transaction})


def canonical(found: Mapping[str, Any]) -> dict[str, Any]:
    """A setlinfo with its fields under the names that the rest of the program knows."""
    row = {name: value for name, value in found.items() if value is not None and value != ""}
    for name, variants in ALIASES.items():
        said = [row[v] for v in variants if v in row]
        if name not in row and said:
            row[name] = said[0]
    return _with_hospital_share(row)


def _with_hospital_share(row: dict[str, Any]) -> dict[str, Any]:
    """The hospital's share stands in two fields, of which messages fill either or both: together they are `hosp_part_amt`."""
    other = amount(row, "ownpay_hosp_part")
    if other:
        row["hosp_part_amt"] = Decimal((amount(row, "hosp_part_amt") or 0) + other).scaleb(-2)
    return row


def identities(row: Row, detail: Any, acct_inside_fund: bool) -> tuple[Refusal | None, tuple[str, ...]]:
    """Whether the sums inside a message hold: what contradicts itself is refused, what is odd is noted.

    The parts of the bill and of the person (I1, I3) are tested again with the bill's buckets; here are the payers
    (I2, refused) and the funds and details (I5, I6, noted: some provinces put the hospital's share among other funds).
    """
    def of(name: str) -> int:
        return amount(row, name) or 0

    fund = of("fund_pay_sumamt") - (of("acct_pay") if acct_inside_fund else 0)
    payers = fund + of("hosp_part_amt") + of("acct_pay") + of("psn_cash_pay")
    total = amount(row, "medfee_sumamt")
    if total is not None and "psn_cash_pay" in row and "acct_pay" in row and payers != total:
        likely = of("acct_pay") != 0 and abs(payers - total) == abs(of("acct_pay"))
        hint = "差额正好等于个人账户支付：请核对本省“基金支付总额是否含个人账户”的设置。" if likely else "请核对后重新结算。"
        return _refuse("message.payers_differ_from_total", f"基金、医院、个人账户与现金支付合计 {yuan(payers)} 元，与医疗费总额 {yuan(total)} 元不符。{hint}",
                       "what the payers paid does not add up to medfee_sumamt: check it, and how this province counts acct_pay.",
                       {"payers_fen": payers, "medfee_sumamt_fen": total}), ()
    notes = []
    funds = sum(of(name) for name in FUND_PAYERS)
    if any(name in row for name in FUND_PAYERS) and funds != of("fund_pay_sumamt"):
        notes.append(f"各项基金合计 {yuan(funds)} 元，与基金支付总额 {yuan(of('fund_pay_sumamt'))} 元不符")
    if isinstance(detail, list) and detail and all(isinstance(d, Mapping) for d in detail):
        paid = sum(amount(d, "fund_payamt") or 0 for d in detail)
        stated = fund + of("hosp_part_amt") + of("acct_pay")
        if paid != stated:
            notes.append(f"基金分项（setldetail）合计 {yuan(paid)} 元，与各支付方 {yuan(stated)} 元不符")
    return None, tuple(notes)


def read_lines(transaction: str, answer: Mapping[str, Any] | None) -> tuple[Row, ...] | Refusal:
    """The lines of a bill from the platform's answer to their upload, each checked to add up."""
    output = _output(answer)
    if isinstance(output, Refusal):
        return output
    result = output.get("result")
    if transaction not in LISTS or not isinstance(result, list):
        return _not_a_settlement(transaction)
    lines = []
    try:
        for n, found in enumerate(result, 1):
            line = {**canonical(found), "feedetl_sn": found.get("feedetl_sn") or str(n)}
            wrong = _line_wrong(line)
            if wrong:
                return _refuse("message.line_differs", f"第 {n} 条明细{wrong}。请核对该明细后重新上传。",
                               f"line {n} does not add up: check it and upload again.", {"line": n})
            lines.append(line)
    except Unreadable as unreadable:
        return unreadable.refusal
    return tuple(lines)


def _line_wrong(line: Row) -> str:
    """Why a line does not hold (identity I7), or nothing."""
    total = amount(line, "det_item_fee_sumamt") or 0
    parts = sum(amount(line, name) or 0 for name in ("fulamt_ownpay_amt", "overlmt_amt", "preselfpay_amt", "inscp_scp_amt"))
    if parts != total:
        return f"四部分合计 {yuan(parts)} 元，与明细金额 {yuan(total)} 元不符"
    count, price, share = (_figure(line, name) for name in ("cnt", "pric", "selfpay_prop"))
    if int((count * price * 100).to_integral_value("ROUND_HALF_UP")) != total:
        return f"数量 × 单价与明细金额 {yuan(total)} 元不符"
    expected = half_up(total * int(share * 10_000))
    if line.get("chrgitm_lv") != "03" and "selfpay_prop" in line and expected != (amount(line, "preselfpay_amt") or 0):
        return f"先行自付应为 {yuan(expected)} 元"
    return ""


def _figure(line: Row, name: str) -> Decimal:
    """A quantity, a price or a share; nothing is zero. Raises `Unreadable`."""
    said = str(line.get(name) or 0).strip()
    if not _FIGURE.fullmatch(said):
        raise bad(name, "不是数", "is no number")
    return Decimal(said)


def _refuse(code: str, zh: str, en: str, figures: Mapping[str, int | str] | None = None) -> Refusal:
    return Refusal(code, None, zh, en, figures or {})
