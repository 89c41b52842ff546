"""Hospitals: they ask, settle, deduct and confirm, or forget to; they send again, late, wrong; they take back."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any, Final

import msgspec

from huibao.core.money import plain_yuan
from huibao.payables.model import Answer
from huibao.policies.numbers import read_settlement
from huibao.reconciliation.model import Detail, Reconcile, ReconciledTold
from huibao.record.model import DONE
from huibao.settlement import own
from huibao.settlement.model import Confirm, Reverse, Settle, Way, Withdraw
from tests.settlement.ward import bill
from tests.simulation.actions import action
from tests.simulation.care import Bill
from tests.simulation.days import day
from tests.simulation.world import World

#: Costs on which the plans turn, in fen.
EDGES: Final = (0, 1, 19_999, 20_000, 100_000, 100_001, 300_000, 1_000_000, 3_000_000)
DESKS: Final = ("H1", "H1", "H2", "H3")


def message(world: World, way: Way = "desk", promises: bool = True) -> Settle:
    """A bill of somebody who is insured, mostly; of today or late, of a new visit or one that was settled in part before."""
    dice, now = world.dice, world.now
    world.numbers += 1
    number, late = f"S{world.numbers}", dice.choice((0, 0, 0, 0, 1, 3, 40, 200))
    end = day(now) - timedelta(days=late)
    insured = covered(world, end)
    person = dice.choice(insured) if insured and not world.chance(60) else dice.choice(list(world.model.people))
    before = [one for one in world.care.bills.values() if one.person == person]
    visit = dice.choice(before).visit if before and world.chance(200) else f"V-{number}"
    cost = max(0, dice.choice(EDGES) + dice.randrange(-3, 4)) if world.chance(500) else dice.randrange(400_000)
    hospital = dice.choice(DESKS) if way != "feed" else "H9"
    return bill(person, number, hospital=hospital, way=way, visit=visit, in_scope=plain_yuan(cost), med_type=dice.choice(("21", "21", "11")),
                begin=end - timedelta(days=dice.randrange(1, 9)), end=end, at=now, promises=promises, city=world.city)


def covered(world: World, on: date) -> list[int]:
    """Who has a policy that covers a day."""
    return sorted({cover.insured for made in world.model.orders.values() for cover in made.covers if cover.covers(on)})


@action(20)
async def settles(world: World) -> None:
    """A discharge, or several at the same moment at several desks; what is deducted there is confirmed now, later, or never."""
    if not covered(world, day(world.now)) and not world.chance(100):
        return
    ways: tuple[Way, ...] = ("desk", "desk", "desk", "file")
    bills = [message(world, world.dice.choice(ways)) for _ in range(world.dice.choice((1, 1, 1, 2, 3)))]
    answers = await world.ask_together("hospital", bills)
    for sent, answer in zip(bills, answers, strict=True):
        if answer.outcome == DONE:
            await discharge(world, world.care.bills[sent.setl_id])


async def discharge(world: World, one: Bill) -> None:
    """The desk deducts or does not; its own system knows, and tells us now or when asked."""
    if one.hospital not in world.outside.hospitals:
        return
    system = world.outside.hospitals[one.hospital]
    if world.chance(800):
        system.remember(world.city.code, one.setl_id, "deducted", one.pay_fen)
        if world.chance(550):
            await world.ask("hospital", Confirm(7, one.id, one.pay_fen, one.hospital))
    elif world.chance(700):
        system.remember(world.city.code, one.setl_id, "not-deducted")


@action(3)
async def asks_before(world: World) -> None:
    """A pre-settlement promises nothing and moves nothing."""
    await world.ask("hospital", message(world, promises=False))


def some_bill(world: World, *states: str) -> Bill | None:
    found = [one for one in world.care.bills.values() if not states or one.state in states]
    return world.dice.choice(found) if found else None


@action(7)
async def confirms(world: World) -> None:
    """A desk confirms what it had left open; or what needs no confirmation, or another amount, or another hospital's."""
    one = some_bill(world, *(("offered",) if world.chance(500) else ()))
    if one is None:
        return
    fen = one.pay_fen + (world.dice.choice((-1, 1)) if world.chance(100) else 0)
    hospital = one.hospital if not world.chance(60) else "H2"
    answer = await world.ask("hospital", Confirm(7, one.id, max(0, fen), hospital))
    if answer.outcome == DONE and one.hospital in world.outside.hospitals:
        world.outside.hospitals[one.hospital].remember(world.city.code, one.setl_id, "deducted", one.pay_fen)


@action(4)
async def withdraws(world: World) -> None:
    """A desk says that it did not deduct."""
    one = some_bill(world, *(("offered",) if world.chance(800) else ()))
    if one is None:
        return
    answer = await world.ask("hospital", Withdraw(7, one.id, world.chance(700), one.hospital))
    if answer.outcome == DONE and one.hospital in world.outside.hospitals:
        world.outside.hospitals[one.hospital].remember(world.city.code, one.setl_id, "not-deducted")


