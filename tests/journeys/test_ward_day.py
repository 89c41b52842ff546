"""A hospital's day against the running service: everything that goes wrong at a desk, and in the evening the two agree."""

import httpx
import pytest

from huibao.gateways.simulators.ward import Patient, Ward
from huibao.verify.run import verify_all
from tests.app.clinic import clinic_street
from tests.app.street import Street
from tests.books import KEYRING
from tests.settlement.ward import BILLED, psn_no

STAYS = 18


async def days(street: Street, *seeds: int) -> list[Ward]:
    """Days of one ward over HTTP, one after the other, under the credential of its hospital."""
    found = []
    async with street.serving() as engine:
        token = await street.token(engine, "provider", provider="H1")
        async with httpx.AsyncClient(transport=street.platform) as client:
            for seed in seeds:
                patients = [Patient(psn_no(street.city, person)) for person in range(1, 7)]
                found.append(Ward(client, f"http://platform/v1/{street.city.code}", token, "H1", patients, seed, BILLED))
                await found[-1].run(STAYS)
    return found


@pytest.mark.clause("LZ-10")
@pytest.mark.clause("SY-3.6")
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_in_the_evening_both_sides_agree_and_columns_pay_the_same(pg_url: str, seed: int) -> None:
    with clinic_street(pg_url, 6) as street:
        seen: list[Ward] = []

        async def story(street: Street) -> None:
            seen.extend(await days(street, seed))

        street.live(story)
        told = seen[0].day
        # Two rounds of the nine stories: 14 bills in each that stand or stood, two of them sent again, one broken first, one after its reversal.
        assert (told.compared["result"], told.compared["differences"]) == ("equal", [])
        assert (told.settled, told.repeated, told.refused, told.reversed) == (28, 4, 4, 4), told.told
        assert told.deducted_fen == told.compared["our_fen"] == sum(fen for state, fen in seen[0].books.values() if state == "deducted")
        [found] = verify_all(street.city.url, BILLED, street.city.code, KEYRING)
        assert [(finding.name, finding.offenders) for finding in found.findings if finding.offenders] == []
        assert {finding.letter for finding in found.findings} >= {"g", "i", "k"}


def test_the_same_seed_is_the_same_day_again(pg_url: str) -> None:
    """Sent again whole, every answer is the one that was given: nothing happens twice."""
    with clinic_street(pg_url, 6) as street:
        seen: list[Ward] = []

        async def story(street: Street) -> None:
            seen.extend(await days(street, 5, 5))

        street.live(story)
        assert seen[1].books == seen[0].books
        assert (seen[1].day.settled, seen[1].day.repeated) == (0, seen[0].day.settled + seen[0].day.repeated)
        [(settlements,)] = street.rows("SELECT count(*) FROM settlement")
        assert settlements == seen[0].day.settled
