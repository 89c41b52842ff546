"""A refusal as RFC 9457 problem JSON: which status each code has, and what a malformed body says without repeating it."""

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

import msgspec

from huibao.core.refusal import Refusal

MEDIA_TYPE: Final = "application/problem+json"

#: The status of a code; a rule that refuses answers 422.
STATUSES: Final[Mapping[str, int]] = {
    "request.malformed": 400, "body.malformed": 400, "query.malformed": 400, "key.missing": 400, "key.malformed": 400,
    "credential.missing": 401, "credential.invalid": 401, "payment.signature_invalid": 401,
    "roster.same_person": 403, "receiving.same_person": 403,
    "access.principal": 403, "access.counter": 403, "review.own_entry": 403, "review.same_reviewer": 403,
    "access.role": 403, "access.scope": 403, "access.area": 403, "access.buyer": 403, "access.person": 403, "access.hospital": 403,
    "route.unknown": 404, "programme.unknown": 404, "order.unknown": 404, "policy.unknown": 404, "product.not_listed": 404,
    "roster.unknown": 404, "sponsor.not_registered": 404,
    "renewal.unknown": 404,
    "insurer.unknown": 404, "person.unknown": 404, "credential.unknown": 404, "settlement.unknown": 404, "statement.unknown": 404,
    "endorsement.unknown": 404, "refund.unknown": 404, "repayment.unknown": 404, "method.not_allowed": 405,
    "remittance.unknown": 404, "receiving.unknown": 404, "remittance.case_unknown": 404,
    "mandate.unknown": 404,
    "review.not_waiting": 409, "review.over": 409, "review.claimed": 409, "review.not_claimed": 409,
    "mandate.given_already": 409, "mandate.revoked_already": 409,
    "key.other_body": 409, "policy.already_insured": 409, "order.not_waiting": 409, "payment.not_awaited": 409, "payment.not_due": 409,
    "settlement.differs": 409, "settlement.taken_back": 409, "settlement.not_offered": 409, "settlement.paid_directly": 409,
    "settlement.deduction_differs": 409, "reversal.number_used": 409, "reversal.already_reversed": 409, "statement.answered": 409,
    "statement.another_open": 409, "payout.not_waiting": 409, "judgement.not_open": 409,
    "surrender.already": 409, "surrender.order_waits": 409, "surrender.not_in_force": 409, "surrender.settlement_open": 409,
    "surrender.quote_differs": 409, "refund.not_waiting": 409, "repayment.answered": 409, "repayment.reference_used": 409,
    "repayment.refund_not_owed": 409, "refund.confirmed_by_you": 409, "refund.not_confirmed_by_you": 409,
    "refund.accepted_already": 409, "refund.another_acceptance": 409, "refund.reference_used": 409,
    "refund.not_elsewhere": 409, "refund.not_accepted": 409,
    "sponsor.known": 409, "sponsor.payment_known": 409, "roster.same_file": 409, "roster.not_waiting": 409, "roster.digest_differs": 409,
    "renewal.not_open": 409, "renewal.quote_changed": 409,
    "receiving.change_open": 409, "receiving.decided": 409, "remittance.not_waiting": 409, "remittance.run_done": 409,
    "remittance.not_sent": 409, "remittance.not_answered": 409, "remittance.case_closed": 409,
    "body.too_large": 413, "file.too_long": 413, "roster.too_long": 413, "body.not_json": 415, "body.not_lines": 415,
    "endorsement.not_waiting": 409, "endorsement.overtaken": 409, "order.captured": 409, "order.cash_paid": 409,
    "server.error": 500, "service.busy": 503, "service.unavailable": 503,
    "payment.channel_unreachable": 503, "identity.service_unreachable": 503,
}
RULE_REFUSED: Final = 422


