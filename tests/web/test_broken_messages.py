"""Settlement messages that are not as they should be: each is refused with its reason, leaves nothing, and comes back to nobody."""

import json
import logging
from typing import Any, Final

import httpx
import pytest

from tests.web.running import FAR, NAMES
from tests.web.test_canaries import found
from tests.web.wards import JSON, NDJSON, Message, Ward, bill, info, number, reversal

PATH: Final = "/v1/990000/settlements"
LINE: Final = {"det_item_fee_sumamt": "10.00", "fulamt_ownpay_amt": "10.00", "cnt": "1", "pric": "10"}
NAME: Final = NAMES[FAR]
NOBODY: Final = "psn-none"


def refused(ward: Ward, body: Message | bytes) -> httpx.Response:
    """The refusal of a message, which moved nothing; a file with it as its only line rejects that line for the same reason."""
    before = ward.standing()
    answer = ward.settle(body)
    assert 400 <= answer.status_code < 500, answer.text
    assert len(answer.content) < 2_000, "a refusal is short"
    if b"\n" not in (body if isinstance(body, bytes) else b""):
        [line] = ward.file([body], key=f"broken-{number()}").json()["rejected"]
        assert (line["line"], line["code"]) == (1, answer.json()["code"])
    assert ward.standing() == before
    return answer


def written(person: int | str, raw: bytes, field: str = "medfee_sumamt") -> bytes:
    """A bill with a field written as these very bytes."""
    return json.dumps(bill(person, **{field: "HERE"})).encode().replace(b'"HERE"', raw)


@pytest.mark.parametrize(("raw", "status", "code"), [
    (b"NaN",                           400, "body.malformed"),
    (b"Infinity",                      400, "body.malformed"),
    (b"01100.00",                      400, "body.malformed"),
    (b"1" * 10_000,                    400, "body.malformed"),
    (b"1e9999999999999999999999",      400, "body.malformed"),
    (b"1e999999",                      422, "settlement.field_unreadable"),
    (b"1e-999999",                     422, "message.payers_differ_from_total"),
    (b"1" + b"0" * 40,                 422, "message.payers_differ_from_total"),
    (b"1100.0000000000000000000001",   201, ""),
    (b"1.1e3",                         201, ""),
    (b"11000000000000000000000000e-22", 201, ""),
    (b"1100.01",                       422, "message.payers_differ_from_total"),
    (b'"1,100.00"',                    422, "settlement.field_unreadable"),
    (b'"NaN"',                         422, "settlement.field_unreadable"),
    (b'"1e3"',                         422, "settlement.field_unreadable"),
    (b"true",                          422, "settlement.field_unreadable"),
    (b"[1100]",                        422, "settlement.field_unreadable"),
    (b'{"yuan": 1100}',                422, "settlement.field_unreadable"),
    (b"-1100",                         422, "message.payers_differ_from_total"),
], ids=lambda value: repr(value)[:40])
def test_amounts_that_are_none(ward: Ward, raw: bytes, status: int, code: str) -> None:
    body = written(ward.someone() if status == 201 else NOBODY, raw)
    answer = ward.settle(body) if status == 201 else refused(ward, body)
    assert (answer.status_code, answer.json().get("code", "")) == (status, code)


@pytest.mark.parametrize("body", [
    b"[" * 100_000,
    b'{"transaction":"2304","answer":' + b'{"a":' * 100_000,
    b'{"transaction":"2304","answer":{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}}",
    b'{"transaction":"2304","answer":{"a":"\\ud800"}}',
    b'{"transaction":"2304","answer":{"a":"\xff"}}',
    b'{"transaction":"2304","answer":{}} {}',
    b"",
    b"null",
    b'{"transaction":"2304"}',
    b'{"transaction":"2304","answer":[]}',
    b'{"transaction":"2304","answer":null}',
    b'{"transaction":"23040","answer":{}}',
    b'{"transaction":2304,"answer":{}}',
    b'{"transaction":"2304","answer":{},"unknown":1}',
    b'{"transaction":"2304","answer":{},"lines":{}}',
    b'{"transaction":"2304","answer":{},"lines":[1]}',
    b'{"transaction":"2304","answer":{},"visit":"2026-03-01"}',
    b'{"transaction":"2304","answer":{},"hospital":"a\\u0000b"}',
    b'{"transaction":"2304","answer":{},"hospital":"' + b"x" * 10_000 + b'"}',
    b'{"transaction":"2304","answer":{},"lines":[' + b"{}," * 10_000 + b"{}]}",
], ids=lambda body: repr(body[:60]))
def test_bodies_that_are_no_message(ward: Ward, body: bytes) -> None:
    answer = refused(ward, body) if body else ward.settle(body)
    assert (answer.status_code, answer.json()["code"]) == (400, "body.malformed")


