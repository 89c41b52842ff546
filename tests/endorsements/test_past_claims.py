"""What the years before paid, when the record of it changes after the next year was bought: counted again upwards, never taken back."""

from datetime import UTC, date, datetime
from typing import Final

import pytest

from huibao.endorsements.model import Correct
from huibao.verify.checks import Subject
from huibao.verify.columns import verify_columns
from tests.books import KEYRING, City, owner, refusal, rows, verify
from tests.database import MakeProgramme
from tests.endorsements.office import CLERK, Office
from tests.renewal.years import SECOND, two_years
from tests.settlement.ward import Ward, bill, reversal

DECEMBER: Final = datetime(2026, 12, 15, 2, tzinfo=UTC)
JANUARY: Final = datetime(2027, 1, 20, 2, tzinfo=UTC)
#: The next year: out of scope beyond 15000 at 50%; beyond 12000 after a year without a payout.
CHANGES: Final = (('is = "paid_last_year = 0 and years_enrolled >= 2"', 'is = "healthy_years >= 1"'),)


@pytest.fixture
def city(programme: MakeProgramme) -> City:
    return two_years(programme, *CHANGES, scheme="liuzhou")


def counted(city: City, person: int) -> list[tuple[object, ...]]:
    """What the next year's policy froze, and what was corrected of it since."""
    return rows(city, "SELECT (facts ->> 'healthy_years')::int, (facts ->> 'paid_last_year')::int,"
                      " ARRAY(SELECT concat(c ->> 'fact', ' ', c ->> 'value') FROM jsonb_array_elements(facts -> 'corrected') AS c)"
                      " FROM policy WHERE product = %s AND insured_id = %s", SECOND, person)


def again(office: Office, person: int) -> str:
    [answer] = office.run(Correct(CLERK, "past_claims", "record", "更正", "档案 1", person, date(2027, 1, 1)), at=JANUARY)
    return refusal(answer).code


def columns(city: City) -> list[str]:
    with owner(city) as connection:
        return [one for found in verify_columns(Subject(connection, city.code, city.scheme, JANUARY), KEYRING) for one in found.offenders]


def test_a_payout_that_was_reversed_does_not_count(city: City) -> None:
    """投保第二年之后才冲销的赔付：按现有记录重新计算，免赔额降低，补差额。"""
    with Ward(city) as ward, Office(city) as office:
        ward.buys(1)
        ward.confirm(*ward.settle(bill(1, "A", city=city, in_scope="20000")))
        ward.buys(1, at=DECEMBER, product=SECOND)
        assert counted(city, 1) == [(0, 9800, [])]
        [told] = ward.settle(bill(1, "B", city=city, self_paid="50000", at=JANUARY), at=JANUARY)
        assert told.pay_fen == 1750000, "(50000 − 15000) × 50%"
        ward.confirm(told, at=JANUARY)
        assert again(office, 1) == "endorsement.no_change"
        ward.run(reversal("R", "A"), at=JANUARY)
        assert office.corrects(1, "past_claims", "record", date(2027, 1, 1), at=JANUARY).more_due_fen == 150000, "(50000 − 12000) × 50%"
        assert counted(city, 1) == [(0, 9800, ["claim_free_years 1", "healthy_years 1", "paid_last_year 0"])]
        assert again(office, 1) == "endorsement.no_change"
        assert verify(city, JANUARY) == []
        assert columns(city) == []


def test_a_late_payout_takes_nothing_back(city: City) -> None:
    """投保第二年之后才来的上年结算：已经告知的健康年数不变，办不了更正。"""
    with Ward(city) as ward, Office(city) as office:
        ward.buys(1)
        ward.buys(1, at=DECEMBER, product=SECOND)
        late = bill(1, "A", city=city, in_scope="20000", at=JANUARY, begin=date(2026, 12, 20), end=date(2026, 12, 28))
        ward.confirm(*ward.settle(late, at=JANUARY), at=JANUARY)
        [told] = ward.settle(bill(1, "B", city=city, self_paid="50000", at=JANUARY), at=JANUARY)
        assert told.pay_fen == 1900000, "(50000 − 12000) × 50%"
        assert counted(city, 1) == [(1, 0, [])]
        assert again(office, 1) == "endorsement.no_change"
        assert verify(city, JANUARY) == []
