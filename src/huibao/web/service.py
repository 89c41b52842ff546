"""Every request takes one way: who asks, may they, what do they ask, the handler, an answer or a problem, a line in the log."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, MutableMapping, Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl

import msgspec
import psycopg

from huibao.core.batcher import TurnedAway, Unanswered
from huibao.db.errors import DatabaseTrouble
from huibao.gateways.cash import ChannelUnreachable
from huibao.gateways.identity import IdentityUnreachable
from huibao.web import logs, problems, refusals
from huibao.web.authorisation import admit
from huibao.web.credentials import Credentials, Principal
from huibao.web.engine import Engine
from huibao.web.operations import JSON, PATH_PARTS, Call, Nothing, Operation
from huibao.web.problems import Refused, Reply
from huibao.web.routing import Router

KEY_FEWEST: Final = 8
KEY_MOST: Final = 128

#: Seconds until one who met an outage may try again.
AFTER_OUTAGE: Final = 2

_KEY: Final = re.compile(rb"[!-~]{%d,%d}" % (KEY_FEWEST, KEY_MOST))
_NOTHING: Final = Nothing()
_ENCODER: Final = msgspec.json.Encoder()

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Hook = Callable[[], Awaitable[None]]
#: What reads a request's body or query into what its operation asks.
Read = Callable[[bytes], msgspec.Struct]


class Bound(NamedTuple):
    """An operation ready to answer: with what reads it, and what the variable parts of its path look like."""

    operation: Operation[Any]
    read: Read
    patterns: Mapping[str, re.Pattern[str]]


class Service:
    """Answers operations for one engine, as an ASGI application. `started` and `stopped` are called with the process."""

    def __init__(
        self, engine: Engine, operations: Iterable[Operation[Any]], started: Sequence[Hook] = (), stopped: Sequence[Hook] = ()
    ) -> None:
        self._engine = engine
        self._credentials = Credentials(engine)
        self._router = Router([(operation.method, operation.path, _bound(operation)) for operation in operations])
        self._started, self._stopped = started, stopped

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._answer(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        for expected, hooks in (("startup", self._started), ("shutdown", self._stopped)):
            message = await receive()
            assert message["type"] == f"lifespan.{expected}", "a process starts, then stops"
            for hook in hooks:
                await hook()
            await send({"type": f"lifespan.{expected}.complete"})

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request. Whatever goes wrong is an answer of its own, and a line in the log."""
        found = self._router.find(scope["path"])
        bound = found[0].get(scope["method"]) if found else None
        log = logs.begin(bound.operation.path if bound else None)
        try:
            if found is None:
                reply = problems.reply(refusals.route_unknown())
            elif bound is None:
                reply = problems.reply(refusals.method_refused(), {"Allow": ", ".join(found[0])})
            else:
                reply = await self._reply(bound, found[1], scope, receive, log.line)
        except Exception as bug:  # noqa: BLE001 - the caller is told, and the next request is served
            logs.failure(log.line.request, bug)
            reply = problems.reply(refusals.server_error())
        log.line.status, log.line.outcome = reply.status, reply.outcome
        logs.end(log, self._engine.clock.now())
        headers = [(b"content-type", reply.media_type.encode()), (b"x-request-id", log.line.request.encode())]
        headers += [(b"content-length", b"%d" % len(reply.body))] if reply.stream is None else []
        headers += [(name.lower().encode(), value.encode()) for name, value in reply.headers.items()]
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        if reply.stream is not None:
            await _send_on(reply.stream, send, log.line.request)
        await send({"type": "http.response.body", "body": reply.body, "more_body": False})

    async def _reply(self, bound: Bound, parts: Mapping[str, str], scope: Scope, receive: Receive, line: logs.Line) -> Reply:
        operation = bound.operation
        try:
            answer = await operation.handle(await self._call(bound, parts, scope, receive, line))
        except Refused as refused:
            return problems.reply(refused.refusal, refused.headers)
        except Unanswered as lost:
            return problems.reply(refusals.service_unavailable(), {"Retry-After": str(lost.retry_after)})
        except TurnedAway as busy:
            return problems.reply(refusals.service_busy(busy.retry_after), {"Retry-After": str(busy.retry_after)})
        except (ChannelUnreachable, IdentityUnreachable) as gone:
            return problems.reply(gone.refusal, {"Retry-After": str(AFTER_OUTAGE)})
        except (psycopg.OperationalError, DatabaseTrouble) as outage:
            logs.failure(line.request, outage)
            return problems.reply(refusals.service_unavailable(), {"Retry-After": str(AFTER_OUTAGE)})
        return answer if isinstance(answer, Reply) else Reply(_ENCODER.encode(answer), operation.status)

    async def _call(self, bound: Bound, path: Mapping[str, str], scope: Scope, receive: Receive, line: logs.Line) -> Call[Any]:
        """The request as its handler wants it. What is refused first: the address, the credential, its reach, the key, the body."""
        operation, read, patterns = bound
        headers = dict(scope["headers"])
        if not all(pattern.fullmatch(path[name]) for name, pattern in patterns.items()):
            raise Refused(refusals.route_unknown())
        programme = path.get("programme")
        known = programme is None or programme in self._engine.programmes
        line.programme = programme if known else None
        caller = await self._caller(headers)
        if caller:
            line.role, line.credential = caller.role, caller.id
        reach = admit(operation.id, caller, programme)
        if not known:
            raise Refused(refusals.programme_unknown())
        key = _key(headers) if operation.keyed else ""
        if operation.streamed:
            return Call(self._engine, headers, path, _NOTHING, b"", key, caller, reach, _pieces(receive, headers, operation))
        raw = b"".join([piece async for piece in _pieces(receive, headers, operation)]) if operation.has_body else b""
        asked = read(raw if operation.has_body else scope["query_string"])
        return Call(self._engine, headers, path, asked, raw, key, caller, reach)

    async def _caller(self, headers: Mapping[bytes, bytes]) -> Principal | None:
        """Who asks; None where nobody says. A credential that is none is refused everywhere."""
        given = headers.get(b"authorization")
        if given is None:
            return None
        scheme, _, token = given.decode("latin-1").partition(" ")
        caller = await self._credentials.find(token.strip()) if scheme.lower() == "bearer" else None
        if caller is None:
            raise Refused(refusals.credential_invalid(), {"WWW-Authenticate": 'Bearer realm="huibao", error="invalid_token"'})
        return caller


