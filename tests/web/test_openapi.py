"""The document at /schema: OpenAPI 3.1, every route and refusal in it, every example true to its schema."""

from collections.abc import Iterator
from typing import Any, Final

import jsonschema_rs
import msgspec
import pytest

from huibao.web import openapi, problems
from huibao.web.app import OPERATIONS
from huibao.web.authorisation import TABLE
from tests.web.running import Desk

DOCUMENT: Final[dict[str, Any]] = msgspec.json.decode(msgspec.json.encode(openapi.build((*OPERATIONS, openapi.document_of(OPERATIONS)))))


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, described in methods.items():
            yield path, method, described


OPERATION: Final = pytest.mark.parametrize("described", [described for _, _, described in operations()],
                                           ids=lambda described: described["operationId"])


def valid(schema: dict[str, Any], value: Any) -> None:
    jsonschema_rs.Draft202012Validator({**schema, "components": DOCUMENT["components"]}).validate(value)


def test_the_document_is_served_as_it_was_built(desk: Desk) -> None:
    answer = desk.send("GET", "/schema")
    assert (answer.status_code, answer.headers["content-type"], answer.json()) == (200, "application/json", DOCUMENT)
    assert DOCUMENT["openapi"].startswith("3.1")


def test_every_row_of_the_table_is_described() -> None:
    ids = [described["operationId"] for _, _, described in operations()]
    assert sorted(ids) == sorted(TABLE)


@OPERATION
def test_examples_are_true_to_their_schemas(described: dict[str, Any]) -> None:
    body = described.get("requestBody", {}).get("content", {}).get("application/json")
    if body:
        valid(body["schema"], body["example"])
    for parameter in described.get("parameters", []):
        if "example" in parameter:
            valid(parameter["schema"], parameter["example"])
    answered = next(response for status, response in described["responses"].items() if status < "300")
    valid(answered["content"]["application/json"]["schema"], answered["content"]["application/json"]["example"])


@OPERATION
def test_refusals_are_described_as_problems(described: dict[str, Any]) -> None:
    refused = {int(status): response for status, response in described["responses"].items() if status >= "400"}
    assert {401, 403} <= refused.keys()
    for response in refused.values():
        content = response["content"][problems.MEDIA_TYPE]
        assert content["schema"] == {"$ref": "#/components/schemas/Problem"}
        if "example" in content:
            valid(content["schema"], content["example"])


@OPERATION
def test_every_operation_says_what_it_does_and_who_may(described: dict[str, Any]) -> None:
    assert described["summary"].endswith(".")
    public = TABLE[described["operationId"]]["public"] == "all"
    assert (described["security"] in ([], [{"channel": []}])) == public


def test_every_code_of_ours_is_described_where_its_status_is() -> None:
    said = {code for _, _, described in operations() for response in described["responses"].values()
            for code in problems.STATUSES if code in response["description"]}
    assert set(problems.STATUSES) - said == {"method.not_allowed", "server.error"}


def test_bodies_take_no_field_that_is_not_described() -> None:
    bodies = {media: content["schema"] for _, _, described in operations()
              for media, content in described.get("requestBody", {}).get("content", {}).items() if media != "application/json"}
    assert bodies == {"application/x-ndjson": {"type": "string"}, "text/csv": {"type": "string"}}
    names = {described["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
             for _, _, described in operations() if "application/json" in described.get("requestBody", {}).get("content", {})}
    assert names == {"ReviewDecision", "ListDecision", "ListClaim", "NewMandate",
                     "Purchase", "IdentityProof", "PaymentNotice", "NewCredential", "SettlementMessage", "Deduction", "NotDeducted",
                     "Judgement", "PaymentAgreement", "PolicyShown", "RenewalConfirmation", "Day", "NewStatement", "StatementAnswer",
                     "NewPrepayment", "NewSponsor", "SponsorPayment", "Confirmation", "RosterStep",
                     "DetailChange", "FactCorrection", "OrderChange", "EndorsementAnswer", "SurrenderWish", "NewRepayment", "RepaymentAnswer",
                     "AccountConfirmation", "Acceptance", "PaidElsewhere", "ChannelDecision",
                     "NewReceivingAccount", "CalledBack", "AccountDecision", "NewRemittance", "Receipt", "CaseDecision"}
    assert all(DOCUMENT["components"]["schemas"][name]["additionalProperties"] is False for name in names)
