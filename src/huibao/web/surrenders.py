"""Giving a policy back: what would go back, figure by figure, and the surrender itself."""

from datetime import date
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from huibao.core.refusal import Refusal
from huibao.core.time import business_date
from huibao.policies.numbers import policy_number, read_number, refund_number
from huibao.refunds.loading import SQL, quoted
from huibao.refunds.model import RefundPart, Surrender, SurrenderTold
from huibao.refunds.refusals import policy_unknown
from huibao.refunds.rules import grant
from huibao.refunds.surrender import limit_year
from huibao.refunds.told import surrender_told
from huibao.scheme.model import REFUND, in_force
from huibao.web.authorisation import Owners, reaches
from huibao.web.commands import submit, told
from huibao.web.operations import Call, Nothing, operation
from huibao.web.problems import Refused, Reply
from huibao.web.words import MOST_FEN

POLICY: Final = policy_number("990000", 123, 1)
REFUND_NUMBER: Final = refund_number("990000", 1000)
_STEPS: Final = (
    "退保：保障开始前全额退还保费；保障开始后按剩余天数退还，扣除手续费 25%；已赔付的不可退保",
    "保费 168.00 元，保障期 2026-03-03 至 2026-12-31", "保障尚未开始：全额退还 168.00 元", "个人账户支付 168.00 元，按比例退回 168.00 元")
_QUOTE: Final = SurrenderTold(
    POLICY, "quoted", "before-start", date(2026, 3, 3), 16_800, 0, 16_800,
    (RefundPart("personal", 16_800, 16_800, "quoted", "退回个人账户 168.00 元；2026 年账户限额同额恢复。",
                "168.00 yuan to the personal account; given back to the account's limit of 2026.", None, 2026),),
    (), _STEPS, "现在退保可退 168.00 元，保障至 2026-03-03 零时止。确认后提交退保。",
    "surrendered now, 168.00 yuan go back, and the cover ends on 2026-03-03 at 00:00: confirm to do so.")
TOLD: Final = msgspec.structs.replace(
    _QUOTE, state="surrendered", zh="已退保，退还 168.00 元，保障至 2026-03-03 零时止；此前的就诊仍可理赔。",
    en="surrendered: 168.00 yuan go back, and the cover ends on 2026-03-03 at 00:00; visits before stay payable.",
    parts=(msgspec.structs.replace(_QUOTE.parts[0], state="done", refund=REFUND_NUMBER, zh="退回个人账户 168.00 元：已退回；2026 年账户限额同额恢复。",
                                   en="168.00 yuan to the personal account: back where it came from; given back to the account's limit of"
                                      " 2026."),))


@operation("GET", "/v1/{programme}/policies/{policy}/surrender-quote", asks=Nothing, answers=SurrenderTold, refuses=(409, 422),
           answered=_QUOTE)
async def quote_surrender(call: Call[Nothing]) -> SurrenderTold:
    """Says what would go back if the policy were surrendered now, how that came about, and to whom; nothing is written."""
    order, position = await _policy(call)
    code = call.path["programme"]
    async with call.engine.reading(code) as connection:
        held = await quoted(connection, order, position)
    assert held is not None, "a policy that was found has its row"
    on = business_date(call.engine.clock.now())
    terms = (await call.engine.shelf(code)).wordings[held.offer].plan.surrender
    granted = grant(held, terms, on)
    if isinstance(granted, Refusal):
        raise Refused(granted)
    years = [limit_year(held, granted, share, on) for share in granted.shares]
    return surrender_told(code, held, granted, terms, in_force(call.programme.scheme.refund, on) or REFUND, years)


class SurrenderWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the holder was told goes back, in fen: where another amount does by now, nothing is done."""

    refund_fen: Annotated[int, Meta(ge=0, le=MOST_FEN)]


@operation("POST", "/v1/{programme}/policies/{policy}/surrender", asks=SurrenderWish, answers=SurrenderTold, status=201, keyed=True,
           refuses=(409, 422), asked=SurrenderWish(16_800), answered=TOLD)
async def surrender(call: Call[SurrenderWish]) -> Reply:
    """Surrenders a policy: its cover ends, and each source gets its part back the way it came （LZ-15a）.

    A member surrenders what one bought; an agency for who is at its counter, heirs among them.
    """
    order, position = await _policy(call)
    buyer = call.person if call.reach == "own" else None
    command = Surrender(call.principal.id, order, position, call.asked.refund_fen, buyer)
    return told(await submit(call, "surrender", (call.path["policy"], call.asked), command), 201)


async def _policy(call: Call[Any]) -> tuple[int, int]:
    """The policy with the number in the path, where the caller holds it or it is in the area."""
    found = read_number(call.path["programme"], call.path["policy"])
    if found is None or found[1] is None:
        raise Refused(policy_unknown())
    async with call.engine.reading(call.path["programme"]) as connection:
        row = await (await connection.execute(SQL["policy_holder"], {"order": found[0], "position": found[1]})).fetchone()
    if row is None or not reaches(call.principal, call.reach, Owners(people=(row[0],), insurers=(row[2],), area=row[1])):
        raise Refused(policy_unknown())
    return found[0], found[1]


OPERATIONS: Final = (quote_surrender, surrender)