class Problem(msgspec.Struct, frozen=True):
    """Why a request was refused. `code` is stable, `clause` the rule that decided, `figures` the values that did, amounts in fen."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    clause: str | None
    zh: str
    en: str
    figures: dict[str, int | str]


class Refused(Exception):
    """A request that is not granted, with headers that its answer needs. Raised in `web` alone, and caught in one place."""

    def __init__(self, refusal: Refusal, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(refusal.code)
        self.refusal = refusal
        self.headers = headers or {}


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it is sent. `outcome` is for the log: `done` or a refusal's code. What is long comes piece by piece in `stream`."""

    body: bytes
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    outcome: str = "done"
    media_type: str = "application/json"
    stream: AsyncIterator[bytes] | None = None


_ENCODER: Final = msgspec.json.Encoder()


def status_of(code: str) -> int:
    return STATUSES.get(code, RULE_REFUSED)


def problem(refusal: Refusal) -> Problem:
    status = status_of(refusal.code)
    return Problem(f"urn:huibao:{refusal.code}", HTTPStatus(status).phrase, status, refusal.zh,
                   refusal.code, refusal.clause, refusal.zh, refusal.en, dict(refusal.figures))


def reply(refusal: Refusal, headers: Mapping[str, str] | None = None) -> Reply:
    """The answer that a refusal is."""
    told = problem(refusal)
    return Reply(_ENCODER.encode(told), told.status, headers or {}, refusal.code, MEDIA_TYPE)


# ── what was expected ────────────────────────────────────────────────────────────────────────────────────────────────

_PLACE: Final = re.compile(r" - at `(?P<where>[^`]*)`$")

_TYPES: Final = {
    "int": "整数", "str": "文字", "bool": "真假值", "float": "数", "array": "数组", "object": "对象", "null": "空值",
    "datetime": "时刻", "date": "日期",
}

#: What the decoder says, and the same in Chinese. What it repeats of the body is left out: that could be a name.
_SAID: Final = tuple((re.compile(pattern), zh, en) for pattern, zh, en in (
    (r"Object contains unknown field `.*`", "有不认识的字段", "there is a field that is not known"),
    (r"Object missing required field `(?P<name>\w+)`", "缺少字段 {name}", "the field {name} is missing"),
    (r"Invalid enum value .*", "不是可选的值", "the value is not one of those to choose from"),
    (r"Expected `(?P<type>\w+)`(?: \| null)?, got `\w+`", "应为{type_zh}", "expected {type}"),
    (r"Expected `\w+` matching regex (?P<regex>.*)", "应符合格式 {regex}", "expected a text that matches {regex}"),
    (r"Expected `(?:str|array)` of length (?P<bound>[<>]= \d+)", "长度应 {bound}", "expected a length {bound}"),
    (r"Expected `int` (?P<bound>[<>]= -?\d+)", "应 {bound}", "expected a number {bound}"),
    (r"Invalid RFC3339 encoded date", "应为日期，如 2026-01-01", "expected a date, such as 2026-01-01"),
    (r"Invalid RFC3339 encoded datetime|Expected `datetime` with a timezone.*", "应为带时区的时刻，如 2026-01-01T08:00:00+08:00",
     "expected a time with its zone, such as 2026-01-01T08:00:00+08:00"),
    (r"Expected `(?P<type>[^`]+)`.*", "应为 {type}", "expected {type}"),
))


def expected(error: Exception) -> tuple[str, str, str]:
    """Where a decoder stopped (a JSON path), and what it wanted there, in Chinese and English; nothing of what it met."""
    message = str(error)
    if not isinstance(error, msgspec.ValidationError):
        return "$", "不是完整、合法的 UTF-8 编码 JSON", "this is not complete, well-formed JSON in UTF-8"
    place = _PLACE.search(message)
    where, said = (place["where"], message[: place.start()]) if place else ("$", message)
    for pattern, zh, en in _SAID:
        if match := pattern.fullmatch(said):
            found = {**match.groupdict(), "type_zh": _TYPES.get(match.groupdict().get("type") or "", "")}
            return where, zh.format_map(found), en.format_map(found)
    return where, "内容不符合接口说明", "this is not as the document at /schema says"