@pytest.mark.parametrize("depth", [100, 500, 900, *range(930, 1000, 2), 2_000, 100_000])
def test_no_depth_of_nesting_is_too_deep(ward: Ward, depth: int) -> None:
    deep = b"[" * depth + b"]" * depth
    answer = ward.settle(written(NOBODY, deep, "exp_content"))
    assert answer.status_code in {400, 422}, answer.text
    [line] = ward.file([written(NOBODY, deep, "exp_content")], key=f"deep-{number()}").json()["rejected"]
    assert line["code"] == answer.json()["code"]


@pytest.mark.parametrize("output", ["[" * 100_000, '{"setlinfo":' * 100_000, "[1]", "1", "", "{", "x" * 10_000, '{"setlinfo": NaN}'],
                         ids=lambda output: output[:20])
def test_an_output_that_is_a_text_and_no_output(ward: Ward, output: str) -> None:
    answer = refused(ward, {"transaction": "2304", "answer": {"infcode": 0, "output": output}})
    assert answer.json()["code"] in {"message.no_output", "message.no_setlinfo"}, "0 is an answer"


def test_an_output_that_is_a_text_is_read(ward: Ward) -> None:
    output = json.dumps({"setlinfo": info(bill(ward.someone()))})
    assert ward.settled({"transaction": "2304", "answer": {"infcode": "0", "output": output}})["pay_fen"] == 900_00


@pytest.mark.parametrize(("field", "value"), [
    (field, value) for field in ("setl_id", "psn_no", "mdtrt_id") for value in ("a\0b", "a\nb", "x" * 41, "x" * 10_000, "号码甲", "a b", "\ud7ff")])
def test_numbers_are_visible_and_short(ward: Ward, field: str, value: str) -> None:
    answer = refused(ward, bill(NOBODY, **{field: value}))
    assert (answer.status_code, answer.json()["code"], answer.json()["figures"]) == (422, "settlement.field_unreadable", {"field": field})
    assert value not in answer.text


@pytest.mark.parametrize(("field", "value", "code"), [
    ("setl_id", "absent",   "settlement.field_unreadable"),
    ("setl_id", None,       "settlement.field_unreadable"),
    ("setl_id", ["S1"],     "settlement.field_unreadable"),
    ("setl_id", {"a": "b"}, "settlement.field_unreadable"),
    ("setl_id", True,       "settlement.field_unreadable"),
    ("psn_no",  "absent",   "settlement.person_unknown"),
    ("psn_no",  ["psn1"],   "settlement.person_unknown"),
    ("psn_no",  "psn-none", "settlement.person_unknown"),
    ("setl_time", "昨天",   "settlement.field_unreadable"),
    ("begndate", "9" * 10_000, "settlement.field_unreadable"),
    ("begndate", "9999-12-31T23:59:59-12:00", "settlement.field_unreadable"),
    ("begndate", "2025-12-31", "settlement.not_in_force"),
    ("begndate", "0001-01-01", "settlement.not_in_force"),
    ("fixmedins_code", "H2", "access.hospital"),
    ("fixmedins_code", "\0", "access.hospital"),
    ("inscp_scp_amt", "0.01", "settlement.parts_differ_from_total"),
])
def test_fields_that_say_nothing_or_nonsense(ward: Ward, field: str, value: Any, code: str) -> None:
    answer = refused(ward, bill(ward.someone(), **{field: value}))
    assert answer.json()["code"] == code


@pytest.mark.parametrize("asked", ["a text", ["a list"], {"data": "S1"}, {"data": ["S1"]}, {"data": {}}, {"data": None}, {}, None,
                                   {"data": {"setl_id": ["S1"]}}, {"data": {"setl_id": {"a": 1}}}, {"data": {"setl_id": True}},
                                   {"data": {"setl_id": ""}}, {"data": {"setl_id": "x" * 41}}, {"data": {"setl_id": "a\0"}}], ids=str)
def test_a_reversal_names_its_original(ward: Ward, asked: Any) -> None:
    refused(ward, reversal("S1", NOBODY) | {"request": asked})


@pytest.mark.parametrize("value", [None, "", ["R1"], {"a": 1}])
def test_a_reversal_has_a_number_of_its_own(ward: Ward, value: Any) -> None:
    """Without one, every other reversal without one would be the same."""
    refused(ward, reversal(f"S-{number()}", NOBODY, setl_id=value))


