"""Requests that are not as they should be: each gets its status, its code, the place, and what was expected there."""

import json
from typing import Any, Final

import psycopg
import pytest

from huibao.core.batcher import TurnedAway
from huibao.web import problems, refusals
from tests.web.running import BUYER, HERE, PRODUCT, Desk

PURCHASES: Final = f"/v1/{HERE}/purchases"
JSON: Final = {"Content-Type": "application/json"}

WISH: Final = {"product": PRODUCT, "insured": [{"member": BUYER}], "pay_with": "account"}
CONSENT: Final = {"terms": "00", "accepted": [], "signature": ""}


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in WISH.items() if key != name}


MALFORMED: Final = [
    # body, or its bytes                                      place                        what was expected there
    (b"",                                                     "$",                         "complete, well-formed JSON"),
    (b"{",                                                    "$",                         "complete, well-formed JSON"),
    (b"not json",                                             "$",                         "complete, well-formed JSON"),
    (b"{'product': 1}",                                       "$",                         "complete, well-formed JSON"),
    (b'{"product": "\xff"}',                                  "$",                         "complete, well-formed JSON"),
    (b'{"product": "\\ud800"}',                               "$",                         "complete, well-formed JSON"),
    (b"\xef\xbb\xbf{}",                                       "$",                         "complete, well-formed JSON"),
    (b'{"product": NaN}',                                     "$",                         "complete, well-formed JSON"),
    (b"[" * 30_000,                                           "$",                         "expected object"),
    (b"null",                                                 "$",                         "expected object"),
    (b"[]",                                                   "$",                         "expected object"),
    (b'"text"',                                               "$",                         "expected object"),
    ({},                                                      "$",                         "the field product is missing"),
    (without("product"),                                      "$",                         "the field product is missing"),
    (without("insured"),                                      "$",                         "the field insured is missing"),
    (without("pay_with"),                                     "$",                         "the field pay_with is missing"),
    (WISH | {"amount": 1},                                    "$",                         "a field that is not known"),
    (WISH | {"product": 7},                                   "$.product",                 "expected str"),
    (WISH | {"product": None},                                "$.product",                 "expected str"),
    (WISH | {"product": ""},                                  "$.product",                 "a text that matches"),
    (WISH | {"product": "x\0"},                               "$.product",                 "a text that matches"),
    (WISH | {"product": "x" * 65},                            "$.product",                 "a text that matches"),
    (WISH | {"pay_with": "cheque"},                           "$.pay_with",                "not one of those to choose from"),
    (WISH | {"pay_with": ["account"]},                        "$.pay_with",                "expected str"),
    (WISH | {"insured": {}},                                  "$.insured",                 "expected array"),
    (WISH | {"insured": []},                                  "$.insured",                 "expected a length >= 1"),
    (WISH | {"insured": [{"member": BUYER}] * 21},            "$.insured",                 "expected a length <= 20"),
    (WISH | {"insured": [BUYER]},                             "$.insured[0]",              "expected object"),
    (WISH | {"insured": [{}]},                                "$.insured[0]",              "the field member is missing"),
    (WISH | {"insured": [{"member": "1001"}]},                "$.insured[0].member",       "expected int"),
    (WISH | {"insured": [{"member": 1001.5}]},                "$.insured[0].member",       "expected int"),
    (WISH | {"insured": [{"member": True}]},                  "$.insured[0].member",       "expected int"),
    (WISH | {"insured": [{"member": 0}]},                     "$.insured[0].member",       "expected a number >= 1"),
    (WISH | {"insured": [{"member": -1}]},                    "$.insured[0].member",       "expected a number >= 1"),
    (WISH | {"insured": [{"member": 2**63}]},                 "$.insured[0].member",       "expected a number <= 9223372036854775807"),
    (WISH | {"insured": [{"member": 10**40}]},                "$.insured[0].member",       "expected a number <= 9223372036854775807"),
    (WISH | {"insured": [{"member": BUYER, "name": "x"}]},    "$.insured[0]",              "a field that is not known"),
    (WISH | {"insured": [{"member": BUYER, "tier": 1}]},      "$.insured[0].tier",         "expected str"),
    (WISH | {"consent": "yes"},                               "$.consent",                 "expected object"),
    (WISH | {"consent": {}},                                  "$.consent",                 "the field terms is missing"),
    (WISH | {"consent": CONSENT | {"accepted": "terms"}},     "$.consent.accepted",        "expected array"),
    (WISH | {"consent": CONSENT | {"accepted": [1]}},         "$.consent.accepted[0]",     "expected str"),
    (WISH | {"consent": CONSENT | {"guardian": "yes"}},       "$.consent.guardian",        "expected bool"),
    (WISH | {"identity_check": ""},                           "$.identity_check",          "expected a length >= 1"),
    (WISH | {"buyer": "me"},                                  "$.buyer",                   "expected int"),
    (WISH | {"sponsor": "line\nbreak"},                       "$.sponsor",                 "a text that matches"),
]


