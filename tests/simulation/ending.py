"""The end of a history: the weather clears, every deadline passes, everybody answers; then nothing may be left to do."""

from datetime import timedelta
from typing import Final

from huibao.gateways.simulators.model import Simulator
from huibao.settlement.model import Agree
from tests.simulation.model import Found
from tests.simulation.nature import DUTIES
from tests.simulation.treasury import names_the_rest
from tests.simulation.world import World, same_again

#: Long enough for an offer, an order, or a wait after a reversal to be over, one after the other.
PAUSES: Final = (timedelta(minutes=31), timedelta(minutes=31), timedelta(hours=25), timedelta(hours=25), timedelta(days=3, minutes=1), timedelta(minutes=1), timedelta(days=12),
                 timedelta(days=30))
#: So many old keys are asked once more.
AUDITED: Final = 20


async def quiet(world: World) -> None:
    """Lets everything come to its end; raises `Found` where something does not."""
    world.wires.calm = True
    outside = world.outside
    systems: list[Simulator] = [outside.cash, outside.bank, outside.notices, *outside.insurers.values(), *outside.hospitals.values()]
    for system in systems:
        system.faults.clear()
    for person in world.model.people:
        await world.ask("resident", Agree(7, person, f"6222{person:015d}"))
    for pause in PAUSES:
        world.clock.advance(pause)
        for duty in DUTIES * 2:
            await world.duty(duty)
        await names_the_rest(world)
        while await world.part_of_roster():
            pass
    for asked in world.dice.sample(world.asked, min(AUDITED, len(world.asked))):
        again = await world.again(asked)
        same_again(asked, again)
    for name, left in waits(world).items():
        if left:
            raise Found(f"{name} still wait: {left[:5]}")
    money(world)
    deductions(world)


def waits(world: World) -> dict[str, list[object]]:
    """What nothing should be left of when every system answers."""
    said = {
        "orders for payment": "SELECT id FROM orders WHERE state = 'awaiting-payment'",
        "orders for review": "SELECT id FROM orders WHERE state = 'awaiting-review'",
        "refunds on their way": "SELECT id FROM refund WHERE state IN ('waiting', 'sent')",
        "batches at the bank": "SELECT id FROM remittance WHERE state <> 'answered'",
        "rosters": "SELECT id FROM roster WHERE state IN ('checking', 'running')",
        "offers": "SELECT setl_id FROM settlement WHERE state = 'offered'",
        "adjustments": "SELECT setl_id FROM settlement WHERE adjust_at IS NOT NULL",
        "payouts at the bank": "SELECT id FROM payout WHERE state = 'sent'",
        "parts": "SELECT id FROM recovery WHERE state = 'called'",
        "proposals": "SELECT id FROM endorsement WHERE state = 'proposed'",
        "people to be told": "SELECT id FROM notice WHERE sent_at IS NULL AND NOT declined",
        "payments to send back": "SELECT seq FROM event e WHERE kind = 'payment' AND outcome <> 'done'"
                                 " AND NOT EXISTS (SELECT FROM payment_return r WHERE r.seq = e.seq)",
    }
    return {name: [value for (value,) in world.rows(statement)] for name, statement in said.items()}


def money(world: World) -> None:
    """What left and came to the bank and the till is what the books say. Raises `Found`."""
    [(cash, to_hospitals, to_people, received, remitted)] = world.rows(
        "SELECT COALESCE(sum(CASE t.kind WHEN 'refund-cash' THEN -t.fen ELSE t.fen END) FILTER (WHERE t.kind IN ('premium-cash', 'refund-cash')), 0)::bigint,"
        " COALESCE(sum(t.fen) FILTER (WHERE t.kind = 'claim-paid' AND c.kind = 'hospital'), 0)::bigint,"
        " COALESCE(sum(t.fen) FILTER (WHERE t.kind = 'claim-paid' AND c.kind = 'claimant'), 0)::bigint,"
        " COALESCE(sum(t.fen) FILTER (WHERE t.kind = 'claim-recovered'), 0)::bigint,"
        " COALESCE(sum(CASE t.kind WHEN 'remittance-returned' THEN -t.fen ELSE t.fen END)"
        " FILTER (WHERE t.kind IN ('premium-remitted', 'remittance-returned')), 0)::bigint FROM transfer t JOIN account c ON c.id = t.credit_id")
    tries = [one for tries in world.outside.cash._by_order.values() for one in tries if one.paid_at]
    bank = world.outside.bank
    seen = {
        "cash kept": (sum(one.asked.fen - (one.refunded.fen if one.refunded else 0) for one in tries)
                      - sum(back.fen for back in world.outside.cash.sent_back), cash),
        "paid to hospitals": (sum(one.fen for one in bank.paid if one.payee.startswith("hospital:")), to_hospitals),
        "remitted": (sum(one.fen - world.remitting.batches[int(one.reference.rsplit("-", 1)[1])].total("failed")[1]
                         for one in bank.paid if one.payee.startswith("insurer:")), remitted),
        "paid to people": (sum(one.fen for one in bank.paid if one.payee == "person"), to_people),
        "received": (sum(one.fen for one in bank.received), received),
    }
    wrong = {name: pair for name, pair in seen.items() if pair[0] != pair[1]}
    if wrong:
        raise Found(f"outside, and in the books: {wrong}")
    lacking = [made.id for made in world.model.orders.values() if made.state == "awaiting-payment"]
    if lacking:
        raise Found(f"the reference still waits for {lacking}")


def deductions(world: World) -> None:
    """What a hospital deducted is owed to it, and what it did not is not. Raises `Found`."""
    wrong = []
    for bill in world.care.bills.values():
        system = world.outside.hospitals.get(bill.hospital)
        said = system.deductions.get((world.city.code, bill.setl_id)) if system else None
        if said is None or bill.way == "feed" or not bill.pay_fen:
            continue
        stands = "deducted" if bill.state == "confirmed" and bill.payee == "hospital" else "reversed" if bill.state == "reversed" else "not-deducted"
        if said[0] != stands:
            wrong.append((bill.setl_id, said, stands))
    if wrong:
        raise Found(f"at hospitals, and here: {wrong[:5]}")
