"""Residents: they buy for themselves and their families, pay or do not, change their minds, agree to be paid without an application."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Final

from msgspec import structs

from huibao.app.outside import CashDesk
from huibao.enrolment.model import Buy, Consent, IdentityCheck, InsuredWish, PayWith, Release
from huibao.gateways.cash import ChannelRefused, ChannelUnreachable
from huibao.gateways.simulators.faults import Fault
from huibao.policies.numbers import order_number
from huibao.record.model import DONE
from huibao.renewal.model import Decline
from huibao.settlement.model import Agree
from tests.simulation.actions import action
from tests.simulation.days import day
from tests.simulation.goods import GOODS
from tests.simulation.model import Made, number
from tests.simulation.world import World

#: Who has money comes more often; somebody nobody knows comes too.
BUYERS: Final = (1, 5, 6, 9) * 6 + (2, 3, 4, 7) * 2 + (8, 99)
TO_ACCEPT: Final = ("terms", "exclusions", "notice")
#: What befalls a notice of the channel.
NOTICES: Final = ("drop", "duplicate", "reorder")


def order_form(world: World, whose: int | None = None) -> Buy:
    """An order as somebody fills it in, or as it is filled in for them; one in ten with a slip."""
    dice, at = world.dice, world.now
    buyer = whose or dice.choice(BUYERS)
    family = [buyer, *world.model.people[buyer].kin] if buyer in world.model.people else [buyer]
    insured = dice.sample(family, min(len(family), dice.choice((1, 1, 1, 2, 3))))
    sold = [good.id for good in GOODS.values() if good.sold[0] <= day(at) <= good.sold[1]]
    product = dice.choice(sold if sold and not world.chance(40) else (*GOODS, "no-such-product"))
    pay_with: PayWith = "cash" if world.chance(600 if world.model.rules.cash_alone else 60) else "account"
    slip = dice.choice(("stranger", "terms", "identity", "old-identity", "nobody", "twice")) if world.chance(100) else ""
    if slip == "stranger":
        insured = [*insured, dice.choice([one for one in world.model.people if one not in family] or [98])]
    if slip == "nobody":
        insured = []
    if slip == "twice" and insured:
        insured = [*insured, insured[0]]
    terms = world.model.terms.get(product, "") if slip != "terms" else "00" * 32
    checked = at - timedelta(minutes=1 if slip != "old-identity" else 16)
    identity = IdentityCheck(buyer, "face", slip != "identity", checked, "ref")
    return Buy(1, buyer, product, tuple(map(InsuredWish, insured)), pay_with, Consent(terms, TO_ACCEPT, "签名", guardian=True), identity)


@action(22)
async def buys(world: World) -> None:
    """Somebody orders; now and then two people or one twice at the same moment, in one batch."""
    count = world.dice.choice((1, 1, 1, 1, 2, 3))
    forms = [order_form(world) for _ in range(count)]
    if count > 1 and world.chance(700):
        forms[1] = forms[0] if world.chance(400) else for_another(world, forms[0])
    for answer in await world.ask_together("resident", forms):
        if answer.outcome == DONE and world.chance(500):
            await to_the_till(world, world.model.orders[number(json.loads(answer.body)["order"])])


def for_another(world: World, form: Buy) -> Buy:
    """The same buyer's order for the rest of the family: two orders on one account at one moment."""
    named = {wish.member for wish in form.insured}
    family = [form.buyer, *world.model.people[form.buyer].kin] if form.buyer in world.model.people else [form.buyer]
    return replace(form, insured=tuple(InsuredWish(one) for one in family if one not in named)[:2])


def waiting(world: World) -> list[Made]:
    return [made for made in world.model.orders.values() if made.state == "awaiting-payment"]


@action(12)
async def pays(world: World) -> None:
    """Somebody goes to the till and pays what an order still costs."""
    if not (orders := waiting(world)):
        return
    await to_the_till(world, world.dice.choice(orders))


async def to_the_till(world: World, made: Made) -> None:
    """What is still to be paid is paid, or the till left open."""
    opened = await open_till(world, made) if made.state == "awaiting-payment" else None
    if opened is not None and not world.chance(150):
        await push_button(world, opened)


async def open_till(world: World, made: Made) -> str | None:
    """The payment's reference; None where the channel could not be reached. As the web layer does it."""
    if world.chance(30):
        world.reaper.wait(world.dice.choice(("cash.before_open", "cash.after_open")))
    try:
        opened = await CashDesk(world.process.cash).open(world.city.code, order_number(world.city.code, made.id), made.cash_fen, made.deadline)
    except (ChannelUnreachable, ChannelRefused) as failure:
        world.say(f"no till: {failure}")
        return None
    finally:
        world.reaper.leave()
    world.tills.append((made.id, opened.reference))
    return opened.reference


async def push_button(world: World, reference: str) -> None:
    """Money leaves the person's pocket; the channel tells, in its way."""
    if world.chance(250):
        world.outside.cash.faults.plan(Fault(world.dice.choice(NOTICES), "notices"))
    page = await world.outside.cash.page("POST", f"/pay/{reference}")
    world.say(f"till {reference}: {page.status if page else None}")


@action(3)
async def pays_late(world: World) -> None:
    """A till that was left open is used, whatever became of its order."""
    if world.tills:
        await push_button(world, world.dice.choice(world.tills)[1])


@action(5)
async def cancels(world: World) -> None:
    """Somebody gives an order up: their own and waiting, mostly."""
    held = [made for made in world.model.orders.values() if made.state == "awaiting-review"]
    orders = [*waiting(world), *held] if world.chance(700) else list(world.model.orders.values())
    if not orders:
        return
    made = world.dice.choice(orders)
    buyer = made.buyer if not world.chance(100) else world.dice.choice((1, 5, 6))
    await world.ask("resident", Release(1, made.id, "cancelled", buyer))


@action(10)
async def renews(world: World) -> None:
    """Somebody confirms that their family is insured again, at the premium shown, mostly; or wants none of it."""
    proposals = world.model.proposals
    if not proposals:
        await world.duty("renewals")
    waiting = [key for key, one in proposals.items() if one.state == "open" or world.chance(150)]
    if not waiting:
        return
    first = world.dice.choice(waiting)
    buyer, product = proposals[first].buyer, proposals[first].product
    if world.chance(250):
        await world.ask("resident", Decline(1, *first, buyer if not world.chance(150) else 8))
        return
    keys = [first, *(key for key in waiting if key != first and (proposals[key].buyer, proposals[key].product) == (buyer, product) and world.chance(700))]
    wishes = tuple(InsuredWish(proposals[key].insured) for key in keys)
    shown = len(keys) * GOODS[product].premium_fen + (world.chance(120) and 1)
    form = replace(order_form(world, buyer), product=product, insured=wishes[1:] if world.chance(120) else wishes, renewing=tuple(keys), quoted_fen=shown)
    consent = structs.replace(form.consent, terms=world.model.terms[product]) if form.consent is not None else None
    answer = await world.ask("resident", replace(form, consent=consent))
    if answer.outcome == DONE and world.chance(600):
        await to_the_till(world, world.model.orders[number(json.loads(answer.body)["order"])])


@action(3)
async def agrees(world: World) -> None:
    """Somebody agrees to be paid without an application, or agrees no longer."""
    person = world.dice.choice(list(world.model.people))
    account = f"62220000000000{person:05d}" if not world.chance(150) else None
    await world.ask("resident", Agree(7, person, account))