@pytest.mark.parametrize(("body", "place", "wanted"), MALFORMED, ids=range(len(MALFORMED)))
def test_a_malformed_purchase_says_where_and_what(desk: Desk, body: Any, place: str, wanted: str) -> None:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    refused = desk.send("POST", PURCHASES, desk.member(), content=raw, headers=JSON | {"Idempotency-Key": "malformed"})
    problem = refused.json()
    assert (refused.status_code, problem["code"], problem["figures"]) == (400, "body.malformed", {"at": place})
    assert wanted in problem["en"]
    assert place in problem["zh"]
    assert "不符合接口说明" not in problem["zh"]


@pytest.mark.parametrize(("query", "place", "wanted"), [
    ("on=yesterday",             "$.on",    "expected a date"),
    ("on=2026-02-30",            "$.on",    "expected a date"),
    ("known=2026-01-01",         "$.known", "expected a time with its zone"),
    ("known=2026-01-01T00:00:00", "$.known", "expected a time with its zone"),
    ("name=x",                   "$",       "a field that is not known"),
])
def test_a_malformed_query_says_where_and_what(desk: Desk, query: str, place: str, wanted: str) -> None:
    refused = desk.send("GET", f"/v1/{HERE}/me?{query}", desk.member())
    problem = refused.json()
    assert (refused.status_code, problem["code"], problem["figures"]) == (400, "query.malformed", {"at": place})
    assert wanted in problem["en"]