@action(9)
async def reverses(world: World) -> None:
    """Basic insurance takes a settlement back; now and then one that nobody knows, or by the wrong hospital, or once more."""
    one = some_bill(world, *(("offered", "confirmed") if world.chance(800) else ()))
    if one is None:
        return
    world.numbers += 1
    number = f"R{world.numbers}" if not world.chance(80) else f"R{one.setl_id}"
    reverses = one.setl_id if not world.chance(60) else f"S{world.numbers + 3}"
    hospital = one.hospital if not world.chance(40) else "H3"
    row = {"setl_id": number, "reverses": reverses, "setl_time": f"{world.now + timedelta(hours=8):%Y-%m-%d %H:%M:%S}"}
    answer = await world.ask("hospital", Reverse(7, "desk", hospital, row))
    if answer.outcome == DONE and hospital in world.outside.hospitals:
        world.outside.hospitals[hospital].remember(world.city.code, reverses, "reversed")


@action(5)
async def sends_again(world: World) -> None:
    """A bill comes again under a key of its own: the same, or with another person, visit, hospital or amount."""
    sent = [asked.command for asked in world.asked if isinstance(asked.command, Settle) and asked.command.promises]
    if not sent:
        return
    first = world.dice.choice(sent)
    row: dict[str, Any] = dict(first.row)
    match world.dice.choice(("same", "same", "visit", "amount", "hospital", "file")):
        case "visit":
            row["mdtrt_id"] = "V-other"
        case "amount":
            # A bill that adds up, of one fen more.
            more = plain_yuan(1 + int(str(row["medfee_sumamt"]).replace(".", "")) * (1 if "." in str(row["medfee_sumamt"]) else 100))
            row |= dict.fromkeys(("medfee_sumamt", "inscp_scp_amt", "psn_cash_pay", "psn_part_amt"), more)
        case "hospital":
            first = replace(first, hospital="H3")
        case "file":
            first = replace(first, way="file") if first.way != "feed" else first
        case _:
            pass
    await world.ask("hospital", replace(first, row=row))


@action(3)
async def sends_nonsense(world: World) -> None:
    """A message that cannot be read, is of nobody, or comes from where there is no desk."""
    sent = message(world)
    match world.dice.choice(("nobody", "no-desk", "no-number", "no-amount", "sums")):
        case "nobody":
            sent = replace(sent, row={**sent.row, "psn_no": "0"})
        case "no-desk":
            sent = replace(sent, hospital=world.dice.choice(("H9", "H77")))
        case "no-number":
            sent = replace(sent, row={**sent.row, "setl_id": "a number with blanks"})
        case "no-amount":
            sent = replace(sent, row={**sent.row, "inscp_scp_amt": "one"})
        case _:
            sent = replace(sent, row={**sent.row, "psn_part_amt": "0.01"})
    await world.ask("hospital", sent)


@action(4)
async def answers_statement(world: World) -> None:
    """A hospital agrees to a statement, or disputes it; now and then once more."""
    found = [one for one in world.care.statements.values() if one.state == "proposed"] or list(world.care.statements.values())
    if found:
        one = world.dice.choice(found)
        await world.ask("hospital", Answer(7, one.hospital, one.id, not world.chance(250)))


@action(2)
async def compares_day(world: World) -> None:
    """A hospital's evening: every settlement of the day as its own system has it. What that answers is carried out, as the API does."""
    hospital = world.dice.choice(sorted(world.outside.hospitals))
    on = day(world.now)
    known = world.outside.hospitals[hospital].deductions
    ours = [one for one in world.care.bills.values() if one.hospital == hospital and str(world_day(world, one)) == str(on)]
    details = tuple(Detail(one.setl_id, known[world.city.code, one.setl_id][1] or 0, known[world.city.code, one.setl_id][0])
                    for one in ours if (world.city.code, one.setl_id) in known)
    counted = [one for one in details if one.state == "deducted"]
    answer = await world.ask("hospital", Reconcile(7, hospital, on, len(counted), sum(one.fen for one in counted), details))
    if answer.outcome != DONE:
        return
    for offer in msgspec.json.decode(answer.body, type=ReconciledTold).answered:
        id = read_settlement(world.city.code, offer.settlement)
        assert id is not None
        request: Any = own.confirmed(id, offer.fen, f"reconciliation of {on}") if offer.fen else own.withdrawn(id, stands=offer.stands)
        await world.submit(world.city.code, *request)


def world_day(world: World, one: Bill) -> str:
    """The day on which a bill was settled."""
    sent = next(asked.command for asked in world.asked if isinstance(asked.command, Settle) and asked.command.setl_id == one.setl_id)
    return str(sent.row["setl_time"])[:10]
