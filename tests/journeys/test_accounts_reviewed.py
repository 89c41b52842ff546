"""Accounts that the agency's system keeps, in a city whose agency also reviews: nobody is covered, told so or let go before that system
answered."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from importlib import resources
from typing import Final

import msgspec
import pytest

from huibao.app import families
from huibao.core.batcher import Waiting
from huibao.enrolment import own
from huibao.enrolment.model import Command, Release, Review
from huibao.record.model import DONE, Answer, body_digest, key_digest
from huibao.scheme import loading as schemes
from tests.books import Someone, owner, rows, verify
from tests.database import MakeProgramme
from tests.journeys.agency import CHEAP, DEAR, Office, agency_city, at_work, told

PEOPLE: Final = [Someone(1), Someone(2), Someone(3)]
_CLOCK: Final = """
[review_clock]
example = true
escalate_days = 5
void_days = 15
missed_start = "void"
"""


@pytest.fixture
def office(programme: MakeProgramme) -> Iterator[Office]:
    city = agency_city(programme, PEOPLE)
    text = (resources.files("huibao.schemes") / "yunlan.toml").read_text("utf-8")
    city.scheme = schemes.load_text("yunlan.toml", text.replace('by = "none"', 'by = "agency"') + _CLOCK)
    with at_work(city, dict.fromkeys((1, 2, 3), ("8000", "500"))) as made:
        yield made


def waiting(office: Office, buyer: int = 1, product: str = CHEAP) -> int:
    """An order whose money is set aside there, and which waits for its review."""
    order = office.buy(buyer, product=product)
    office.turn()
    if product == DEAR:
        assert office.pay(order).outcome == DONE
    assert office.state(order) == "awaiting-review"
    return order


def approve(order: int) -> Review:
    return Review(71, None, order, "approve")


def reject(order: int) -> Review:
    return Review(71, None, order, "reject", "other")


def review(office: Office, order: int) -> str:
    [(state,)] = rows(office.city, "SELECT state FROM review WHERE order_id = %s", order)
    return str(state)


def together(office: Office, *commands: Command) -> list[str]:
    """How the commands of one batch end."""
    async def batch() -> list[Answer]:
        service, _ = await office._open()
        loop = asyncio.get_running_loop()
        items = [Waiting(key_digest("x", f"{n}-{command}"), body_digest("x", "r", office.city.code, msgspec.json.encode(n)), command, 0,
                         loop.create_future()) for n, command in enumerate(commands)]
        return [answer for answer in await service.lane.run(families.queue(office.city.code, commands[0]), items) if isinstance(answer, Answer)]

    return [answer.outcome for answer in office.run(batch())]


@pytest.mark.clause("LZ-14", "SY-3.6")
def test_who_is_approved_is_covered_and_told_once_the_agency_took_the_money(office: Office) -> None:
    order = waiting(office)
    assert told(office.submit(approve(order))).state == "awaiting-account"
    assert (review(office, order), office.notices(1), office.apart()) == ("approved", [], [])
    office.turn()
    assert (office.state(order), office.apart()) == ("completed", [])
    [notice] = office.notices(1)
    assert "已审核通过，已承保" in notice


@pytest.mark.clause("LZ-14", "SY-3.6")
@pytest.mark.parametrize("product", [CHEAP, DEAR])
def test_an_approved_order_whose_money_is_not_there_any_more(office: Office, product: str) -> None:
    order = waiting(office, product=product)
    for kept in office.platform.holds.values():
        kept.state = "cancelled"
    office.submit(approve(order))
    office.turn()
    assert (office.state(order), review(office, order), office.apart()) == ("void", "approved", [])
    [notice] = office.notices(1)
    assert "经办机构已解除冻结" in notice
    assert rows(office.city, "SELECT fen, state FROM refund") == ([(10_000, "sent")] if product == DEAR else [])


@pytest.mark.clause("LZ-14", "SY-3.6")
def test_who_is_rejected_reads_that_the_money_is_still_to_be_let_go(office: Office) -> None:
    order = waiting(office)
    assert told(office.submit(reject(order))).state == "awaiting-account"
    [notice] = office.notices(1)
    assert "冻结的账户资金将由经办机构释放" in notice
    assert office.apart() == []
    office.turn()
    assert (office.state(order), office.purse(1).personal_fen, office.apart()) == ("void", 800_000, [])


def test_money_that_is_set_aside_anew_after_a_change_is_captured_once(office: Office) -> None:
    order = office.buy(1)
    office.turn_to_freeze()
    office.purse(1).personal_fen -= 100
    office.turn(3)
    assert (office.state(order), len(office.postings(order))) == ("awaiting-review", 2)
    office.submit(approve(order))
    office.turn()
    assert (office.state(order), office.apart()) == ("completed", [])


@pytest.mark.clause("LZ-14")
def test_a_review_that_begins_and_ends_in_one_batch_has_ended(office: Office) -> None:
    order = office.buy(1)
    office.turn_to_freeze()
    [(posting,)] = rows(office.city, "SELECT id FROM account_posting")
    at = office.city.clock.now()
    assert together(office, own.posted(order, posting, True, at).command, Release(1, order, "cancelled", 1)) == [DONE, DONE]
    assert (office.state(order), review(office, order)) == ("awaiting-account", "withdrawn")
    assert rows(office.city, "SELECT ended_at = %s FROM review", at) == [(True,)]
    office.city.clock.advance(timedelta(seconds=1))
    office.turn()
    assert office.apart() == []


@pytest.mark.clause("LZ-14")
def test_what_is_free_for_one_order_says_nothing_of_another(office: Office) -> None:
    """The balance left for the second order is below what the scheme asks; the first has its money set aside."""
    first = waiting(office)
    second = office.buy(1, product=DEAR)
    answered = own.balances(second, 1, 10_000, 0).command
    assert together(office, answered, approve(first)) == [DONE, DONE]
    assert (office.state(second), office.state(first)) == ("void", "awaiting-account")
    office.turn()
    assert (office.state(first), office.apart()) == ("completed", [])


FAULTS: Final = [
    # 已做到       动手脚                                                                                     应当查出
    ("approved", "INSERT INTO notice (at, person_id, order_id, zh, en) SELECT at, 1, order_id, 'x', 'x' FROM account_posting WHERE kind = 'confirm'",
     "reviews and what was told"),
    ("declined", "DELETE FROM notice", "reviews and what was told"),
    ("declined", "DELETE FROM account_posting WHERE kind = 'confirm'", "reviews and their time"),
    ("taken", "UPDATE transfer SET fen = fen - 1", "reviews as decided"),
    ("approved", "UPDATE review SET state = 'open', ended_at = NULL", "reviews and their time"),
]


@pytest.mark.parametrize(("how_far", "fault", "reported"), FAULTS)
def test_a_planted_fault_is_reported(office: Office, how_far: str, fault: str, reported: str) -> None:
    order = waiting(office)
    office.submit(approve(order))
    if how_far == "declined":
        for kept in office.platform.holds.values():
            kept.state = "cancelled"
    if how_far != "approved":
        office.turn()
    assert verify(office.city) == []
    with owner(office.city) as connection:
        connection.execute(fault)
    assert any(reported in found for found in verify(office.city))
