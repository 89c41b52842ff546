"""The agency and the insurers: registers that change, money that comes in, the feed; statements, money ahead, co-insurers' parts."""

from datetime import date
from typing import Any, Final

from huibao.enrolment.model import Reason, Review, Verdict
from huibao.gateways.simulators.faults import Fault
from huibao.payables.model import Call, Prepay, Propose, Reissue
from tests.books import owner
from tests.simulation.actions import action
from tests.simulation.counters import CLERKS
from tests.simulation.days import day
from tests.simulation.hospitals import covered, message
from tests.simulation.model import ENTERED
from tests.simulation.world import World

MONEYED: Final = (1, 5, 6, 9)
PRODUCTS: Final = ("stay-2026", "stay-2026", "visits-2026", "stay-2027")


@action(3)
async def changes_status(world: World) -> None:
    """Basic insurance of somebody is suspended, or goes on."""
    person = world.model.people[world.dice.choice(list(world.model.people))]
    person.status = "2" if person.status == "1" and world.chance(400) else "1"
    execute(world, "UPDATE enrolment SET known_to = %(at)s WHERE person_id = %(person)s AND known_to IS NULL",
            person=person.id)
    execute(world, "INSERT INTO enrolment VALUES (%(person)s, %(kind)s, %(status)s, %(area)s, '2000-01-01', NULL, %(at)s)"
                   " ON CONFLICT (person_id, insurance, valid_from, known_from) DO UPDATE SET status = excluded.status, known_to = NULL",
            person=person.id, kind=person.insurance, status=person.status, area=world.city.running.area)


@action(2)
async def freezes(world: World) -> None:
    """The agency freezes somebody's accounts, or opens them again."""
    person = world.model.people[world.dice.choice(MONEYED)]
    person.state = "frozen" if person.state == "open" and world.chance(400) else "open"
    execute(world, "UPDATE account SET state = %(state)s WHERE owner_id = %(person)s", state=person.state, person=person.id)


@action(3)
async def pays_in(world: World) -> None:
    """A month's contribution comes into somebody's account."""
    person, fen = world.model.people[world.dice.choice(MONEYED)], world.dice.choice((10_001, 33_333, 250_000))
    person.money["personal"] += fen
    execute(world, "WITH moved AS (INSERT INTO transfer (at, kind, debit_id, credit_id, fen, person_id)"
                   " SELECT %(at)s, 'funding', f.id, a.id, %(fen)s, a.owner_id FROM account f, account a"
                   " WHERE f.kind = 'fund' AND a.owner_id = %(person)s AND a.kind = 'personal' RETURNING debit_id, credit_id)"
                   " UPDATE account SET debit_fen = debit_fen + CASE WHEN id = debit_id THEN %(fen)s ELSE 0 END,"
                   " credit_fen = credit_fen + CASE WHEN id = credit_id THEN %(fen)s ELSE 0 END FROM moved WHERE id IN (debit_id, credit_id)",
            fen=fen, person=person.id)


@action(1)
async def buries(world: World) -> None:
    """Somebody has died: an old one, once in a while."""
    person = world.model.people[world.dice.choice((2, 3, 6))]
    if person.died is None and world.chance(300):
        person.died = day(world.now)
        execute(world, "UPDATE person SET died = %(on)s WHERE id = %(person)s", on=person.died, person=person.id)


@action(9)
async def reviews(world: World) -> None:
    """A clerk decides an application: approves it mostly; now and then their own, one of their family, one that is decided, twice."""
    waiting = [made for made in world.model.orders.values() if made.state == "awaiting-review"]
    orders = waiting if not world.chance(100) else list(world.model.orders.values())
    if not orders:
        return
    made = world.dice.choice(orders)
    credential = world.dice.choice((21, 21, 22, 22, 23, 24)) if not world.chance(60) else ENTERED
    if made.review is not None and made.review.votes and world.chance(400):
        credential = made.review.votes[0][0]
    reviewer = made.buyer if world.chance(40) else CLERKS.get(credential)
    verdict: Verdict = "approve" if world.chance(800) else "reject"
    reason: Reason | None = "documents-differ" if verdict == "reject" and not world.chance(150) else None
    await world.ask("agency", Review(credential, reviewer, made.id, verdict, reason))


@action(4)
async def feeds(world: World) -> None:
    """The agency tells of a settlement in a hospital without a desk: the person is paid, if they agreed."""
    if covered(world, day(world.now)) or world.chance(100):
        await world.ask("agency", message(world, "feed"))


def execute(world: World, statement: str, **given: Any) -> None:
    """What the agency's own systems write into the register."""
    world.say(f"register: {given}")
    with owner(world.city) as connection:
        connection.execute(statement, {"at": world.now, **given})


@action(4)
async def proposes(world: World) -> None:
    """The lead lists what it owes a hospital."""
    care = world.care
    due = [whose for whose, fen in care.incurred.items() if fen > care.listed.get(whose, 0)]
    some = (world.dice.choice(("H1", "H2", "H3", "H77")), world.dice.choice(PRODUCTS))
    hospital, product = world.dice.choice(due) if due and not world.chance(200) else some
    await world.ask("insurer", Propose(7, "lead", hospital, product, upto(world)))


def upto(world: World) -> date:
    return day(world.now)


@action(1)
async def pays_ahead(world: World) -> None:
    await world.ask("insurer", Prepay(7, "lead", world.dice.choice(("H1", "H2")), world.dice.choice(PRODUCTS), world.dice.randrange(1, 500_000)))


@action(2)
async def calls_in(world: World) -> None:
    """Co-insurers are asked for their parts; one that does not lead may not ask."""
    await world.ask("insurer", Call(7, "lead" if not world.chance(100) else "second", world.dice.choice(PRODUCTS)))


@action(2)
async def tries_again(world: World) -> None:
    """A payout that came back is to be paid again; now and then one that did not."""
    returned = [id for (id,) in world.rows("SELECT id FROM payout WHERE state = 'returned' ORDER BY id")]
    await world.ask("insurer", Reissue(7, "lead", world.dice.choice(returned) if returned else world.dice.randrange(1, 20)))


@action(2)
async def bank_slips(world: World) -> None:
    """The bank keeps something waiting, or sends it back: the receiving account is no more."""
    world.outside.bank.faults.plan(world.dice.choice((Fault("hold"), Fault("return"))))


@action(1)
async def hospital_slips(world: World) -> None:
    """A hospital's system says one fen too much when it is asked."""
    hospital = world.dice.choice(sorted(world.outside.hospitals))
    world.outside.hospitals[hospital].faults.plan(Fault("wrong-amount"))
