"""The agency's queue of applications, as a clerk with many thousands works it off: why each waits, what was checked and is true now, who
has it, and how many there are of each kind."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from huibao.core.money import yuan
from huibao.core.refusal import Refusal
from huibao.core.time import SHANGHAI, business_date
from huibao.enrolment import checks
from huibao.enrolment.looking import look
from huibao.enrolment.model import Order, Reason, Reviewing, ReviewState
from huibao.enrolment.purchase import decide_again
from huibao.enrolment.review import holder, is_own, is_theirs
from huibao.enrolment.state import State
from huibao.policies.numbers import order_number, read_number
from huibao.scheme.model import in_force
from huibao.scheme.sentences import source
from huibao.web import refusals
from huibao.web.operations import Call, operation
from huibao.web.problems import Refused
from huibao.web.purchases import ORDER_EXAMPLE
from huibao.web.reads import ENROLMENT, SQL, masked, opened_name
from huibao.web.reviewing import OrderNumber
from huibao.web.words import Id

#: So many cases of the queue are shown at once; so many are looked at for those in which something, or nothing, stands in the way.
MOST_SHOWN: Final = 50
MOST_LOOKED_AT: Final = 200

_AT: Final = datetime(2026, 3, 2, 10, tzinfo=SHANGHAI)
_DAY: Final = timedelta(days=1)

Channel = Literal["online", "counter", "agent"]
#: What a case waits for: its one approval, the first of two, or the second.
Needs = Literal["one", "first-of-two", "second-of-two"]
Claimed = Literal["nobody", "me", "another"]


# ── the queue ────────────────────────────────────────────────────────────────────────────────────────────────────────

class ReviewQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which reviews: in a state (open unless said), of a product, escalated or not, entered on a way; after an order, so many.

    `due`: to be decided by the end of that day. `needs`: which approval is waited for. `claimed`: who has it. `clear`: whether nothing
    stands in the way of an approval and nothing has changed; such pages may be shorter than asked. `reason`: why it was rejected.
    """

    state: ReviewState | None = None
    product: Id | None = None
    escalated: bool | None = None
    channel: Channel | None = None
    due: date | None = None
    needs: Needs | None = None
    claimed: Claimed | None = None
    clear: bool | None = None
    reason: Reason | None = None
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


class ClaimLine(msgspec.Struct, frozen=True):
    """Who has an application to decide: the clerk's credential and its label, since when, and until when; `mine` where the caller has."""

    credential: int
    label: str
    since: datetime
    until: datetime
    mine: bool


