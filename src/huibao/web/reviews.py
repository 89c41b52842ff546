"""The agency's queue of applications: why each waits, what was checked and is true now; decided one by one, or a list in one go."""

import asyncio
from datetime import datetime
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from huibao.core.money import yuan
from huibao.core.refusal import Refusal
from huibao.core.time import SHANGHAI, business_date
from huibao.enrolment import checks, review_refusals
from huibao.enrolment.looking import look
from huibao.enrolment.model import Order, OrderTold, Reason, Review, Reviewing, ReviewList, ReviewState, Verdict
from huibao.enrolment.purchase import decide_again
from huibao.enrolment.refusals import order_unknown
from huibao.enrolment.review import is_own
from huibao.enrolment.state import State
from huibao.policies.numbers import order_number, read_number
from huibao.record.model import DONE, Answer, untold
from huibao.scheme.model import in_force
from huibao.scheme.sentences import source
from huibao.web import refusals
from huibao.web.authorisation import Owners, reaches
from huibao.web.commands import canonical, submit, told
from huibao.web.operations import Call, operation
from huibao.web.problems import Refused, Reply
from huibao.web.purchases import ORDER_EXAMPLE
from huibao.web.reads import ENROLMENT, SQL, masked, opened_name
from huibao.web.words import END, Id

#: So many cases of the queue are shown at once, and so many orders decided.
MOST_SHOWN: Final = 50
MOST_DECIDED: Final = 200

_AT: Final = datetime(2026, 3, 2, 10, tzinfo=SHANGHAI)
_TOLD: Final = msgspec.json.Decoder(OrderTold)
_ENCODER: Final = msgspec.json.Encoder()

OrderNumber = Annotated[str, Meta(pattern="^[0-9]{6}-[0-9]{12}-[0-9]" + END, examples=[ORDER_EXAMPLE.order])]
#: What a clerk writes to the buyer.
Note = Annotated[str, Meta(pattern=r"^[^\x00-\x1f\x7f]{0,500}" + END)]


# ── the queue ────────────────────────────────────────────────────────────────────────────────────────────────────────

class ReviewQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which reviews: in a state (open unless said), of a product, escalated or not, entered on a way; after an order, so many."""

    state: ReviewState | None = None
    product: Id | None = None
    escalated: bool | None = None
    channel: Literal["online", "counter", "agent"] | None = None
    after: OrderNumber | None = None
    most: Annotated[int, Meta(ge=1, le=MOST_SHOWN)] | None = None


class CheckLine(msgspec.Struct, frozen=True):
    """One thing that was checked: of the buyer (`insured` 0) or of an insured by position; as it was when applied for, and as it is now."""

    check: str
    zh: str
    insured: int
    then: str
    now: str
    changed: bool


class InsuredLine(msgspec.Struct, frozen=True):
    """Who is to be insured; a name is masked, and shown to the agency alone."""

    person: int
    name: str | None
    relation: str
    premium_fen: int


class Obstacle(msgspec.Struct, frozen=True):
    """Why an approval would be refused as things stand."""

    code: str
    clause: str | None
    zh: str
    en: str


class ReviewCase(msgspec.Struct, frozen=True):
    """An application in the queue: why it is there, until when, what was checked and what is true now.

    `obstacle` is what an approval would be refused for now; `own` says that the caller entered it, changed it or is party to it.
    """

    order: str
    state: str
    product: str
    channel: str
    outlet: str | None
    buyer: int
    name: str | None
    insured: tuple[InsuredLine, ...]
    premium_fen: int
    account_fen: int
    cash_fen: int
    zh: str
    en: str
    reviewers: int
    approvals: int
    since: datetime
    escalate_at: datetime
    escalated_at: datetime | None
    void_at: datetime
    checks: tuple[CheckLine, ...]
    obstacle: Obstacle | None
    own: bool


class ReviewCases(msgspec.Struct, frozen=True):
    """A page of the queue; `next` is what to ask `after` for the next one, none where this is the last."""

    cases: tuple[ReviewCase, ...]
    next: str | None


_CASE: Final = ReviewCase(
    ORDER_EXAMPLE.order, "open", "example-2026", "online", None, 1001, "张**", (InsuredLine(1002, "张**", "parent", 18_800),),
    18_800, 18_800, 0,
    "使用个人账户支付 188.00 元，须经医保经办机构审核。", "188.00 yuan are to come from the account, which the agency reviews", 1, 0, _AT,
    datetime(2026, 3, 10, tzinfo=SHANGHAI), None, datetime(2026, 3, 24, tzinfo=SHANGHAI),
    (CheckLine("insured.enrolment", "被保险人参保", 1, "390/1/9900", "390/2/9900", changed=True),),
    Obstacle("insured.status_not_normal", None, "被保险人的参保状态为暂停参保，请先恢复正常参保", "the insured's enrolment has status 2"), own=False)


@operation("GET", "/v1/{programme}/reviews", asks=ReviewQuery, answers=ReviewCases, refuses=(422,), answered=ReviewCases((_CASE,), None))
async def reviews(call: Call[ReviewQuery]) -> ReviewCases:
    """Lists applications under review, the oldest first: why each is there, what was checked, and what has changed since （LZ-14）."""
    asked, code, programme = call.asked, call.path["programme"], call.programme
    most = asked.most or 20
    after = read_number(code, asked.after) if asked.after else (0, None)
    if after is None:
        raise Refused(refusals.after_unknown())
    given = {"state": asked.state or "open", "product": asked.product or "", "channel": asked.channel or "",
             "asks_escalated": asked.escalated is not None, "escalated": bool(asked.escalated), "after": after[0],
             "area": call.principal.area or "", "most": most + 1}
    shelf = await call.engine.shelf(code)
    async with call.engine.reading(code) as connection:
        rows = await (await connection.execute(ENROLMENT["review_page"], given)).fetchall()
        ways = {id: (channel, outlet) for id, channel, outlet in rows[:most]}
        state = await look(connection, programme, shelf, call.engine.keyring, sorted(ways), business_date(call.engine.clock.now()))
        people = sorted(state.people) if call.principal.role == "agency" else []
        names = await (await connection.execute(SQL["names"], {"people": people})).fetchall()
    known = {id: masked(opened_name(call.engine.keyring, code, id, wrapped, sealed)) for id, sealed, wrapped in names}
    cases = tuple(_case(call, state, id, ways[id], known) for id in sorted(ways))
    return ReviewCases(cases, cases[-1].order if len(rows) > most else None)


def _case(call: Call[Any], state: State, id: int, way: tuple[str, str | None], names: dict[int, str | None]) -> ReviewCase:
    order, waiting = state.orders[id], state.reviews[id]
    found = decide_again(state, order) if waiting.state == "open" else ()
    zh, en = _why(state, order, waiting)
    return ReviewCase(
        order=order_number(state.programme.code, id), state=waiting.state, product=order.product, channel=way[0], outlet=way[1],
        buyer=order.buyer, name=names.get(order.buyer),
        insured=tuple(InsuredLine(p.insured, names.get(p.insured), p.relation, p.premium_fen) for p in order.policies),
        premium_fen=order.premium_fen, account_fen=order.premium_fen - order.cash_fen, cash_fen=order.cash_fen, zh=zh, en=en,
        reviewers=waiting.reviewers, approvals=sum(vote.verdict == "approve" for vote in waiting.votes), since=waiting.since,
        escalate_at=waiting.escalate_at, escalated_at=waiting.escalated_at, void_at=waiting.void_at,
        checks=_compared(state, order, waiting), obstacle=_obstacle(found) if isinstance(found, Refusal) else None,
        own=is_own(state, order, waiting, call.principal.id, call.principal.person_id))


def _compared(state: State, order: Order, waiting: Reviewing) -> tuple[CheckLine, ...]:
    """What was found when it was taken up, beside what is found now; of one that ended, what was found when it was decided."""
    last = waiting.votes[-1].checked if waiting.state != "open" and waiting.votes else None
    now = {(check, position): value for check, position, value in (checks.checks(state, order) if last is None else last)}
    return tuple(CheckLine(check, checks.LABELS[check], position, then, (found := now.get((check, position), "none")), found != then)
                 for check, position, then in waiting.checked)


def _why(state: State, order: Order, waiting: Reviewing) -> tuple[str, str]:
    """Why it is in the queue, and under which rule."""
    scheme = state.programme.scheme
    rule = in_force(scheme.review, business_date(waiting.since))
    source_zh, source_en = source(scheme, rule.basis.cite if rule else None)
    account = yuan(order.premium_fen - order.cash_fen)
    two_zh, two_en = ("由两人", " by two people") if waiting.reviewers == 2 else ("", "")
    return (f"使用个人账户支付 {account} 元，须经医保经办机构{two_zh}审核（{source_zh}）。",
            f"{account} yuan are to come from the account, which the agency reviews{two_en} ({source_en})")


def _obstacle(refusal: Refusal) -> Obstacle:
    return Obstacle(refusal.code, refusal.clause, refusal.zh, refusal.en)


# ── deciding ─────────────────────────────────────────────────────────────────────────────────────────────────────────

class ReviewDecision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A decision on an application. A rejection has its `reason`; `note` is said to the buyer besides, and kept under the buyer's seal."""

    verdict: Verdict
    reason: Reason | None = None
    note: Note = ""


