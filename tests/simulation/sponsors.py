"""Sponsors: they are registered, pay in, send files of people; a second clerk confirms, somebody stops a run, and runners do it part by part."""

from collections.abc import AsyncIterator
from typing import Final

from huibao.sponsored.model import Confirm, Fund, Receive, Register, Steer, Step
from huibao.sponsored.resolving import Resolver
from huibao.sponsored.uploading import take
from tests.app.street import SECRETS
from tests.settlement.ward import psn_no
from tests.simulation.actions import action
from tests.simulation.days import day
from tests.simulation.goods import GOODS
from tests.simulation.nature import DUTY_POINTS
from tests.simulation.rosters import Entry
from tests.simulation.world import World

#: Who sends files, and who confirms them.
CLERK, SECOND = 41, 42
NAMES: Final = ("某市民政局（示例）", "某慈善总会（示例）")
HEADER: Final = "姓名,人员编号,人员类别"
#: What a file may say of somebody's hardship, and what that claims.
CLAIMS: Final = (("", None), ("无", None), ("低保", "subsistence-allowance"), ("特困", "destitute"))
#: What is wrong with a line now and then: what it says, for whom the file means; what it is refused for.
SLIPS: Final = (
    ("{name},99990000,", "roster.person_unknown"), ("另有其人,{number},", "roster.name_differs"), ("{name},,", "roster.number_missing"),
    (",{number},", "roster.name_missing"), ("{name},{number},贵宾", "roster.category_unknown"), ("{name},{number}", "roster.line_uneven"))


@action(3)
async def pays_ahead_for_people(world: World) -> None:
    """A sponsor is registered, or once more; money comes from one, now and then under the reference of money that came before."""
    name, payers = world.dice.choice(NAMES), world.model.payers
    if name not in payers or world.chance(60):
        await world.ask("agency", Register(CLERK, name, "charity", world.dice.choice((0, 0, 50_000))))
    world.numbers += 1
    before = sorted(payers[name].references)
    reference = world.dice.choice(before) if before and world.chance(200) else f"F{world.numbers}"
    sponsor = payers[name].id if not world.chance(60) else 99_999
    await world.ask("agency", Fund(CLERK, sponsor, world.dice.choice((20_000, 400_000, 1_600_000)), reference))


@action(4)
async def sends_file(world: World) -> None:
    """A file of people, some of its lines wrong, now and then one that was sent before."""
    payers = world.model.payers
    if not payers:
        return
    if world.rosters.files and world.chance(150):
        text, entries = world.sheets[world.dice.choice([*world.rosters.files])]
    else:
        text, entries = sheet(world)
    taken = await take(_pieces(text), world.process.writing, Resolver(SECRETS.index_key, world.city.code, None), world.now)
    world.sheets[taken.digest] = (text, entries)
    world.rosters.files[taken.digest] = entries
    on_sale = [good.id for good in GOODS.values() if good.sold[0] <= day(world.now) <= good.sold[1]]
    product = world.dice.choice(on_sale if on_sale and not world.chance(80) else (*GOODS, "no-such-product"))
    sponsor = payers[world.dice.choice([*payers])].id if not world.chance(40) else 99_999
    await world.ask("agency", Receive(CLERK, sponsor, product, taken.roster, taken.digest, taken.lines, taken.last_line))


def sheet(world: World) -> tuple[bytes, dict[int, Entry]]:
    """A file, and what each of its lines is."""
    dice, entries, said = world.dice, dict[int, Entry](), [HEADER]
    for line in range(2, 2 + dice.randrange(2, 9)):
        person = dice.choice([*world.model.people])
        name, number = f"某人{person}", psn_no(world.city, person)
        if world.chance(120):
            form, code = dice.choice(SLIPS)
            said.append(form.format(name=name, number=number))
            entries[line] = Entry(None, None, code)
            continue
        word, category = dice.choice(CLAIMS) if world.chance(250) else CLAIMS[0]
        said.append(f"{name},{number},{word}")
        entries[line] = Entry(person, category)
    return "\n".join(said).encode(), entries


async def _pieces(text: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(text), 50):
        yield text[start:start + 50]


@action(7)
async def confirms_file(world: World) -> None:
    """A second clerk confirms what was checked, mostly; now and then who sent it, or another file's digest, or once more."""
    rosters = world.rosters.rosters
    waiting = [one for one in rosters.values() if one.state == "checked"] if not world.chance(80) else [*rosters.values()]
    if not waiting:
        return
    found = world.dice.choice(waiting)
    credential = SECOND if not world.chance(60) else CLERK
    digest = found.digest if not world.chance(60) else bytes(32)
    await world.ask("agency", Confirm(credential, found.id if not world.chance(30) else 99_999, digest))


@action(4)
async def steers_file(world: World) -> None:
    """Somebody stops a run, lets it go on, or gives it up."""
    rosters = world.rosters.rosters
    under_way = [one for one in rosters.values() if one.state in ("running", "paused")] if not world.chance(150) else [*rosters.values()]
    if not under_way:
        return
    found = world.dice.choice(under_way)
    steps: tuple[Step, ...] = ("resume", "resume", "resume", "cancel") if found.state == "paused" else ("pause", "pause", "pause", "cancel")
    await world.ask("agency", Steer(SECOND, found.id if not world.chance(120) else 99_999, world.dice.choice(steps)))


@action(10)
async def runs_files(world: World) -> None:
    """A runner checks or runs some parts; now and then the process dies over one."""
    for _ in range(world.dice.choice((1, 2, 3))):
        if world.chance(150):
            world.reaper.wait(world.dice.choice(DUTY_POINTS))
        if not await world.part_of_roster():
            return
