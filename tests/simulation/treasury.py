"""Money around a policy: receiving accounts and batches, surrenders, and what insurers pay back."""

import json
from typing import Any

from huibao.record.model import DONE
from huibao.refunds.model import AnswerRepayment, Repay, Surrender
from huibao.remittance.model import Acknowledge, CallBack, Decide, FileRow, Make, ReadBack, Register
from tests.simulation.actions import action
from tests.simulation.days import day
from tests.simulation.goods import GOODS
from tests.simulation.world import World

#: A row of the bank's file: its kind, entry, count, fen, result, reason.
Row = tuple[Any, ...]
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
    if not world.remitting.batches:
        return
    id = world.dice.choice([*world.remitting.batches])
    count, fen = world.remitting.batches[id].total("paid")
    insurer = "lead" if not world.chance(60) else "second"
    await world.ask("insurer", Acknowledge(7, insurer, id, count, fen + (world.chance(150) and 1), not world.chance(80)))


@action(7)
async def reads_file_back(world: World) -> None:
    """The bank's file about a batch that it was told of: line by line, some failed, or came back; now and then a row of it is wrong."""
    bank = world.outside.bank
    if not world.remitting.batches:
        return
    if any(not batch.is_answered for batch in world.remitting.batches.values()):
        await world.duty("remittances")
    told = {id: bank._payouts[reference].state for id in world.remitting.batches
            if (reference := f"{world.city.code}-remittance-{id}") in bank._payouts}
    known = [id for id, state in told.items() if state != "pending"]
    if not known or world.chance(30):
        await world.ask("agency", ReadBack(11, world.dice.choice([*world.remitting.batches, 99_999]), ()))
        return
    id = world.dice.choice(known)
    rows = file_of(world, id, is_paid=told[id] == "paid")
    await world.ask("agency", ReadBack(11, id, read(rows)))


def read(rows: list[Row]) -> tuple[FileRow, ...]:
    """Rows under the file's head, numbered."""
    return tuple(FileRow(number, *row) for number, row in enumerate(rows, 2))


async def names_the_rest(world: World) -> None:
    """The bank says of what is left in batches, of which it had named only what failed, that it paid that."""
    for id, batch in world.remitting.batches.items():
        if batch.waits_for_bank and batch.total("failed")[0]:
            left = [("line", entry, 0, fen, "paid", "") for entry, fen in entries(world, id)
                    if batch.states[world.remitting.entries[entry]] == "listed"]
            await world.ask("agency", ReadBack(11, id, read([*left])))


def file_of(world: World, id: int, *, is_paid: bool) -> list[Row]:
    """Rows of a bank's file. What it paid may have failed at the insurer's bank, a line here and there; what it sent back has failed."""
    dice, batch = world.dice, world.remitting.batches[id]
    lines = entries(world, id)
    some = [line for line in lines if world.chance(800)]
    rows: list[Row] = []
    for entry, fen in some:
        failed = not is_paid or batch.states[world.remitting.entries[entry]] == "failed" or world.chance(250)
        rows.append(("line", entry, 0, fen, "failed" if failed and not (is_paid and world.chance(40)) else "paid", ""))
    if rows and world.chance(250):
        rows.append(dice.choice((("line", 999_999, 0, 1, "paid", ""), (*rows[0][:3], rows[0][3] + 1, *rows[0][4:]), rows[0])))
    if world.chance(300):
        paid = [row[3] for row in rows if row[4] == "paid"]
        if is_paid and world.chance(500):
            named = {row[1] for row in rows}
            paid += [fen for entry, fen in lines if entry not in named and batch.states[world.remitting.entries[entry]] != "failed"]
        rows.append(("total", 0, len(paid), sum(paid) + (world.chance(200) and 1), "paid", ""))
    return rows


def entries(world: World, id: int) -> list[tuple[int, int]]:
    """The numbers of a batch's lines in the bank's files, with their fen; the reference is told which movements they are."""
    found = world.rows("SELECT l.transfer_id, l.order_id, l.position, a.kind, l.fen FROM remittance_line l JOIN account a ON a.id = l.account_id"
                       " WHERE l.remittance_id = %s AND l.counted ORDER BY 1", id)
    world.remitting.entries.update({entry: (order, position, kind) for entry, order, position, kind, _ in found})
    return [(entry, fen) for entry, *_, fen in found]


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