class ReviewCase(msgspec.Struct, frozen=True):
    """An application in the queue: why it is there, until when, what was checked and what is true now, who has it.

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
    claim: ClaimLine | None


class ReviewCases(msgspec.Struct, frozen=True):
    """A page of the queue; `next` is what to ask `after` for the next one, none where this is the last. Asked for what is `clear`, a page
    may be short, or empty, and there are more."""

    cases: tuple[ReviewCase, ...]
    next: str | None


_CASE: Final = ReviewCase(
    ORDER_EXAMPLE.order, "open", "example-2026", "online", None, 1001, "张**", (InsuredLine(1002, "张**", "parent", 18_800),),
    18_800, 18_800, 0,
    "使用个人账户支付 188.00 元，须经医保经办机构审核。", "188.00 yuan are to come from the account, which the agency reviews", 1, 0, _AT,
    datetime(2026, 3, 10, tzinfo=SHANGHAI), None, datetime(2026, 3, 24, tzinfo=SHANGHAI),
    (CheckLine("insured.enrolment", "被保险人参保", 1, "390/1/9900", "390/2/9900", changed=True),),
    Obstacle("insured.status_not_normal", None, "被保险人的参保状态为暂停参保，请先恢复正常参保", "the insured's enrolment has status 2"), own=False,
    claim=ClaimLine(12, "经办二", _AT, _AT + timedelta(minutes=30), mine=False))


@operation("GET", "/v1/{programme}/reviews", asks=ReviewQuery, answers=ReviewCases, refuses=(422,), answered=ReviewCases((_CASE,), None))
async def reviews(call: Call[ReviewQuery]) -> ReviewCases:
    """Lists applications under review, the oldest first: why each is there, what was checked and has changed, who has it （LZ-14）."""
    code, programme, asked = call.path["programme"], call.programme, call.asked
    most = asked.most or 20
    looked_at = most if asked.clear is None else MOST_LOOKED_AT
    given = _given(call) | {"most": looked_at + 1}
    shelf = await call.engine.shelf(code)
    async with call.engine.reading(code) as connection:
        rows = await (await connection.execute(ENROLMENT["review_page"], given)).fetchall()
        ways = {id: (channel, outlet) for id, channel, outlet in rows[:looked_at]}
        state = await look(connection, programme, shelf, call.engine.keyring, sorted(ways), business_date(call.engine.clock.now()))
        found, last = _matching(state, sorted(ways), asked.clear, most)
        people = sorted({one for id in found for one in _people(state.orders[id])}) if call.principal.role == "agency" else []
        names = await (await connection.execute(SQL["names"], {"people": people})).fetchall()
    known = {id: masked(opened_name(call.engine.keyring, code, id, wrapped, sealed)) for id, sealed, wrapped in names}
    labels = await _labels(call, [state.reviews[id] for id in found])
    cases = tuple(_case(call, state, id, ways[id], known, labels, obstacle) for id, obstacle in found.items())
    return ReviewCases(cases, order_number(code, last) if last is not None and (len(rows) > looked_at or last < max(ways)) else None)


def _given(call: Call[ReviewQuery]) -> dict[str, Any]:
    """What the queue is narrowed to. Raises `Refused`."""
    asked, code = call.asked, call.path["programme"]
    after = read_number(code, asked.after) if asked.after else (0, None)
    if after is None:
        raise Refused(refusals.after_unknown())
    return {"state": asked.state or "open", "product": asked.product or "", "channel": asked.channel or "",
            "asks_escalated": asked.escalated is not None, "escalated": bool(asked.escalated), "after": after[0],
            "area": call.principal.area or "", "due": _end_of(asked.due) if asked.due else None, "needs": asked.needs or "",
            "claimed": asked.claimed or "", "reason": asked.reason or "", **_who(call)}


def _who(call: Call[Any]) -> dict[str, Any]:
    """Whose claims are the caller's own, and which are over."""
    return {"credential": call.principal.id, "person": call.principal.person_id, "at": call.engine.clock.now()}


def _end_of(day: date) -> datetime:
    return datetime.combine(day, time(), SHANGHAI) + _DAY


def _people(order: Order) -> list[int]:
    return [order.buyer, *(policy.insured for policy in order.policies)]


def _matching(state: State, ids: Sequence[int], clear: bool | None, most: int) -> tuple[dict[int, Refusal | None], int | None]:
    """Those of the orders that are asked for, with what stands in the way of each; and the last one looked at."""
    found: dict[int, Refusal | None] = {}
    last: int | None = None
    for id in ids:
        if len(found) == most:
            break
        order, waiting, last = state.orders[id], state.reviews[id], id
        decided = decide_again(state, order) if waiting.state == "open" else ()
        obstacle = decided if isinstance(decided, Refusal) else None
        if clear is None or clear == (obstacle is None and not any(line.changed for line in _compared(state, order, waiting))):
            found[id] = obstacle
    return found, last


async def _labels(call: Call[Any], reviews: Sequence[Reviewing]) -> dict[int, str]:
    """How the credentials are called that have an application."""
    ids = sorted({waiting.claim.credential for waiting in reviews if waiting.claim is not None})
    if not ids:
        return {}
    async with call.engine.shared() as connection:
        return dict(await (await connection.execute(SQL["labels"], {"ids": ids})).fetchall())


