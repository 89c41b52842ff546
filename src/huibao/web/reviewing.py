"""Deciding what waits in the agency's queue: one application, or a list in one go; and taking some, so that two clerks work on two."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from huibao.core.time import SHANGHAI
from huibao.enrolment import review_refusals
from huibao.enrolment.model import Claim, ClaimReview, ClaimTold, OrderTold, Reason, ReleaseReview, Review, ReviewList, Verdict
from huibao.enrolment.refusals import order_unknown
from huibao.policies.numbers import order_number, read_number
from huibao.record.model import DONE, Answer, untold
from huibao.web.authorisation import Owners, reaches
from huibao.web.commands import canonical, submit, told
from huibao.web.operations import Call, Nothing, operation
from huibao.web.problems import Refused, Reply
from huibao.web.purchases import ORDER_EXAMPLE
from huibao.web.reads import ENROLMENT
from huibao.web.words import END

#: So many orders are decided, or taken, in one go.
MOST_DECIDED: Final = 200
MOST_CLAIMED: Final = 50

_TOLD: Final = msgspec.json.Decoder(OrderTold)
_CLAIMED: Final = msgspec.json.Decoder(ClaimTold)


class _Either(msgspec.Struct, frozen=True):
    """What both an order and a claim say."""

    state: str


_EITHER: Final = msgspec.json.Decoder(_Either)
_ENCODER: Final = msgspec.json.Encoder()

OrderNumber = Annotated[str, Meta(pattern="^[0-9]{6}-[0-9]{12}-[0-9]" + END, examples=[ORDER_EXAMPLE.order])]
#: What a clerk writes to the buyer.
Note = Annotated[str, Meta(pattern=r"^[^\x00-\x1f\x7f]{0,500}" + END)]


# ── one ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

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
    id = await _order(call)
    return told(await submit(call, "review", (call.path["order"], call.asked), _command(call, id, call.asked)), 200)


async def _order(call: Call[Any]) -> int:
    """The order of the path, where the caller reaches it."""
    read = read_number(call.path["programme"], call.path["order"])
    if read is None or read[1] is not None or read[0] not in await _within(call, [read[0]]):
        raise Refused(order_unknown())
    return read[0]


# ── taking ───────────────────────────────────────────────────────────────────────────────────────────────────────────

_SINCE: Final = datetime(2026, 3, 2, 10, tzinfo=SHANGHAI)
_TAKEN: Final = ClaimTold(ORDER_EXAMPLE.order, "claimed", 12, _SINCE, _SINCE + timedelta(minutes=30))


@operation("POST", "/v1/{programme}/reviews/{order}/claim", asks=Nothing, answers=ClaimTold, keyed=True, refuses=(403, 409),
           answered=_TAKEN)
async def claim_review(call: Call[Nothing]) -> Reply:
    """Takes an application to decide it: until the time that is answered nobody else does. One whose time is over is taken over.

    Who has it already keeps it as it is. Who may not decide it cannot take it; its deadlines go on.
    """
    id = await _order(call)
    return told(await submit(call, "review-claim", call.path["order"], _claim(call, id)), 200)


@operation("POST", "/v1/{programme}/reviews/{order}/claim/release", asks=Nothing, answers=ClaimTold, keyed=True, refuses=(409,),
           answered=msgspec.structs.replace(_TAKEN, state="released", until=_SINCE + timedelta(minutes=5)))
async def release_review(call: Call[Nothing]) -> Reply:
    """Lets go of an application that the caller had taken: anybody may take it, or decide it."""
    command = ReleaseReview(call.principal.id, call.principal.person_id, await _order(call))
    return told(await submit(call, "review-release", call.path["order"], command), 200)


def _claim(call: Call[Any], id: int) -> ClaimReview:
    return ClaimReview(call.principal.id, call.principal.person_id, id)


# ── in one go ────────────────────────────────────────────────────────────────────────────────────────────────────────

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
    decision = ReviewDecision(call.asked.verdict, call.asked.reason, call.asked.note)
    return await _in_one_go(call, call.asked.orders, call.asked.verdict, "review", decision, lambda id: _command(call, id, decision))


class ListClaim(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The applications to take, each of which has its own outcome."""

    orders: Annotated[tuple[OrderNumber, ...], Meta(min_length=1, max_length=MOST_CLAIMED)]


