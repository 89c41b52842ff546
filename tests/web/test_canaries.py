"""Nothing of a person in logs or in error bodies: names, numbers and tokens are planted wherever a request can carry them."""

import base64
import json
import logging
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote

import pytest

from huibao.policies.numbers import settlement_number
from huibao.web import logs
from tests.web.running import BUYER, HERE, HOSPITAL, IDENTITIES, NAMES, PRODUCT, Desk

NAME, IDENTITY = NAMES[BUYER], IDENTITIES[BUYER]
PLANTED: Final = (NAME, IDENTITY)


def encodings(text: str) -> Iterator[str]:
    """A text in the forms in which it could slip through."""
    raw = text.encode()
    yield from (text, quote(text), json.dumps(text)[1:-1], raw.hex(), repr(raw)[2:-1], base64.b64encode(raw).decode(),
                text.encode("gbk").hex(), text[::-1])


def found(haystack: str, *needles: str) -> list[str]:
    return [needle for text in needles for needle in encodings(text) if needle in haystack]


def requests(desk: Desk) -> Iterator[dict[str, Any]]:
    """Requests with something planted in each place that has one: path, query, headers, every kind of field, bytes."""
    me, purchases = desk.member(), f"/v1/{HERE}/purchases"
    keyed = {"Idempotency-Key": f"planted-{IDENTITY}"}
    wish = desk.wish()
    for planted in PLANTED:
        seen = quote(planted)
        yield {"method": "GET", "path": f"/{seen}"}
        yield {"method": "GET", "path": f"/v1/{seen}/products"}
        yield {"method": "GET", "path": f"/v1/{HERE}/products/{seen}"}
        yield {"method": "GET", "path": f"/v1/{HERE}/orders/{seen}", "who": me}
        yield {"method": seen[:1] and "PATCH", "path": f"/v1/{HERE}/{seen}"}
        yield {"method": "GET", "path": f"/v1/{HERE}/me?{seen}={seen}", "who": me}
        yield {"method": "GET", "path": f"/v1/{HERE}/me?on={seen}", "who": me}
        yield {"method": "GET", "path": "/health", "who": f"hb_{IDENTITY}"}
        yield {"method": "POST", "path": purchases, "who": me, "headers": {"Idempotency-Key": seen + "\x01"}, "json": wish}
        yield {"method": "POST", "path": purchases, "who": me, "headers": keyed, "content": planted.encode("gbk")}
        yield {"method": "POST", "path": purchases, "who": me, "headers": keyed, "json": planted}
        yield {"method": "POST", "path": purchases, "who": me, "headers": keyed, "json": wish | {planted: planted}}
        for field in wish:
            for value in (planted, [planted], {planted: planted}):
                if (field, value) != ("product", IDENTITY):  # a product's id is repeated: by then it is one that might be
                    yield {"method": "POST", "path": purchases, "who": me, "headers": keyed, "json": wish | {field: value}}
        yield {"method": "POST", "path": purchases, "who": me, "headers": keyed,
               "json": wish | {"consent": wish["consent"] | {"signature": planted, "terms": planted}}}
        yield {"method": "POST", "path": f"/v1/{HERE}/identity-checks", "who": me, "json": {"method": "sms", "proof": planted}}
        yield {"method": "POST", "path": f"/v1/{HERE}/identity-checks", "who": me, "json": {"method": IDENTITY, "proof": planted}}
        yield {"method": "POST", "path": f"/v1/{HERE}/payment-notices", "json": {"order": planted, "fen": 1, "reference": IDENTITY}}


