"""What a request is refused for before any rule of a scheme is asked: each with what to do."""

from collections.abc import Sequence
from datetime import date
from typing import Literal

from huibao.core.refusal import Refusal
from huibao.remittance.refusals import batch_unknown, case_unknown


def credential_missing() -> Refusal:
    return Refusal("credential.missing", None, "请先登录：请求头 Authorization 应为 Bearer 加访问凭证。",
                   "sign in first: send the header Authorization with Bearer and a credential")


def credential_invalid() -> Refusal:
    return Refusal("credential.invalid", None, "访问凭证无效、已到期或已撤销，请重新登录或申请换发。",
                   "the credential is not valid, has expired or was revoked: sign in again or ask for a new one")


def signature_invalid() -> Refusal:
    return Refusal("payment.signature_invalid", None, "支付通知的签名不符，未作处理。请核对密钥与原文。",
                   "the notice's signature does not fit and nothing was done: check the secret and the bytes that were signed")


def role_refused(role: str, operation: str) -> Refusal:
    return Refusal("access.role", None, "您的角色不能办理此事项，请用有权限的账号，或向主管人员申请。",
                   f"the role {role} may not do this: use a credential that may, or ask who administers it",
                   {"role": role, "operation": operation})


def scope_refused(operation: str) -> Refusal:
    return Refusal("access.scope", None, "此凭证的使用范围不包括该事项，请换用范围相符的凭证。",
                   "this credential was issued for other operations: use one whose scopes have this one", {"operation": operation})


def area_refused(operation: str) -> Refusal:
    return Refusal("access.area", None, "该事项涉及全部统筹区的资金，不分统筹区；请由不限统筹区的经办凭证办理。",
                   "this is about the money of all areas together: use a credential that is of no area", {"operation": operation})


def buyer_is_self() -> Refusal:
    return Refusal("access.buyer", None, "参保人只能以本人为投保人，请删去 buyer 与 sponsor，并选择账户或现金支付。",
                   "a member buys as oneself: leave out buyer and sponsor, and pay from the account or in cash")


def buyer_needed() -> Refusal:
    return Refusal("buyer.needed", None, "经办代办须写明投保人，请填写 buyer。", "an agency says who buys: fill in buyer")


def counter_needed() -> Refusal:
    return Refusal("counter.needed", None, "柜台代录须写明网点及本人出具的投保材料，请填写 counter。",
                   "a clerk who enters an order names the outlet and the buyer's own document: fill in counter")


def counter_is_clerks() -> Refusal:
    return Refusal("access.counter", None, "只有经办人员代录时填写 counter，请删去。", "only a clerk enters at a counter: leave counter out")


def principal_is_members() -> Refusal:
    return Refusal("access.principal", None, "principal 由代办的参保人填写，经办人员请填写 buyer 与 counter。",
                   "principal is for a member who acts for another: an agency fills in buyer and counter")


def mandate_evidence_needed() -> Refusal:
    return Refusal("mandate.evidence_needed", None, "柜台办理授权须写明委托人及其出具的授权材料，请填写 principal、evidence 与 digest。",
                   "a mandate given at a counter names the principal and what was presented: fill in principal, evidence and digest")


def mandate_check_needed() -> Refusal:
    return Refusal("mandate.check_needed", None, "在线授权须先核验本人身份，请填写本人刚通过的 identity_check。",
                   "a mandate given online needs a check of one's own identity, just passed: fill in identity_check")


def after_unknown() -> Refusal:
    return Refusal("page.after_unknown", None, "after 不是本项目的编号，请填写上一页返回的 next，或删去以从第一页开始。",
                   "after is no number of this programme: give the next of the page before, or leave it out to begin with the first")


def person_needed() -> Refusal:
    return Refusal("person.needed", None, "经办代办须写明被核验人，请填写 person。", "an agency says whom it checks: fill in person")


def person_is_self() -> Refusal:
    return Refusal("access.person", None, "参保人只能核验本人身份，请删去 person。", "a member checks only oneself: leave out person")


def person_unknown() -> Refusal:
    return Refusal("person.unknown", None, "没有此参保人，请核对后重试。", "no such person here: check and try again")


def programme_unknown() -> Refusal:
    return Refusal("programme.unknown", None, "没有此地区的项目，请在项目列表中选择。", "no such programme: choose one from the list of programmes")


def route_unknown() -> Refusal:
    return Refusal("route.unknown", None, "没有此地址，请查阅 /schema 中的接口说明。", "no such address: see the document at /schema")