@pytest.mark.parametrize(("line", "code"), [
    ({"cnt": "abc"},                             "message.line_differs"),
    ({"cnt": "NaN"},                             "message.line_differs"),
    ({"cnt": "Infinity"},                        "message.line_differs"),
    ({"cnt": "1e999999", "pric": "1e999999"},    "message.line_differs"),
    ({"cnt": {"a": 1}},                          "message.line_differs"),
    ({"cnt": "2"},                               "message.line_differs"),
    ({"selfpay_prop": "abc"},                    "message.line_differs"),
    ({"selfpay_prop": "NaN"},                    "message.line_differs"),
    ({"inscp_scp_amt": "0.01"},                  "message.line_differs"),
    ({"det_item_fee_sumamt": "ten"},             "settlement.field_unreadable"),
    ({"fulamt_ownpay_amt": "2000", "det_item_fee_sumamt": "2000", "pric": "2000"}, "settlement.lines_exceed_bill"),
    ({"fulamt_ownpay_amt": "-10", "det_item_fee_sumamt": "-10", "pric": "-10"},    "settlement.field_unreadable"),
], ids=str)
def test_lines_that_do_not_add_up(ward: Ward, line: dict[str, Any], code: str) -> None:
    answer = refused(ward, bill(ward.someone()) | {"lines": [LINE, LINE | line]})
    assert answer.json()["code"] in {code, "settlement.field_unreadable"}


def test_ten_thousand_lines_are_a_bill(ward: Ward) -> None:
    lines = [{"det_item_fee_sumamt": "1.10", "fulamt_ownpay_amt": "1.10", "cnt": "1", "pric": "1.1"}] * 10_000
    told = ward.settled(bill(ward.someone(), 11_000) | {"lines": lines})
    assert told["pay_fen"] == 9_810_00                                          # (11,000 − 100) × 90%


@pytest.mark.parametrize(("content", "headers", "status", "code"), [
    (b"{}",                      {"Content-Type": "text/plain"}, 415, "body.not_json"),
    (b"{}",                      NDJSON,                         415, "body.not_json"),
    (b"{}",                      {},                             415, "body.not_json"),
    (b" " * (4 * 2**20 + 1),     JSON,                           413, "body.too_large"),
    (b" " * (4 * 2**20),         JSON,                           400, "body.malformed"),
])
def test_a_settlement_is_json_and_bounded(ward: Ward, content: bytes, headers: dict[str, str], status: int, code: str) -> None:
    answer = ward.send("POST", PATH, ward.hospital(), content=content, headers=headers | {"Idempotency-Key": "any-key-1"})
    assert (answer.status_code, answer.json()["code"]) == (status, code)


# ── nothing personal ─────────────────────────────────────────────────────────────────────────────────────────────────

def planted(person: int, name: str) -> list[Message]:
    """Messages with a name in each place that has one."""
    fields = [*info(bill(person)), "psn_name", "fixmedins_code", "begndate", "dise_codg", "insuplc_admdvs", "hosp_part_amt", name]
    values: list[Any] = [name, [name], {name: name}]
    messages = [bill(person, **{field: value}) for field in fields for value in values]
    messages += [bill(person) | {"lines": [LINE | {field: name}]} for field in (*LINE, "feedetl_sn", "inscp_scp_amt")]
    messages += [bill(person) | {"visit": {field: name}} for field in ("begndate", "enddate", "begntime", "psn_no", "setl_id")]
    messages += [reversal(name, person), reversal("S1", person, setl_id=name), reversal("S1", person, setl_time=name)]
    messages += [{"transaction": "2304", "answer": {"infcode": name}}, {"transaction": "2304", "answer": {"infcode": "-1", "err_msg": f"{name}已结算"}},
                 {"transaction": name, "answer": {}}, {name: name}]
    return messages


@pytest.mark.parametrize("who", ["provider", "agency"])
def test_nothing_of_a_person_comes_back_is_logged_or_kept_in_the_open(ward: Ward, who: str, caplog: pytest.LogCaptureFixture) -> None:
    token, person, came_back = ward.hospital() if who == "provider" else ward.token("agency"), ward.someone(), []
    ward.post("/payment-agreements", ward.member(person), {"bank_account": "6222000000000000001"})
    [(last,)] = ward.rows("SELECT max(seq) FROM event")
    with caplog.at_level(logging.DEBUG):
        for message in planted(person, NAME):
            is_placed = who == "provider" or "fixmedins_code" in info(message) if "output" in message.get("answer", {}) else True
            answer = ward.settle(message if is_placed else message | {"hospital": "H1"}, token)
            if answer.status_code >= 400 and found(answer.text, NAME):
                came_back.append((answer.json()["code"], answer.json()["zh"][:60]))
    logged = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("huibao"))
    assert found(logged, NAME) == []
    kept = ward.rows("SELECT outcome, convert_from(answer, 'UTF8') FROM event WHERE seq > %s", last)
    assert ([text for _, text in kept if NAME in text], came_back) == ([], [])


def test_of_a_file_nothing_of_a_person_comes_back(ward: Ward) -> None:
    answer = ward.file([json.dumps(one).encode() for one in planted(ward.someone(), NAME)], key=f"planted-{number()}")
    assert answer.status_code == 200, answer.text
    assert found(answer.text, NAME) == []
