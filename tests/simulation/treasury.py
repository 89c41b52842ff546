"""Money around a policy: receiving accounts and batches, surrenders, and what insurers pay back."""

import json

from huibao.record.model import DONE
from huibao.refunds.model import AnswerRepayment, Repay, Surrender
from huibao.remittance.model import Acknowledge, CallBack, Decide, Make, Register
from tests.simulation.actions import action
from tests.simulation.days import day
from tests.simulation.goods import GOODS
from tests.simulation.world import World

NUMBER, PHONE = "6222000000000000123", "0891-6330001"


@action(3)
async def opens_receiving_account(world: World) -> None:
    """The insurer's account: proposed by one, called back by another, approved by a third; now and then by the same."""
    made = await world.ask("agency", Register(11, "lead", "某银行", "甲财产保险（示例）", NUMBER, PHONE))
    if made.outcome != DONE:
        return
    account = json.loads(made.body)["account"]
    await world.ask("agency", CallBack(12 if not world.chance(100) else 11, account, PHONE, "confirmed" if not world.chance(100) else "no-answer"))
    approved = await world.ask("agency", Decide(13 if not world.chance(100) else 11, account, approve=True))
    if approved.outcome != DONE:
        await world.ask("agency", Decide(13, account, approve=False))


@action(4)
async def makes_batch(world: World) -> None:
    """Somebody of the agency makes a batch beside the schedule, of everything up to now."""
    await world.ask("agency", Make(11, world.dice.choice([*GOODS]), world.now))


@action(3)
async def acknowledges(world: World) -> None:
    """The insurer says what it received of a batch: what the bank paid, mostly; now and then of another insurer's, or another file."""
    if not world.afterwards.batches:
        return
    id = world.dice.choice([*world.afterwards.batches])
    count, fen = world.afterwards.batches[id].paid
    insurer = "lead" if not world.chance(60) else "second"
    await world.ask("insurer", Acknowledge(7, insurer, id, count, fen + (world.chance(150) and 1), not world.chance(80)))


@action(9)
async def surrenders(world: World) -> None:
    """Somebody gives a policy back: at what goes back today, mostly."""
    orders = [made for made in world.model.orders.values() if made.state == "completed" or world.chance(50)]
    if not orders:
        return
    made = world.dice.choice(orders)
    position = world.dice.randrange(1, len(made.covers) + 1)
    quote = world.afterwards.quote(made, position, day(world.now))
    fen = (quote[1] if isinstance(quote, tuple) else 0) + (world.chance(50) and 1)
    buyer = made.buyer if not world.chance(50) else world.dice.choice((1, 5, None))
    await world.ask("resident", Surrender(1, made.id, position, fen, buyer))


@action(4)
async def repays(world: World) -> None:
    """The insurer pays refunds back that it owes to accounts; the agency says what arrived."""
    owed = [back for back in world.afterwards.refunds.values() if back.state == "owed" and back.source != "cash"
            and (back.repayment is None or world.chance(100))]
    some = world.dice.sample(owed, min(len(owed), world.dice.randrange(1, 4)))
    if not some:
        return
    fen = sum(back.fen for back in some) + (world.chance(80) and 1)
    world.numbers += 1
    answer = await world.ask("insurer", Repay(7, "lead", tuple(back.id for back in some), f"B{world.numbers}", fen))
    if answer.outcome == DONE and world.chance(700):
        await world.ask("agency", AnswerRepayment(11, json.loads(answer.body)["repayment"], fen if not world.chance(150) else 0))


@action(2)
async def answers_repayment(world: World) -> None:
    """What an insurer paid back arrived late, or not, or is answered once more."""
    if world.afterwards.repayments:
        id = world.dice.choice([*world.afterwards.repayments])
        fen = sum(back.fen for back in world.afterwards.repayments[id])
        await world.ask("agency", AnswerRepayment(11, id, world.dice.choice((fen, fen, fen + 1, 0))))