def at_the_desk(desk: Desk) -> Iterator[dict[str, Any]]:
    """The same at the discharge desk; what messages themselves say is planted in test_broken_messages."""
    provider, insurer = desk.token("provider", provider=HOSPITAL), desk.token("insurer", insurer="anxin")
    here, keyed = f"/v1/{HERE}", {"Idempotency-Key": f"planted-{IDENTITY}"}
    for planted in PLANTED:
        seen = quote(planted)
        yield {"method": "GET", "path": f"{here}/settlements/{seen}", "who": provider}
        yield {"method": "GET", "path": f"{here}/cases?after=n{seen}", "who": provider}
        yield {"method": "GET", "path": f"{here}/statements/{seen}", "who": insurer}
        yield {"method": "POST", "path": f"{here}/payouts/{seen}/reissues", "who": insurer, "headers": keyed}
        for path, who, asked in (
            ("/settlements", provider, {"transaction": planted, "answer": {}}),
            ("/settlements", provider, {"transaction": "2304", "answer": planted}),
            ("/settlements", provider, {"transaction": "2304", "answer": {planted: planted}}),
            ("/settlements", provider, {"transaction": "2304", "answer": {}, "hospital": f"{planted}\n"}),
            ("/pre-settlements", provider, {"transaction": "2303", "answer": {}, "lines": [planted]}),
            (f"/settlements/{settlement_number(HERE, 99_999)}/confirmations", provider, {"deducted_fen": planted}),
            (f"/settlements/{settlement_number(HERE, 99_999)}/withdrawals", provider, {"basic_insurance": planted}),
            (f"/settlements/{settlement_number(HERE, 99_999)}/judgements", insurer, {"preexisting": False, "reason": planted}),
            ("/payment-agreements", desk.member(), {"bank_account": [planted]}),
            ("/reconciliations", provider, {"day": planted, "count": 0, "fen": 0}),
            ("/reconciliations", provider, {"day": "2026-01-05", "count": 0, "fen": 0, "details": [{"setl_id": f"{planted} ", "fen": 1}]}),
            ("/statements", insurer, {"hospital": "H1", "product": planted, "upto": "2026-01-05"}),
            ("/prepayments", insurer, {"hospital": planted, "product": PRODUCT, "fen": 1}),
        ):
            yield {"method": "POST", "path": here + path, "who": who, "headers": keyed, "json": asked}


def test_nothing_planted_comes_back_or_is_logged(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    token = desk.member()
    with caplog.at_level(logging.DEBUG):
        asked = [*requests(desk), *at_the_desk(desk)]
        caplog.clear()
        for request in asked:
            answer = desk.send(**{"method": request.pop("method"), "path": request.pop("path"), **request,
                                  "headers": {"Content-Type": "application/json"} | request.get("headers", {})})
            assert answer.status_code >= 400
            assert found(answer.text + str(answer.headers), *PLANTED, token) == []
    logged = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("huibao"))
    assert logged.count("\n") + 1 == len(asked) > 90
    assert found(logged, *PLANTED, token) == []


def test_a_failure_is_logged_without_what_it_says(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    wish = desk.wish()
    desk.engine.failing = ValueError(f"Key (name)=({NAME}) of {IDENTITY} already exists")
    try:
        answer = desk.send("POST", f"/v1/{HERE}/purchases", desk.member(), json=wish, headers={"Idempotency-Key": "failing-1"})
    finally:
        desk.engine.failing = None
    [line] = [json.loads(record.getMessage()) for record in caplog.records if record.levelno == logging.ERROR]
    assert (answer.status_code, line["failure"], line["request"]) == (500, "ValueError", answer.headers["x-request-id"])
    assert line["where"][-1].endswith(" shared")
    assert found(caplog.text + answer.text, *PLANTED) == []


def test_a_line_has_what_an_operator_needs(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    id, token = desk.credential("member", person_id=BUYER)
    with caplog.at_level(logging.INFO, logs.LOG.name):
        answer = desk.send("GET", f"/v1/{HERE}/products/{PRODUCT}", token)
    [line] = [json.loads(record.getMessage()) for record in caplog.records if record.name == logs.LOG.name]
    assert line.pop("ms") > 0
    assert line == {"request": answer.headers["x-request-id"], "route": "/v1/{programme}/products/{product}", "programme": HERE,
                    "role": "member", "credential": id, "status": 200, "outcome": "done", "at": "2026-01-05T01:30:00Z"}