async def _send_on(stream: AsyncIterator[bytes], send: Send, request: str) -> None:
    """What comes piece by piece. One that breaks off ends the connection before its end, so that nobody takes it for whole."""
    try:
        async for piece in stream:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    except Exception as bug:
        logs.failure(request, bug)
        raise


def _bound(operation: Operation[Any]) -> Bound:
    return Bound(operation, _reader(operation), {name: re.compile(PATH_PARTS[name].pattern) for name in operation.parts})


def _reader(operation: Operation[Any]) -> Read:
    """What reads the body or the query of an operation, strictly; a query's numbers and dates are texts."""
    if operation.has_body and operation.media != JSON:
        return _nothing
    if operation.has_body:
        decode = msgspec.json.Decoder(operation.asks, float_hook=Decimal).decode

        def body(raw: bytes) -> msgspec.Struct:
            try:
                return decode(raw)  # type: ignore[no-any-return]  # a Decoder of a type that is known at run time
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ArithmeticError) as error:
                raise Refused(refusals.body_malformed(*problems.expected(error))) from None

        return body
    if operation.has_query:
        def query(raw: bytes) -> msgspec.Struct:
            given = dict(parse_qsl(raw.decode("latin-1"), keep_blank_values=True))
            try:
                return msgspec.convert(given, operation.asks, strict=False)  # type: ignore[no-any-return]
            except msgspec.ValidationError as error:
                raise Refused(refusals.query_malformed(*problems.expected(error))) from None

        return query
    return _nothing


def _nothing(raw: bytes) -> msgspec.Struct:
    return _NOTHING


def _key(headers: Mapping[bytes, bytes]) -> str:
    key = headers.get(b"idempotency-key")
    if key is None:
        raise Refused(refusals.key_missing())
    if not _KEY.fullmatch(key):
        raise Refused(refusals.key_malformed(KEY_FEWEST, KEY_MOST))
    return key.decode("ascii")


async def _pieces(receive: Receive, headers: Mapping[bytes, bytes], operation: Operation[Any]) -> AsyncIterator[bytes]:
    """The body as it comes, as long as it may be."""
    if headers.get(b"content-type", b"").partition(b";")[0].strip().lower() != operation.media.encode():
        raise Refused(refusals.body_not_json() if operation.media == JSON else refusals.body_not_lines(operation.media))
    so_far, is_over = 0, False
    while not is_over:
        message = await receive()
        if message["type"] != "http.request":
            raise Refused(refusals.request_malformed())
        piece: bytes = message.get("body", b"")
        so_far, is_over = so_far + len(piece), not message.get("more_body")
        if so_far > operation.most_bytes:
            raise Refused(refusals.body_too_large(operation.most_bytes))
        yield piece