_ANOTHERS: Final = review_refusals.claimed(Claim(13, None, _SINCE, _SINCE + timedelta(minutes=30)))


@operation("POST", "/v1/{programme}/reviews/claims", asks=ListClaim, answers=ListDecided, keyed=True, refuses=(409, 422),
           asked=ListClaim((ORDER_EXAMPLE.order, order_number("990000", 124))),
           answered=ListDecided(1, 1, (
               ListLine(ORDER_EXAMPLE.order, DONE, "claimed", "已领取，2026-03-02 10:30 前由您审核。", "yours to decide until 2026-03-02 10:30"),
               ListLine(order_number("990000", 124), _ANOTHERS.code, None, _ANOTHERS.zh, _ANOTHERS.en))))
async def claim_reviews(call: Call[ListClaim]) -> Reply:
    """Takes a list of applications in one go; one that another clerk has is refused, and the others are taken."""
    return await _in_one_go(call, call.asked.orders, "claim", "review-claim", None, lambda id: _claim(call, id))


async def _in_one_go(
    call: Call[Any], orders: tuple[str, ...], verdict: Verdict | Literal["claim"], route: str, decision: ReviewDecision | None,
    command: Callable[[int], Review | ClaimReview],
) -> Reply:
    """One key for the list, and of each order its own outcome."""
    code = call.path["programme"]
    numbers = list(dict.fromkeys(orders))
    read = {number: found[0] for number in numbers if (found := read_number(code, number)) is not None and found[1] is None}
    whole = await submit(call, f"{route}-list", call.asked, ReviewList(call.principal.id, tuple(read.values()), verdict))
    if whole.outcome != DONE:
        return told(whole, 200)
    within = await _within(call, list(read.values()))
    open_ = [number for number in numbers if read.get(number) in within]

    async def one(number: str) -> Answer:
        """Under a key drawn from the list's and its own number; behind what somebody waits for singly."""
        return await call.engine.submit(code, call.principal.name, route, f"{call.key}/{number}", canonical((number, decision)),
                                        command(read[number]), "import")

    answers = await asyncio.gather(*(one(number) for number in open_), return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
    given = dict(zip(open_, answers, strict=True))
    lines = tuple(_line(number, given.get(number)) for number in numbers)
    done = sum(line.outcome == DONE for line in lines)
    body = _ENCODER.encode(ListDecided(done, len(lines) - done, lines))
    return Reply(body, 200, {"Idempotent-Replayed": "true"} if whole.replayed else {})


def _command(call: Call[Any], id: int, decision: ReviewDecision) -> Review:
    return Review(call.principal.id, call.principal.person_id, id, decision.verdict, decision.reason, decision.note)


def _line(number: str, answer: Answer | BaseException | None) -> ListLine:
    if not isinstance(answer, Answer):
        unknown = order_unknown()
        return ListLine(number, unknown.code, None, unknown.zh, unknown.en)
    if answer.outcome != DONE:
        refused = untold(answer.body)
        return ListLine(number, refused.code, None, refused.zh, refused.en)
    found = _EITHER.decode(answer.body)
    if found.state == "claimed":
        until = f"{_CLAIMED.decode(answer.body).until.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
        return ListLine(number, DONE, "claimed", f"已领取，{until} 前由您审核。", f"yours to decide until {until}")
    order = _TOLD.decode(answer.body)
    return ListLine(number, DONE, order.state, order.zh, order.en)


async def _within(call: Call[Any], ids: list[int]) -> set[int]:
    """Those of the orders that the caller reaches."""
    async with call.engine.reading(call.path["programme"]) as connection:
        rows = await (await connection.execute(ENROLMENT["order_areas"], {"orders": ids})).fetchall()
    return {id for id, area in rows if reaches(call.principal, call.reach, Owners(area=area))}


OPERATIONS: Final = (review_list, claim_reviews, review_order, claim_review, release_review)
