"""Who acts for others: mandates given and revoked, agents, clerks at a counter; and who an order is for is changed while it waits."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Final

from msgspec import structs

from huibao.enrolment.model import Amend, Buy, Entry, InsuredWish
from huibao.mandates.model import Act, Authorise, Evidence, Revoke
from huibao.record.model import DONE
from tests.simulation.actions import action
from tests.simulation.days import day
from tests.simulation.model import ENTERED, Made, number
from tests.simulation.residents import order_form, to_the_till
from tests.simulation.world import World

#: Clerks by credential, each with their own person where that is known here: two credentials may be one person's.
CLERKS: Final[dict[int, int | None]] = {21: None, 22: None, 23: 7, 24: 7}
PRINCIPALS: Final = (1, 5, 6, 9) * 5 + (2, 3, 7, 8, 99)
#: Who acts for others; some should not.
AGENTS: Final = (2, 5, 7, 9) * 4 + (1, 3, 6, 8, 98)
DIGEST: Final = "5c" * 32


def agents_credential(person: int) -> int:
    return 30 + person


@action(5)
async def authorises(world: World) -> None:
    """Somebody lets another act: online, after a check, or on paper at a counter."""
    dice, on = world.dice, day(world.now)
    principal = dice.choice(PRINCIPALS)
    agent = dice.choice(AGENTS) if not world.chance(40) else principal
    lends = world.chance(700 if world.model.rules.lent else 200)
    may: tuple[Act, ...] = (("order", "pay") if lends else ("order",)) if not world.chance(80) else ("pay",)
    since = on + timedelta(days=dice.choice((0, 0, 0, 0, 2)) if not world.chance(40) else -1)
    until = since + timedelta(days=dice.choice((0, 3, 30, 365, 365)) if not world.chance(120) else dice.choice((-1, 366)))
    if world.model.mandates and world.chance(150):
        one = dice.choice([*world.model.mandates.values()])
        principal, agent, may, since, until = one.principal, one.agent, ("order",), max(on, one.since), one.until
    evidence: Evidence = "identity-check" if world.chance(600) else "signed-form"
    checked_at = world.now - timedelta(minutes=2 if not world.chance(80) else 16) if evidence == "identity-check" else None
    credential = agents_credential(principal) if checked_at else dice.choice([*CLERKS])
    await world.ask("resident" if checked_at else "agency", Authorise(credential, principal, agent, may, since, until, evidence, DIGEST, checked_at))


@action(2)
async def revokes(world: World) -> None:
    """A mandate is taken back by either of the two, or by the agency; now and then by a stranger, or once more."""
    if not world.model.mandates:
        return
    one = world.dice.choice([one for one in world.model.mandates.values() if not one.revoked or world.chance(100)] or [*world.model.mandates.values()])
    person = world.dice.choice((one.principal, one.principal, one.agent, None)) if not world.chance(80) else 8
    await world.ask("resident", Revoke(agents_credential(person or 0), one.id, person))


@action(8)
async def acts_for_another(world: World) -> None:
    """An agent orders: as a mandate lets them, mostly; or as kin, or as nobody in particular, or for themselves after all."""
    dice, on = world.dice, day(world.now)
    known = [one for one in world.model.mandates.values() if one.holds(on) or world.chance(200)]
    if known and world.chance(750):
        one = dice.choice(known)
        buyer, agent = one.principal, one.agent
    else:
        buyer = dice.choice(PRINCIPALS)
        agent = dice.choice([one for one in AGENTS if one != buyer]) if not world.chance(100) else buyer
    form = order_form(world, buyer)
    if form.identity is not None:
        form = replace(form, identity=replace(form.identity, person=agent if not world.chance(40) else buyer))
    await enters(world, replace(form, credential=agents_credential(agent), entry=Entry("agent", agent)))


@action(6)
async def enters_at_counter(world: World) -> None:
    """A clerk enters the order of who stands there, now and then their own."""
    clerk = world.dice.choice([*CLERKS])
    form = order_form(world, CLERKS[clerk] if world.chance(50) else None)
    await enters(world, replace(form, credential=clerk, entry=at_counter(clerk)))


def at_counter(clerk: int) -> Entry:
    return Entry("counter", CLERKS[clerk], "一号窗口", "signed-form", DIGEST)


async def enters(world: World, form: Buy) -> None:
    answer = await world.ask("agency", form)
    if answer.outcome == DONE and world.chance(600):
        await to_the_till(world, world.model.orders[number(json.loads(answer.body)["order"])])


@action(8)
async def amends(world: World) -> None:
    """Somebody is added to an order that waits, or taken out of it: by its buyer, or by a clerk whom the buyer asked."""
    waiting = [made for made in world.model.orders.values() if made.state in ("awaiting-payment", "awaiting-review")
               and (made.deadline is None or world.now < made.deadline or world.chance(100))]
    orders = waiting if not world.chance(80) else list(world.model.orders.values())
    if not orders:
        return
    made = world.dice.choice(orders)
    add, remove = change(world, made)
    form = order_form(world, made.buyer)
    consent = structs.replace(form.consent, terms=world.model.terms[made.covers[0].good.id]) if form.consent is not None and not world.chance(40) else form.consent
    clerk = world.dice.choice([*CLERKS]) if world.chance(500) else None
    if clerk is not None:
        await world.ask("agency", Amend(clerk, made.id, add, remove, "本人要求", consent, form.identity, None, at_counter(clerk)))
    else:
        buyer = made.buyer if not world.chance(40) else 8
        await world.ask("resident", Amend(ENTERED, made.id, add, remove, "本人要求", consent, form.identity, buyer))


def change(world: World, made: Made) -> tuple[InsuredWish | None, int | None]:
    """Who is added, or who is taken out; now and then who is there already, or is not."""
    there = [cover.insured for cover in made.covers]
    family = [one for one in (made.buyer, *world.model.people[made.buyer].kin) if one not in there]
    if world.chance(600) and family:
        return InsuredWish(world.dice.choice(family) if not world.chance(100) else there[0]), None
    return None, world.dice.choice(there) if not world.chance(80) else 98
