"""Refunds that reached an account in our books, and that the system which keeps it does not take: the money goes elsewhere, whole."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

import pytest

from tests.books import Someone, another, owner, put_on_sale, rows, verify
from tests.database import MakeProgramme
from tests.journeys.agency import Office, agency_city, at_work, give_back
from tests.refunds.counter import SUMMER, Counter, code


@pytest.fixture
def office(programme: MakeProgramme) -> Iterator[Office]:
    with at_work(agency_city(programme, [Someone(1)]), {1: ("8000", "500")}) as made:
        yield made


#: Terms that give back what is left after the start.
SURRENDERS: Final = '[surrender]\nexample = true\nafter = "days"\n\n[premium]'


def declined(office: Office, order: int) -> None:
    """The platform says that the account is closed."""
    office.purse(1).state = "closed"
    office.turn()
    assert office.postings(order)[-1] == ("credit", 1, "no", "account.closed")


def paid_elsewhere(counter: Counter, refund: int) -> None:
    """Confirmed, accepted and paid; the books of both sides and of the money agree."""
    assert (code(counter.confirms(refund)), code(counter.accepts(refund, 1)), counter.pays(refund, at=SUMMER)) == ("done", "done", "done")
    assert [state for _, _, state in counter.refunds()] == ["done"]
    assert counter.cases() == [("refund.credit_declined", False)]
    assert verify(counter.city, SUMMER) == []


@pytest.mark.clause("LZ-15b", "LZ-15a", "SY-3.6")
def test_a_refund_that_its_account_does_not_take_is_paid_elsewhere(office: Office) -> None:
    """It was done, and is not any more: the person is told, somebody looks, the money goes on to the insurer, who pays it."""
    counter = Counter(office.city)
    order = office.buy(1)
    office.turn()
    refund = give_back(office, order)
    assert counter.refunds() == [("personal", 20_000, "done")]
    office.purse(1).state = "closed"
    assert office.dies("accounts.after_post")
    declined(office, order)
    assert (counter.refunds(), counter.cases()) == ([("personal", 20_000, "waiting")], [("refund.credit_declined", True)])
    assert "未能计入您的个人账户，尚未退回" in counter.told(1)[-1]
    assert (counter.balance("clearing"), counter.balance("personal", 1)) == (20_000, -20_000)
    office.turn(2)
    assert len(office.platform.credits) == 1, "the answer is final"
    assert (counter.resolves(office.city.clock.now()), office.apart()) == ([], [])
    office.city.clock.advance(timedelta(hours=22))
    office.turn()
    assert rows(office.city, "SELECT cause FROM open_case WHERE kind = 'accounts'") == [], "both sides say that it was declined"

    counter.remits((order, 1), office.city.clock.now())
    assert counter.resolves(office.city.clock.now()) == ["done"]
    assert "经办机构确认后，请登记银行账户" in counter.told(1)[-1]
    assert code(counter.repays(refund)) == "repayment.refund_not_owed", "the account would decline it again"
    paid_elsewhere(counter, refund)


@pytest.mark.clause("LZ-15b", "LZ-15a")
def test_what_the_insurer_had_paid_back_and_no_account_takes_is_owed_again(office: Office) -> None:
    counter = Counter(office.city)
    order = office.buy(1)
    office.turn()
    counter.remits((order, 1))
    refund = give_back(office, order)
    assert counter.refunds() == [("personal", 20_000, "owed")]
    counter.receives(counter.repays(refund, at=office.city.clock.now()), at=office.city.clock.now())
    assert counter.refunds() == [("personal", 20_000, "done")]
    declined(office, order)
    assert (counter.refunds(), counter.balance("income"), counter.balance("clearing")) == ([("personal", 20_000, "owed")], 20_000, 0)
    assert code(counter.repays(refund, reference="B-2")) == "repayment.refund_not_owed"
    assert counter.resolves(office.city.clock.now()) == []
    assert verify(office.city) == []
    paid_elsewhere(counter, refund)


@pytest.mark.clause("LZ-15b", "LZ-14")
def test_what_is_declined_after_the_rest_was_remitted_goes_on_by_itself(office: Office) -> None:
    """A part was reversed, the platform is silent for days, and a batch takes the rest meanwhile."""
    counter = Counter(office.city)
    with owner(office.city) as connection:
        put_on_sale(office.city, connection, another(office.city.plan, "by-day", ("[premium]", SURRENDERS)))
    order = office.buy(1, product="by-day")
    office.turn()
    office.city.clock.set(SUMMER)
    fen = counter.quote((order, 1), SUMMER).fen
    assert 0 < fen < 20_000
    refund = give_back(office, order, fen)
    office.network.lost = "/credits"
    office.turn()
    counter.remits((order, 1), SUMMER + timedelta(days=1))
    assert (counter.balance("clearing"), counter.balance("income")) == (0, 20_000 - fen)
    office.network.lost = ""
    declined(office, order)
    assert (counter.balance("clearing"), counter.refunds()) == (fen, [("personal", fen, "waiting")])
    assert counter.resolves(office.city.clock.now()) == []
    later = SUMMER + timedelta(days=7)
    counter.remits((order, 1), later)
    assert counter.resolves(later + timedelta(hours=2)) == ["done"]
    assert (counter.balance("clearing"), counter.balance("income"), counter.refunds()) == (0, 20_000, [("personal", fen, "owed")])
    at = later + timedelta(days=1)
    assert [code(counter.confirms(refund, at=at)), code(counter.accepts(refund, 1, at=at)), counter.pays(refund, at=at)] == ["done"] * 3
    assert counter.balance("income") == 20_000 - fen
    assert verify(office.city, at) == []
