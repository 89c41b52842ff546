"""What happens by itself: time, the caretaker's duties with the deaths over them, and an auditor who asks again."""

from datetime import UTC, datetime, time, timedelta
from typing import Final

from huibao.core.points import POINTS
from tests.simulation.actions import action
from tests.simulation.days import HERE, day
from tests.simulation.world import World, same_again

DUTIES: Final = ("payments", "settlements", "insurers", "reviews", "renewals", "refunds", "remittances")
#: Where a process may die over its duties: at its outside calls, and over the commands that come of them.
DUTY_POINTS: Final = tuple(point for point in POINTS if point not in ("cash.before_open", "cash.after_open"))


def time_passes(world: World) -> None:
    """Between two steps: seconds mostly, sometimes the night, sometimes the quiet days before a holiday is over."""
    thrown = world.dice.randrange(1000)
    if thrown < 700:
        by = timedelta(seconds=world.dice.randrange(1, 600))
    elif thrown < 930:
        by = timedelta(minutes=world.dice.randrange(10, 400))
    elif thrown < 990:
        by = morning(world) - world.now
    else:
        by = timedelta(days=world.dice.randrange(2, 12))
    world.clock.advance(by)


def morning(world: World) -> datetime:
    """Nine o'clock of the next day."""
    return datetime.combine(day(world.now) + timedelta(days=1), time(9), HERE).astimezone(UTC)


@action(18)
async def duties(world: World) -> None:
    """One turn of a duty; now and then the process dies over it."""
    if world.chance(150):
        world.reaper.wait(world.dice.choice(DUTY_POINTS), world.dice.choice((1, 1, 2, 3)))
    await world.duty(world.dice.choice(DUTIES))


@action(2)
async def storms(world: World) -> None:
    """The lines are down for a while."""
    world.wires.storm = world.dice.randrange(2, 20)


@action(1)
async def new_year(world: World) -> None:
    """Ten minutes before midnight of New Year's Eve, once the year is near its end."""
    eve = datetime(day(world.now).year, 12, 31, 23, 50, tzinfo=HERE)
    if timedelta() < eve - world.now < timedelta(days=60):
        world.clock.set(eve)


@action(4)
async def audits(world: World) -> None:
    """Somebody asks again, under the old key, what was answered long ago."""
    if world.asked:
        asked = world.dice.choice(world.asked)
        again = await world.again(asked)
        same_again(asked, again)
