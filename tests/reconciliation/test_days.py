"""A hospital's day on the database: differences are cases, each open once, and closed when they are none any more."""

import asyncio
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any, Final

import msgspec
import pytest

from huibao.core.batcher import Waiting
from huibao.reconciliation.model import Detail, Reconcile, ReconciledTold
from huibao.reconciliation.work import Reconciliations, State
from huibao.record.lane import Lane
from huibao.record.model import DONE, Answer, body_digest, key_digest
from tests.books import City, rows, small_city, verify
from tests.database import MakeProgramme
from tests.record.clerk import lonely, service
from tests.settlement import rounds
from tests.settlement.ward import BILLED, Ward, bill

FIRST = 980_000
DAY: Final = BILLED.date()
LISTED: Final = (Detail("S1", FIRST), Detail("X", 7))

_KEYS: Final = count(1)


@pytest.fixture
def ward(programme: MakeProgramme) -> Iterator[Ward]:
    with Ward(small_city(programme, "liuzhou", lonely(3))) as found:
        rounds.insure(found.city, (1,), (2,), (3,))
        found.confirm(*found.settle(bill(1, "S1", city=found.city, in_scope="20000")))
        yield found


def day(*details: Detail, hospital: str = "H1") -> Reconcile:
    return Reconcile(7, hospital, DAY, len(details), sum(one.fen for one in details), details)


def at_once(city: City, batches: Sequence[Sequence[Reconcile]]) -> list[list[ReconciledTold]]:
    """Each batch at a lane of its own, all at the same moment; their answers."""
    async def one(commands: Sequence[Reconcile]) -> list[ReconciledTold]:
        lane: Lane[Reconcile, State] = Lane(service(city), city.clock, {city.code: (city.schema, Reconciliations(city.running))})
        loop = asyncio.get_running_loop()
        waiting = [Waiting[Reconcile, Answer](key_digest("day", f"{next(_KEYS)}"), body_digest("day", "route", city.code, repr(command).encode()),
                                              command, 0, loop.create_future()) for command in commands]
        answers = await lane.run(city.code, waiting)
        await lane.close()
        return [_told(answer) for answer in answers]

    async def story() -> list[list[ReconciledTold]]:
        return list(await asyncio.gather(*(one(batch) for batch in batches)))

    return asyncio.run(story())


def _told(answer: Answer | Exception) -> ReconciledTold:
    assert isinstance(answer, Answer), answer
    assert answer.outcome == DONE, answer.body.decode()
    return msgspec.json.decode(answer.body, type=ReconciledTold)


def run(city: City, *commands: Reconcile) -> list[ReconciledTold]:
    """One batch."""
    [answers] = at_once(city, [commands])
    return answers


def cases(city: City) -> list[tuple[Any, ...]]:
    """What is open of comparisons."""
    return rows(city, "SELECT cause, setl_id, fen FROM open_case WHERE closed_at IS NULL AND kind = 'reconciliation' ORDER BY id")


@pytest.mark.clause("SY-3.6")
def test_a_difference_is_one_case_until_it_is_none(ward: Ward) -> None:
    [first] = run(ward.city, day(*LISTED))
    assert (first.result, [one.cause for one in first.differences]) == ("differs", ["missing.here"])
    assert cases(ward.city) == [("missing.here", "X", 7)]
    run(ward.city, day(*LISTED))
    assert cases(ward.city) == [("missing.here", "X", 7)]
    run(ward.city, Reconcile(7, "H1", DAY, 1, FIRST))
    assert cases(ward.city) == [("missing.here", "X", 7)], "totals alone say nothing of one settlement"
    [last] = run(ward.city, day(LISTED[0]))
    assert (last.result, last.differences, cases(ward.city)) == ("equal", (), [])
    assert verify(ward.city) == []


def test_two_comparisons_in_one_batch_open_one_case(ward: Ward) -> None:
    """A batch decides one command after the other."""
    run(ward.city, day(*LISTED), day(*LISTED))
    assert cases(ward.city) == [("missing.here", "X", 7)]


def test_a_comparison_that_agrees_closes_what_one_before_it_in_its_batch_opened(ward: Ward) -> None:
    [_, last] = run(ward.city, day(*LISTED), day(LISTED[0]))
    assert (last.result, cases(ward.city)) == ("equal", [])


def test_two_comparisons_at_once_open_one_case(ward: Ward) -> None:
    at_once(ward.city, [[day(*LISTED)]] * 4)
    assert cases(ward.city) == [("missing.here", "X", 7)]
    assert rows(ward.city, "SELECT result, count(*) FROM reconciliation GROUP BY 1") == [("differs", 4)]


def test_an_offer_is_answered_by_the_details(ward: Ward) -> None:
    """Deducted, it is confirmed; not deducted, the insured is paid; reversed there, nobody is: basic insurance took it back."""
    offered = ward.settle(*(bill(n, f"S{n}", city=ward.city, in_scope="20000") for n in (2, 3)))
    [told] = run(ward.city, day(LISTED[0], Detail("S2", FIRST), Detail("S3", 0, "not-deducted")))
    assert [(one.settlement, one.fen, one.stands) for one in told.answered] == [
        (offered[0].settlement, FIRST, True), (offered[1].settlement, 0, True)]
    assert told.waiting == 2
    [told] = run(ward.city, day(LISTED[0], Detail("S2", FIRST), Detail("S3", FIRST, "reversed")))
    assert [(one.settlement, one.fen, one.stands) for one in told.answered] == [
        (offered[0].settlement, FIRST, True), (offered[1].settlement, 0, False)]


def test_the_case_of_another_hospitals_settlement_tells_nothing_of_its_amount(ward: Ward) -> None:
    [told] = run(ward.city, day(Detail("S1", 7), hospital="H2"))
    [difference] = told.differences
    assert (difference.cause, difference.settlement, difference.our_state, difference.our_fen) == ("other.hospital", "", "", 0)
    assert cases(ward.city) == [("other.hospital", "S1", 7)]