@operation("POST", "/v1/{programme}/reviews/{order}", asks=ReviewDecision, answers=OrderTold, keyed=True, refuses=(403, 409, 422),
           asked=ReviewDecision("approve"), answered=ORDER_EXAMPLE)
async def review_order(call: Call[ReviewDecision]) -> Reply:
    """Approves an application, and what is held for it is captured; or rejects it, and everything goes back.

    Payer and insured are asked again as they are now. Nobody reviews what they entered or are party to.
    """
    number = call.path["order"]
    read = read_number(call.path["programme"], number)
    if read is None or read[1] is not None or read[0] not in await _within(call, [read[0]]):
        raise Refused(order_unknown())
    return told(await submit(call, "review", (number, call.asked), _command(call, read[0], call.asked)), 200)


class ListDecision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One decision on a list of applications, each of which has its own outcome."""

    orders: Annotated[tuple[OrderNumber, ...], Meta(min_length=1, max_length=MOST_DECIDED)]
    verdict: Verdict
    reason: Reason | None = None
    note: Note = ""


class ListLine(msgspec.Struct, frozen=True):
    """What became of one application of a list: `done` with the order's state, or the refusal's code, in a sentence."""

    order: str
    outcome: str
    state: str | None
    zh: str
    en: str


class ListDecided(msgspec.Struct, frozen=True):
    """What became of a list, in its order; one that could not be decided spoils no other."""

    done: int
    refused: int
    lines: tuple[ListLine, ...]


_LIST: Final = ListDecided(1, 1, (
    ListLine(ORDER_EXAMPLE.order, DONE, "completed", "已支付，保单生效日见各保单。", "paid: the policies say from when they cover"),
    ListLine(order_number("990000", 124), "review.not_waiting", None, review_refusals.not_under_review("void").zh,
             review_refusals.not_under_review("void").en)))


@operation("POST", "/v1/{programme}/reviews/bulk", asks=ListDecision, answers=ListDecided, keyed=True, refuses=(403, 409, 422),
           asked=ListDecision((ORDER_EXAMPLE.order, order_number("990000", 124)), "approve"), answered=_LIST)
async def review_list(call: Call[ListDecision]) -> Reply:
    """Decides a list of applications in one go; each has its own outcome, and a stale one spoils no other.

    Cut short, the same list under the same key goes on where it ended, and answers for all of it.
    """
    asked, code = call.asked, call.path["programme"]
    numbers = list(dict.fromkeys(asked.orders))
    read = {number: found[0] for number in numbers if (found := read_number(code, number)) is not None and found[1] is None}
    whole = await submit(call, "review-list", asked, ReviewList(call.principal.id, tuple(read.values()), asked.verdict))
    if whole.outcome != DONE:
        return told(whole, 200)
    within = await _within(call, list(read.values()))
    decision = ReviewDecision(asked.verdict, asked.reason, asked.note)
    open_ = [number for number in numbers if read.get(number) in within]
    answers = await asyncio.gather(*(_one_of(call, number, read[number], decision) for number in open_), return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
    given = dict(zip(open_, answers, strict=True))
    lines = tuple(_line(number, given.get(number)) for number in numbers)
    done = sum(line.outcome == DONE for line in lines)
    body = _ENCODER.encode(ListDecided(done, len(lines) - done, lines))
    return Reply(body, 200, {"Idempotent-Replayed": "true"} if whole.replayed else {})


async def _one_of(call: Call[ListDecision], number: str, id: int, decision: ReviewDecision) -> Answer:
    """One order of a list, under a key drawn from the list's and its own number; behind what somebody waits for singly."""
    return await call.engine.submit(call.path["programme"], call.principal.name, "review", f"{call.key}/{number}",
                                    canonical((number, decision)), _command(call, id, decision), "import")


def _command(call: Call[Any], id: int, decision: ReviewDecision) -> Review:
    return Review(call.principal.id, call.principal.person_id, id, decision.verdict, decision.reason, decision.note)


def _line(number: str, answer: Answer | BaseException | None) -> ListLine:
    if not isinstance(answer, Answer):
        unknown = order_unknown()
        return ListLine(number, unknown.code, None, unknown.zh, unknown.en)
    if answer.outcome == DONE:
        order = _TOLD.decode(answer.body)
        return ListLine(number, DONE, order.state, order.zh, order.en)
    refused = untold(answer.body)
    return ListLine(number, refused.code, None, refused.zh, refused.en)


async def _within(call: Call[Any], ids: list[int]) -> set[int]:
    """Those of the orders that the caller reaches."""
    async with call.engine.reading(call.path["programme"]) as connection:
        rows = await (await connection.execute(ENROLMENT["order_areas"], {"orders": ids})).fetchall()
    return {id for id, area in rows if reaches(call.principal, call.reach, Owners(area=area))}


OPERATIONS: Final = (reviews, review_list, review_order)