def _case(
    call: Call[Any], state: State, id: int, way: tuple[str, str | None], names: dict[int, str | None], labels: dict[int, str],
    obstacle: Refusal | None,
) -> ReviewCase:
    order, waiting = state.orders[id], state.reviews[id]
    zh, en = _why(state, order, waiting)
    return ReviewCase(
        order=order_number(state.programme.code, id), state=waiting.state, product=order.product, channel=way[0], outlet=way[1],
        buyer=order.buyer, name=names.get(order.buyer),
        insured=tuple(InsuredLine(p.insured, names.get(p.insured), p.relation, p.premium_fen) for p in order.policies),
        premium_fen=order.premium_fen, account_fen=order.premium_fen - order.cash_fen, cash_fen=order.cash_fen, zh=zh, en=en,
        reviewers=waiting.reviewers, approvals=sum(vote.verdict == "approve" for vote in waiting.votes), since=waiting.since,
        escalate_at=waiting.escalate_at, escalated_at=waiting.escalated_at, void_at=waiting.void_at,
        checks=_compared(state, order, waiting), obstacle=_obstacle(obstacle) if obstacle else None,
        own=is_own(state, order, waiting, call.principal.id, call.principal.person_id), claim=_claim(call, waiting, labels))


def _claim(call: Call[Any], waiting: Reviewing, labels: dict[int, str]) -> ClaimLine | None:
    has = holder(waiting, call.engine.clock.now())
    if has is None:
        return None
    mine = is_theirs(has, call.principal.id, call.principal.person_id)
    return ClaimLine(has.credential, labels.get(has.credential, ""), has.since, has.until, mine)


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


# ── how many ─────────────────────────────────────────────────────────────────────────────────────────────────────────

class TotalsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of a product; rejections of so many days."""

    product: Id | None = None
    days: Annotated[int, Meta(ge=1, le=366)] | None = None


class Total(msgspec.Struct, frozen=True):
    """So many applications of which `by` has this value: `?by=value` narrows the queue to them."""

    by: str
    value: str
    count: int


class ReviewTotals(msgspec.Struct, frozen=True):
    """What waits: how many, since when the oldest, until when the first must be decided; by product, channel, what is needed, who has it,
    whether escalated, and the day by which it must be decided. `rejected` counts what was rejected, by reason, of the last `days`."""

    waiting: int
    oldest: datetime | None
    next_void_at: datetime | None
    totals: tuple[Total, ...]
    days: int
    rejected: tuple[Total, ...]


_TOTALS: Final = ReviewTotals(
    3, _AT, datetime(2026, 3, 24, tzinfo=SHANGHAI),
    (Total("channel", "counter", 1), Total("channel", "online", 2), Total("claimed", "another", 1), Total("claimed", "nobody", 2),
     Total("due", "2026-03-23", 3), Total("escalated", "false", 3), Total("needs", "one", 3), Total("product", "example-2026", 3)),
    30, (Total("reason", "documents-differ", 1),))


@operation("GET", "/v1/{programme}/reviews/totals", asks=TotalsQuery, answers=ReviewTotals, answered=_TOTALS)
async def review_totals(call: Call[TotalsQuery]) -> ReviewTotals:
    """Counts what waits for its review, by all that the queue can be narrowed to; and what was rejected of late, by reason （LZ-14）."""
    days = call.asked.days or 30
    at = call.engine.clock.now()
    given = {"product": call.asked.product or "", "area": call.principal.area or "", "since": at - days * _DAY, **_who(call)}
    async with call.engine.reading(call.path["programme"]) as connection:
        [(waiting, oldest, next_)] = await (await connection.execute(ENROLMENT["reviews_waiting"], given)).fetchall()
        counted = await (await connection.execute(ENROLMENT["review_totals"], given)).fetchall()
        rejected = await (await connection.execute(ENROLMENT["rejections"], given)).fetchall()
    return ReviewTotals(waiting, oldest, next_, tuple(Total(*row) for row in counted), days,
                        tuple(Total("reason", *row) for row in rejected))


OPERATIONS: Final = (reviews, review_totals)
