"""Clerks of the agency and of insurers who change what is known of people and visits, and others who answer them."""

from datetime import timedelta
from typing import Final

from huibao.endorsements.model import Actor, Answer, Change, Correct
from tests.simulation.actions import action
from tests.simulation.corrections import VALUES, now
from tests.simulation.days import day
from tests.simulation.world import World

#: By credential: two clerks, one who lives here and is insured here, two of insurers.
CLERKS: Final = (Actor(51), Actor(52), Actor(53, 7))
LEAD, SECOND = Actor(54, insurer="lead"), Actor(55, insurer="second")


@action(2)
async def changes_phone(world: World) -> None:
    """Somebody has another number, or says the one that is known; a clerk cannot read what they wrote."""
    dice = world.dice
    person = dice.choice([*world.model.people]) if not world.chance(60) else 98
    value = f"1380000000{dice.randrange(2)}" if not world.chance(80) else "no number"
    by = dice.choice((Actor(30 + person, person), CLERKS[0], CLERKS[1])) if not world.chance(60) else LEAD
    await world.ask("agency", Change(by, person, "phone", value, "更换手机"))


@action(5)
async def asks_to_correct(world: World) -> None:
    """A clerk learns that somebody was in hardship, or of which grade a hospital was; now and then without a proof, or of what is over."""
    dice, bills = world.dice, list(world.care.bills.values())
    waiting = [one for one in world.corrections.proposals.values() if one.state == "proposed"]
    standing = [bill for bill in bills if bill.state in ("offered", "confirmed")]
    evidence = "档案 1" if not world.chance(50) else ""
    if bills and world.chance(400):
        bill = dice.choice(standing) if standing and not world.chance(100) else dice.choice(bills)
        asked = [one.bill for one in waiting if one.bill is not None]
        bill = dice.choice(asked) if asked and world.chance(400) else bill
        value = dice.choice(VALUES["hospital_grade"]) if not world.chance(90) else "9"
        by = dice.choice((*CLERKS, LEAD)) if not world.chance(60) else SECOND
        id = bill.id if not world.chance(30) else 999_999
        await world.ask("agency", Correct(by, "hospital_grade", value, "更正", evidence, settlement=id))
        return
    insured = sorted({bill.person for bill in standing})
    person = dice.choice(insured) if insured and world.chance(700) else dice.choice([*world.model.people])
    since = day(world.now) - timedelta(days=dice.choice((0, 3, 20, 100, 400, -5)))
    about = [one.person.id for one in waiting if one.bill is None]
    person = dice.choice(about) if about and world.chance(400) else person
    by = dice.choice(CLERKS) if not world.chance(50) else LEAD
    await world.ask("agency", Correct(by, "hardship", dice.choice(VALUES["hardship"]), "更正", evidence, person if not world.chance(30) else 98, since))


@action(7)
async def answers_correction(world: World) -> None:
    """Another clerk approves what was asked for, mostly; or sends it back; now and then who asked, or whom it is about, or once more."""
    proposals = world.corrections.proposals
    waiting = [id for id, one in proposals.items() if one.state == "proposed" or world.chance(60)]
    if not waiting:
        return
    overtaken = [id for id in waiting if proposals[id].state == "proposed" and now(proposals[id]) != proposals[id].before]
    id = world.dice.choice(overtaken if overtaken and world.chance(500) else waiting)
    by = world.dice.choice((*CLERKS, LEAD) if proposals[id].bill is not None else CLERKS) if not world.chance(60) else world.dice.choice((LEAD, SECOND))
    await world.ask("agency", Answer(by, id, not world.chance(150), "已核对"))