@pytest.mark.parametrize(("key", "status", "code"), [
    (None,                       400, "key.missing"),
    ("",                         400, "key.malformed"),
    ("seven77",                  400, "key.malformed"),
    ("a" * 129,                  400, "key.malformed"),
    ("with a blank",             400, "key.malformed"),
    ("with\ttab",                400, "key.malformed"),
    ("键键键键键键键键".encode(), 400, "key.malformed"),
    ("12345678",                 400, "body.malformed"),
    ("!" * 128,                  400, "body.malformed"),
])
def test_an_idempotency_key_has_a_form(desk: Desk, key: str | bytes | None, status: int, code: str) -> None:
    headers = JSON | ({"Idempotency-Key": key} if key is not None else {})
    refused = desk.send("POST", PURCHASES, desk.member(), content=b"{}", headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (status, code)


@pytest.mark.parametrize(("request_", "status", "code"), [
    ({"content": b"{}", "headers": {"Content-Type": "text/plain"}},                      415, "body.not_json"),
    ({"content": b"{}"},                                                                 415, "body.not_json"),
    ({"content": b"{}", "headers": {"Content-Type": "application/json; charset=utf-8"}}, 400, "body.malformed"),
    ({"content": b" " * 65_537, "headers": JSON},                                        413, "body.too_large"),
    ({"content": iter([b" " * 40_000] * 2), "headers": JSON},                            413, "body.too_large"),
])
def test_a_body_is_json_and_bounded(desk: Desk, request_: dict[str, Any], status: int, code: str) -> None:
    if not isinstance(request_["content"], bytes):
        async def chunks() -> Any:
            for _ in range(2):
                yield b" " * 40_000
        request_ = request_ | {"content": chunks()}
    headers = request_.get("headers", {}) | {"Idempotency-Key": "any-key-1"}
    refused = desk.send("POST", PURCHASES, desk.member(), content=request_["content"], headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (status, code)


@pytest.mark.parametrize(("method", "path", "status", "code"), [
    ("GET",    "/nowhere",                             404, "route.unknown"),
    ("GET",    "/v1/999999/products",                  404, "programme.unknown"),
    ("GET",    "/v1/99000/products",                   404, "route.unknown"),
    ("GET",    f"/v1/{HERE}/products/none",            404, "product.not_listed"),
    ("GET",    f"/v1/{HERE}/products/%00",             404, "route.unknown"),
    ("GET",    f"/v1/{HERE}/verifications/policies/1", 404, "route.unknown"),
    ("PUT",    f"/v1/{HERE}/products",                 405, "method.not_allowed"),
    ("DELETE", "/health",                              405, "method.not_allowed"),
])
def test_an_address_that_is_none(desk: Desk, method: str, path: str, status: int, code: str) -> None:
    refused = desk.send(method, path)
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert refused.headers["content-type"] == problems.MEDIA_TYPE
    assert ("allow" in refused.headers) == (status == 405)


@pytest.mark.parametrize("given", ["hb_none", "hb_" + "a" * 43, "hb_" + "é" * 43, "", "Basic dXNlcjpwYXNz", "Bearer", "Bearer  "])
def test_a_credential_that_is_none(desk: Desk, given: str) -> None:
    header = (given if " " in given or given in {"", "Bearer"} else f"Bearer {given}").encode()
    for path in ("/health", f"/v1/{HERE}/me"):
        refused = desk.send("GET", path, headers={"Authorization": header})
        assert (refused.status_code, refused.json()["code"]) == (401, "credential.invalid")
        assert refused.headers["www-authenticate"] == 'Bearer realm="huibao", error="invalid_token"'


def test_no_credential_at_all(desk: Desk) -> None:
    refused = desk.send("GET", f"/v1/{HERE}/me")
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, 'Bearer realm="huibao"')


@pytest.mark.parametrize(("failure", "status", "code", "retry_after"), [
    (TurnedAway(7),                         503, "service.busy",        "7"),
    (psycopg.OperationalError("gone"),      503, "service.unavailable", "2"),
    (psycopg.errors.DiskFull("full"),       503, "service.unavailable", "2"),
    (ZeroDivisionError("a bug"),            500, "server.error",        None),
])
def test_outages_and_bugs(desk: Desk, failure: Exception, status: int, code: str, retry_after: str | None) -> None:
    wish = desk.wish()
    desk.engine.failing = failure
    try:
        refused = desk.send("POST", PURCHASES, desk.member(), json=wish, headers={"Idempotency-Key": "outage-1"})
    finally:
        desk.engine.failing = None
    assert (refused.status_code, refused.json()["code"], refused.headers.get("retry-after")) == (status, code, retry_after)
    assert str(failure) not in refused.text


def test_health_says_when_the_database_is_gone(desk: Desk) -> None:
    desk.engine.failing = psycopg.OperationalError("gone")
    try:
        answer = desk.send("GET", "/health")
    finally:
        desk.engine.failing = None
    assert (answer.status_code, answer.json()["database"], answer.json()["programmes"]) == (503, False, [])


def test_every_refusal_of_ours_has_a_status_of_its_own_or_is_a_rule() -> None:
    ours = set(problems.STATUSES)
    told = {value().code for name, value in vars(refusals).items() if callable(value) and value.__module__ == refusals.__name__
            and not value.__code__.co_argcount}
    assert told - ours == {"buyer.needed", "person.needed", "identity.token_invalid", "credential.expired_already", "insurer.not_connected",
                           "hospital.needed", "message.not_a_bill", "counter.needed", "endorsement.one_change",
                           "mandate.check_needed", "mandate.evidence_needed", "page.after_unknown"}
