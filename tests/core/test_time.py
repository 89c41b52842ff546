"""Business time is Asia/Shanghai, whatever zone a time arrives in."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huibao.core.time import EPOCH, SHANGHAI, business_date, moment, unix_us, utc_now, whole_years

BEGINNING = datetime(1900, 1, 1)  # noqa: DTZ001 - the platform writes no zone


@pytest.mark.parametrize(("written", "utc"), [
    # as the platform writes it       the same moment in UTC
    ("2025-07-01 00:00:00",           datetime(2025, 6, 30, 16, 0, 0, tzinfo=UTC)),
    ("2025-07-01 07:59:59",           datetime(2025, 6, 30, 23, 59, 59, tzinfo=UTC)),
    ("2025-07-01",                    datetime(2025, 6, 30, 16, 0, 0, tzinfo=UTC)),
    (" 2025-07-01 08:00:00 ",         datetime(2025, 7, 1, 0, 0, 0, tzinfo=UTC)),
    ("2024-02-29 23:59:59",           datetime(2024, 2, 29, 15, 59, 59, tzinfo=UTC)),
    ("2025-12-31T16:00:00+00:00",     datetime(2025, 12, 31, 16, 0, 0, tzinfo=UTC)),
])
def test_a_moment_without_a_zone_is_in_shanghai(written: str, utc: datetime) -> None:
    assert moment(written) == utc
    assert moment(written).tzinfo is SHANGHAI


@pytest.mark.parametrize("written", [
    "", "today", "2025-02-29", "2025-13-01", "2025/07/01", "01.07.2025", "2025-07-01 25:00:00", "七月一日",
])
def test_what_is_no_moment_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r"isoformat|out of range|must be in"):
        moment(written)


@pytest.mark.parametrize(("at", "on"), [
    # moment                                                        business date
    (datetime(2025, 12, 31, 15, 59, 59, tzinfo=UTC),                date(2025, 12, 31)),
    (datetime(2025, 12, 31, 16, 0, 0, tzinfo=UTC),                  date(2026, 1, 1)),      # midnight in Shanghai
    (datetime(2024, 2, 28, 16, 0, 0, tzinfo=UTC),                   date(2024, 2, 29)),
    (datetime(2025, 2, 28, 16, 0, 0, tzinfo=UTC),                   date(2025, 3, 1)),
    (datetime(2026, 1, 1, 0, 0, 0, tzinfo=SHANGHAI),                date(2026, 1, 1)),
    (datetime(2025, 12, 31, 23, 59, 59, 999_999, tzinfo=SHANGHAI),  date(2025, 12, 31)),
    (datetime(2025, 12, 31, 6, 0, 0, tzinfo=timezone(timedelta(hours=-10))), date(2026, 1, 1)),
])
def test_the_business_date_is_shanghais(at: datetime, on: date) -> None:
    assert business_date(at) == on


def test_a_time_without_a_zone_has_no_business_date() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        business_date(datetime(2025, 7, 1))  # noqa: DTZ001 - the offender


@given(st.datetimes(min_value=BEGINNING))
def test_what_the_platform_writes_falls_on_the_date_it_names(at: datetime) -> None:
    written = at.isoformat(" ", "seconds")
    assert business_date(moment(written)) == at.date()
    assert business_date(moment(written).astimezone(UTC)) == at.date()


@pytest.mark.parametrize(("start", "end", "years"), [
    # born, or begun        on                  completed years
    (date(2000, 7, 1),      date(2025, 6, 30),  24),
    (date(2000, 7, 1),      date(2025, 7, 1),   25),
    (date(2000, 7, 1),      date(2000, 7, 1),   0),
    (date(2000, 12, 31),    date(2001, 1, 1),   0),
    (date(2004, 2, 29),     date(2025, 2, 28),  20),
    (date(2004, 2, 29),     date(2025, 3, 1),   21),
    (date(2004, 2, 29),     date(2024, 2, 28),  19),
    (date(2004, 2, 29),     date(2024, 2, 29),  20),
    (date(2003, 3, 1),      date(2024, 2, 29),  20),
    (date(2025, 7, 1),      date(2025, 6, 30),  -1),    # not yet begun
])
def test_years_are_counted_when_they_are_complete(start: date, end: date, years: int) -> None:
    assert whole_years(start, end) == years


@given(st.dates(date(1900, 1, 1), date(2100, 12, 31)), st.integers(0, 80_000))
def test_years_never_run_backwards_and_turn_on_the_anniversary(start: date, days: int) -> None:
    end = start + timedelta(days)
    turned = whole_years(start, end + timedelta(1)) - whole_years(start, end)
    tomorrow = end + timedelta(1)
    anniversary = (tomorrow.month, tomorrow.day) == (start.month, start.day)
    moved = (start.month, start.day) == (2, 29) and (tomorrow.month, tomorrow.day) == (3, 1) and end.day == 28
    assert turned == int(anniversary or moved)


def test_the_machines_time_is_in_utc() -> None:
    assert utc_now().tzinfo is UTC


@pytest.mark.parametrize(("at", "us"), [
    # moment                                                            microseconds since 1970
    (datetime(1970, 1, 1, tzinfo=UTC),                                  0),
    (datetime(1970, 1, 1, 8, tzinfo=SHANGHAI),                          0),
    (datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),           -1),
    (datetime(2025, 12, 31, 16, 0, 0, 1, tzinfo=UTC),                   1_767_196_800_000_001),
    (datetime(2026, 1, 1, 0, 0, 0, 1, tzinfo=SHANGHAI),                 1_767_196_800_000_001),
    (datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),           253_402_300_799_999_999),   # a binary float rounds it up
])
def test_an_instant_is_counted_in_microseconds(at: datetime, us: int) -> None:
    assert unix_us(at) == us


@given(st.datetimes(timezones=st.just(UTC)))
def test_microseconds_read_back(at: datetime) -> None:
    assert EPOCH + timedelta(microseconds=unix_us(at)) == at


def test_a_time_without_a_zone_is_no_instant() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        unix_us(datetime(2025, 7, 1))  # noqa: DTZ001 - the offender
