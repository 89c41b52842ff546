"""schemathesis over the whole document, as several people: no 5xx, no status that is not described, every answer true to its schema."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any, Final

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from huibao.db.migrate import migrate
from huibao.web.authorisation import TABLE
from tests.database import MADE_AT, new_database
from tests.web import things
from tests.web.running import HERE, HOSPITAL, PARENT, PRODUCT, SPENT, STRANGER, Desk, made
from tests.web.test_openapi import DOCUMENT


def _sound(found: Any) -> Any:
    """An operation of the document; every one can be read."""
    return found.ok()


@schemathesis.serializer("application/x-ndjson", "text/csv")
def _lines(ctx: Any, value: Any) -> bytes:
    """A file as it is sent: a text as it is, anything else as one line of JSON."""
    return value.encode(errors="replace") if isinstance(value, str) else json.dumps(value).encode()


EXAMPLES: Final = [10, pytest.param(50, marks=pytest.mark.long), pytest.param(1_000, marks=pytest.mark.long)]
#: Not whether good data are taken: a rule may refuse them, with 422.
CHECKS: Final = [not_a_server_error, checks.status_code_conformance, checks.content_type_conformance, checks.response_headers_conformance,
                 checks.response_schema_conformance]
OPERATIONS: Final = {
    _sound(found).definition.raw["operationId"]: _sound(found) for found in schemathesis.openapi.from_dict(DOCUMENT).get_all_operations()}


@pytest.fixture(scope="module")
def here(pg_url: str) -> Iterator[Desk]:
    """A service of its own: what is tried here is in nobody's way."""
    with new_database(pg_url, "huibao_schemathesis") as url, asyncio.Runner() as runner:
        migrate(url, MADE_AT)
        engine = made(url)
        yield Desk(engine, runner)
        runner.run(engine.close())


def known(desk: Desk) -> dict[str, str]:
    """Parts of paths that lead somewhere."""
    order = desk.order_of(SPENT)
    return things.parts(desk) | {"order": order, "policy": f"{order}-01"}


def true_body(desk: Desk, operation: str) -> Any:
    """A body that gets past the door, of which single fields are taken; bytes are taken whole."""
    found = things.asked(desk, operation)
    return {
        "purchase": desk.wish(STRANGER) | {"insured": [{"member": PARENT, "tier": "base"}], "buyer": STRANGER},
        "issue_credential": {"role": "agency", "label": "窗口", "expires_at": "2027-01-01T00:00:00Z"},
        "notify_payment": {"order": known(desk)["order"], "fen": 100, "reference": "ref"},
    }.get(operation, found or {})


def tried(desk: Desk, case: schemathesis.Case[Any], token: str | None) -> None:
    """Sends a case and checks the answer."""
    ready = requests.Request(**case.as_transport_kwargs(base_url="http://test")).prepare()
    headers = {name: value for name, value in ready.headers.items() if name.lower() not in {"authorization", "content-length"}}
    path = (ready.url or "").removeprefix("http://test")
    answer = desk.send(ready.method or "", path, token, headers=headers, content=ready.body)
    case.validate_response(answer, checks=CHECKS)


#: Where nothing is asked nothing can be asked wrongly.
TRIED: Final = [(name, mode) for name, one in sorted(OPERATIONS.items()) for mode in GenerationMode
                if mode.is_positive or one.definition.raw.get("parameters") or one.definition.raw.get("requestBody")]


@pytest.mark.parametrize("examples", EXAMPLES)
@pytest.mark.parametrize(("operation", "mode"), TRIED, ids=lambda value: getattr(value, "value", value))
def test_the_api_answers_as_it_is_described(here: Desk, operation: str, mode: GenerationMode, examples: int) -> None:
    tokens = [here.member(), here.token("agency"), here.token("administrator"), here.token("provider", provider=HOSPITAL),
              here.token("insurer", insurer="anxin"), *([None] if TABLE[operation]["public"] == "all" else [])]
    parts, body = known(here), true_body(here, operation)

    @seed(20260105)
    @settings(max_examples=examples, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(case=OPERATIONS[operation].as_strategy(generation_mode=mode), data=st.data())
    def attempt(case: schemathesis.Case[Any], data: st.DataObject) -> None:
        who = data.draw(st.sampled_from(tokens))
        if data.draw(st.integers(0, 3)):                   # mostly somewhere, sometimes anywhere
            case.path_parameters = {name: parts[name] for name in case.path_parameters or {}}
        if isinstance(body, bytes) and data.draw(st.booleans()):
            case.body = body.decode()
        if isinstance(case.body, dict) and isinstance(body, dict):
            case.body = {**case.body, **{name: body[name] for name in sorted(body) if data.draw(st.booleans())}}
        tried(here, case, who)

    attempt()


def test_every_operation_is_tried() -> None:
    assert sorted(OPERATIONS) == sorted(TABLE)


def test_a_status_that_is_not_described_is_noticed(here: Desk) -> None:
    """The planted fault: an answer that the document does not know."""
    case = OPERATIONS["me"].Case(path_parameters={"programme": HERE})
    answer = here.send("DELETE", f"/v1/{HERE}/me", here.member())
    with pytest.raises(BaseExceptionGroup) as noticed:
        case.validate_response(answer, checks=CHECKS)
    assert "405" in str(noticed.value.exceptions)


def test_a_failure_of_the_service_is_noticed(here: Desk) -> None:
    """The planted fault: a handler that fails."""
    here.engine.failing = ValueError("planted")
    try:
        with pytest.raises(BaseExceptionGroup):
            tried(here, OPERATIONS["product"].Case(path_parameters={"programme": HERE, "product": PRODUCT}), None)
    finally:
        here.engine.failing = None
