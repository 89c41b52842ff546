"""The OpenAPI 3.1 document, drawn from the routes themselves, the types they read and answer, and the table of who may."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from inspect import cleandoc
from typing import Any, Final

import msgspec

from huibao.enrolment.refusals import order_unknown
from huibao.gateways.signing import HEADER
from huibao.web import problems
from huibao.web.authorisation import TABLE
from huibao.web.operations import JSON, PATH_PARTS, Call, Nothing, Operation, operation
from huibao.web.problems import Problem, Reply
from huibao.web.service import KEY_FEWEST, KEY_MOST

#: The operation that answers with the document.
ID: Final = "document"

_REFS: Final = "#/components/schemas/{name}"
_KEYED: Final = f"{{{KEY_FEWEST},{KEY_MOST}}}"

_ABOUT: Final = """惠保：一地运行补充医疗保险的平台。金额以分为单位（fen），时刻带时区，日期为北京时间。

Every refusal is problem JSON (RFC 9457) with a stable code, the clause that decided, its figures, and a sentence in
Chinese and English that says what to do. A changing request carries an Idempotency-Key: the same key and body answer
the same again, with the header Idempotent-Replayed.
"""


class OpenApi(msgspec.Struct, frozen=True):
    """An OpenAPI 3.1 document."""

    openapi: str
    info: dict[str, Any]


def document_of(operations: Iterable[Operation[Any]]) -> Operation[Nothing]:
    """The operation that answers with the document of all of these, and of itself."""

    async def document(call: Call[Nothing]) -> Reply:
        """Reads the description of every route, as OpenAPI 3.1."""
        return described

    made = operation("GET", "/schema", asks=Nothing, answers=OpenApi, answered=OpenApi("3.1.0", {"title": "惠保", "version": "v1"}))(document)
    described = Reply(msgspec.json.encode(build((*operations, made))), 200)
    return made


def build(operations: Iterable[Operation[Any]]) -> dict[str, Any]:
    """The document."""
    operations = tuple(operations)
    asked = {one.asks for one in operations if one.has_body and one.media == JSON}
    types = asked | {one.answers for one in operations if one.answers} | {Problem}
    ordered = sorted(types, key=lambda type: type.__name__)
    _, schemas = msgspec.json.schema_components(ordered, ref_template=_REFS)
    for schema in schemas.values():
        schema["description"] = cleandoc(schema.get("description", ""))
    paths: dict[str, dict[str, Any]] = {}
    for one in operations:
        paths.setdefault(one.path, {})[one.method.lower()] = _described(one)
    return {
        "openapi": "3.1.0",
        "info": {"title": "惠保 huibao", "version": "v1", "description": _ABOUT},
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"credential": {"type": "http", "scheme": "bearer", "description": "hb_…"},
                                "channel": {"type": "apiKey", "in": "header", "name": HEADER,
                                            "description": "HMAC-SM3 by the channel's secret over time, nonce and body."}},
        },
    }


def _described(one: Operation[Any]) -> dict[str, Any]:
    signed = one.id == "notify_payment"
    public = TABLE[one.id]["public"] == "all"
    described: dict[str, Any] = {
        "operationId": one.id,
        "summary": one.summary,
        "description": one.description,
        "security": [{"channel": []}] if signed else [] if public else [{"credential": []}],
        "responses": {str(one.status): _answer(one)} | {str(status): _problem(status) for status in _refusals(one)},
    }
    if parameters := [*_path(one), *_query(one), *_headers(one)]:
        described["parameters"] = parameters
    if one.has_body:
        content = _content(one.asks, one.asked_example) if one.media == JSON else {"schema": {"type": "string"}}
        described["requestBody"] = {"required": True, "content": {one.media: content}}
    return described


def _path(one: Operation[Any]) -> Iterable[dict[str, Any]]:
    for name in one.parts:
        part = PATH_PARTS[name]
        yield {"name": name, "in": "path", "required": True, "description": part.about,
               "schema": {"type": "string", "pattern": f"^{part.pattern}$"}, "example": part.example}


def _query(one: Operation[Any]) -> Iterable[dict[str, Any]]:
    if one.has_query:
        _, found = msgspec.json.schema_components([one.asks])
        for name, schema in found[one.asks.__name__]["properties"].items():
            [kind] = [kind for kind in schema["anyOf"] if kind != {"type": "null"}]
            yield {"name": name, "in": "query", "required": False, "schema": kind}


def _headers(one: Operation[Any]) -> Iterable[dict[str, Any]]:
    if one.keyed:
        yield {"name": "Idempotency-Key", "in": "header", "required": True,
               "description": "One for each new request, and the same when it is sent again: visible ASCII.",
               "schema": {"type": "string", "pattern": f"^[!-~]{_KEYED}$"}, "example": "5f0c2b1e-7a55-4d0e-9f57-0d3a1c9b6e21"}


def _answer(one: Operation[Any]) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": HTTPStatus(one.status).phrase}
    if one.answers:
        answer["content"] = {"application/json": _content(one.answers, one.answer_example)}
        answer["content"] |= {media: {"schema": {"type": "string"}} for media in one.also}
    if one.keyed:
        answer["headers"] = {"Idempotent-Replayed": {"description": "Where this was answered before.",
                                                     "schema": {"type": "string", "const": "true"}}}
    return answer


def _refusals(one: Operation[Any]) -> list[int]:
    """The statuses that an operation may refuse with: what its form says, and what it declares."""
    found = {401, 403, *one.refuses}
    if one.parts:
        found.add(404)
    if one.has_body or one.has_query or one.keyed:
        found.add(400)
    if one.keyed:
        found.add(409)                                 # the key was used for another request
    if one.has_body:
        found |= {413, 415}
    if one.id != ID:
        found.add(503)
    return sorted(found)


def _problem(status: int) -> dict[str, Any]:
    phrase = HTTPStatus(status).phrase
    codes = [code for code, its in problems.STATUSES.items() if its == status]
    answer: dict[str, Any] = {
        "description": f"{phrase}: {', '.join(codes)}." if codes else f"{phrase}: a rule refused; code and clause say which.",
        "content": {problems.MEDIA_TYPE: {"schema": {"$ref": _REFS.format(name="Problem")}}},
    }
    if status == 401:
        answer["headers"] = {"WWW-Authenticate": {"schema": {"type": "string"}}}
    if status == 503:
        answer["headers"] = {"Retry-After": {"schema": {"type": "string", "pattern": "^[0-9]+$"}}}
    if status == 404:
        answer["content"][problems.MEDIA_TYPE]["example"] = msgspec.to_builtins(problems.problem(order_unknown()))
    return answer


def _content(kind: type[msgspec.Struct], example: msgspec.Struct | None) -> Mapping[str, Any]:
    content: dict[str, Any] = {"schema": {"$ref": _REFS.format(name=kind.__name__)}}
    if example is not None:
        content["example"] = msgspec.json.decode(msgspec.json.encode(example))
    return content