def request_malformed() -> Refusal:
    return Refusal("request.malformed", None, "请求不符合 HTTP 规范，请检查请求头。", "the request is not well-formed HTTP: check its headers")


def method_refused() -> Refusal:
    return Refusal("method.not_allowed", None, "此地址不支持该请求方法，可用的方法见响应头 Allow。",
                   "this address does not take that method: the header Allow has those it takes")


def body_not_lines(media: str) -> Refusal:
    return Refusal("body.not_lines", None, f"请求体应为 {media}，一行一条。请设置请求头 Content-Type。",
                   f"the body should be {media}, one to a line: set Content-Type")


def not_a_bill() -> Refusal:
    return Refusal("message.not_a_bill", None, "冲销不能预结算，请发送结算或预结算报文。",
                   "a reversal cannot be estimated: send a settlement or a pre-settlement")


def settlement_unknown() -> Refusal:
    return Refusal("settlement.unknown", None, "没有该结算，请核对结算编号。", "no such settlement: check its number")


def hospital_is_own() -> Refusal:
    return Refusal("access.hospital", None, "医疗机构只能发送本机构的结算，请核对 hospital 与 fixmedins_code。",
                   "a hospital sends its own settlements only: check hospital and fixmedins_code")


def hospital_needed() -> Refusal:
    return Refusal("hospital.needed", None, "请在 hospital 或报文 fixmedins_code 中写明就诊的医疗机构。",
                   "say in which hospital the person was: hospital, or fixmedins_code of the message")


def statement_unknown() -> Refusal:
    return Refusal("statement.unknown", None, "没有该对账单，请核对编号。", "no such statement: check its number")


def file_too_long(most: int) -> Refusal:
    return Refusal("file.too_long", None, f"文件超过 {most} 行，请分成几个文件发送。", f"the file has more than {most} lines: send it in parts",
                   {"most": most})


def day_to_come(asked: date, today: date) -> Refusal:
    return Refusal("report.day_to_come", None, f"{asked} 尚未到来，最晚可查询今天（{today}）的账目。请更正日期。",
                   f"{asked} is still to come: the books can be asked for up to today, {today}", {"asked": str(asked), "today": str(today)})


def product_unknown() -> Refusal:
    return Refusal("product.not_listed", None, "产品目录中没有此产品，请核对产品编号。", "no such product in the catalogue: check its id")


def endorsement_unknown() -> Refusal:
    return Refusal("endorsement.unknown", None, "没有该保全申请，请核对编号。", "no such endorsement: check its number")


def detail_by_agency(kind: str) -> Refusal:
    return Refusal("endorsement.by_agency", None, "姓名、证件号码的变更请持证件到经办机构办理；手机号码、收款账户可自行办理。",
                   "a name or an identity number is changed at the agency, with the document; a phone number or an account you change"
                   " yourself",
                   {"kind": kind})


def one_change() -> Refusal:
    return Refusal("endorsement.one_change", None, "请填写 add 或 remove 中的一项：一次增加或减少一位被保险人。",
                   "fill in add or remove, one of them: one person is added or taken out at a time")


def policy_unknown() -> Refusal:
    return Refusal("policy.unknown", None, "没有此保单，请核对保单号。", "no such policy: check its number")


def insurer_not_connected() -> Refusal:
    return Refusal("insurer.not_connected", None, "该保险公司在本项目没有主承保的产品，或尚未登记系统地址，请先登记后再测试。",
                   "the insurer leads no product here, or its system has no address yet: register it first, then test")


def insurer_unknown() -> Refusal:
    return Refusal("insurer.unknown", None, "没有此保险公司，请核对其编号。", "no such insurer: check its id")


def credential_unknown() -> Refusal:
    return Refusal("credential.unknown", None, "没有此凭证，请核对凭证编号。", "no such credential: check its id")


def body_malformed(where: str, zh: str, en: str) -> Refusal:
    return Refusal("body.malformed", None, f"请求内容有误，位置 {where}：{zh}。请更正后重新提交。",
                   f"the body is wrong at {where}: {en}; mend it and send it again", {"at": where})


def query_malformed(where: str, zh: str, en: str) -> Refusal:
    return Refusal("query.malformed", None, f"查询参数有误，位置 {where}：{zh}。请更正后重新查询。",
                   f"the query is wrong at {where}: {en}; mend it and ask again", {"at": where})


def body_too_large(most: int) -> Refusal:
    return Refusal("body.too_large", None, f"请求内容超过 {most} 字节，请分批提交。", f"the body has more than {most} bytes: send it in parts",
                   {"most": most})


def body_not_json() -> Refusal:
    return Refusal("body.not_json", None, "请求内容须为 JSON，请求头 Content-Type 应为 application/json。",
                   "the body must be JSON: send the header Content-Type with application/json")


def key_missing() -> Refusal:
    return Refusal("key.missing", None, "缺少请求头 Idempotency-Key。请为每笔新请求生成一个键，重发时沿用原键。",
                   "the header Idempotency-Key is missing: make a key for each new request, and keep it when sending again")


def key_malformed(fewest: int, most: int) -> Refusal:
    return Refusal("key.malformed", None, f"幂等键应为 {fewest} 至 {most} 个可见 ASCII 字符，不含空格。请换一个键，例如 UUID。",
                   f"an idempotency key has {fewest} to {most} visible ASCII characters and no blank: take another, such as a UUID",
                   {"fewest": fewest, "most": most})


def identity_not_passed(methods: Sequence[str]) -> Refusal:
    return Refusal("identity.not_passed", None, f"身份核验未通过，可以重试，或改用其他方式：{'、'.join(methods)}。",
                   f"the identity check did not pass: try again, or another way: {', '.join(methods)}", {"methods": "、".join(methods)})


def identity_method_unknown(methods: Sequence[str]) -> Refusal:
    return Refusal("identity.method_unknown", None, f"没有此核验方式，可选：{'、'.join(methods)}。",
                   f"no such way to check identity; there is: {', '.join(methods)}", {"methods": "、".join(methods)})


def identity_token_invalid() -> Refusal:
    return Refusal("identity.token_invalid", None, "身份核验凭据不是本平台为本项目签发的，请重新核验。",
                   "the token of the identity check was not issued here for this programme: check again")


def payment_not_due(state: str) -> Refusal:
    return Refusal("payment.not_due", None, "订单不在待支付状态或已过支付时限，无需支付。请查看订单。",
                   "the order awaits no payment, or its time to pay is over: look at the order", {"state": state})


def service_busy(seconds: int) -> Refusal:
    return Refusal("service.busy", None, f"办理的人较多，尚未受理，请 {seconds} 秒后用同一幂等键重试。",
                   f"too many requests wait, and nothing was done: try again in {seconds} s with the same key", {"seconds": seconds})


def service_unavailable() -> Refusal:
    return Refusal("service.unavailable", None, "服务暂时不可用，请稍后用同一幂等键重试，不会重复办理。",
                   "the service is not available now: try again with the same key, nothing is done twice")


def server_error() -> Refusal:
    return Refusal("server.error", None, "系统出现差错，已记录。请稍后用同一幂等键重试，仍不成功请联系客服。",
                   "something went wrong here and was noted: try again with the same key, then ask the service")


def holder_needed(role: str) -> Refusal:
    return Refusal("credential.holder_needed", None, "此角色的凭证须写明持有者：参保人填 person_id，保险公司填 insurer，医药机构填 provider。",
                   f"a credential of the role {role} names its holder: person_id, insurer or provider", {"role": role})


def expired_already() -> Refusal:
    return Refusal("credential.expired_already", None, "凭证的到期时间已过，请填写将来的时间。",
                   "the credential would have expired already: set a time to come")


def scopes_unknown(count: int) -> Refusal:
    return Refusal("credential.scopes_unknown", None, f"使用范围中有 {count} 项不是接口的 operationId，请按 /schema 填写。",
                   f"{count} of the scopes are no operation: use the operation ids of the document at /schema", {"count": count})


# ── remittances ──────────────────────────────────────────────────────────────────────────────────────────────────────

def remittance_unknown() -> Refusal:
    return batch_unknown()


def remittance_case_unknown() -> Refusal:
    return case_unknown()


def return_unreadable(why: Literal["not-utf-8", "columns", "too-long"]) -> Refusal:
    zh, en = {
        "not-utf-8": ("文件不是 UTF-8 编码，请转换后重新导入。", "the file is not UTF-8: convert it and send it again"),
        "columns": ("首行应为 record,entry,count,fen,result,reason，请核对是否为银行回单文件。",
                    "the first line is not record,entry,count,fen,result,reason: is this a return file?"),
        "too-long": ("文件超过一百万行，请分批导入。", "the file has more than a million rows: send it in parts"),
    }[why]
    return Refusal("return.unreadable", None, zh, en)


def days_wrong(since: date, until: date, today: date) -> Refusal:
    return Refusal("remittance.days_wrong", None,
                   f"起止日期应先后有序、不晚于今天（{today}）、不超过一年，请更正。",
                   f"from and to are in order, not after today ({today}) and not more than a year apart: mend them",
                   {"since": since.isoformat(), "until": until.isoformat()})
