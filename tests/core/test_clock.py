"""Clocks: the machine's goes by itself, a simulated one when it is told to, and one in a file is everybody's."""

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from huibao.core.clock import Clock, FileClock, SimulatedClock, SystemClock
from huibao.core.time import SHANGHAI, business_date

START = datetime(2025, 12, 31, 15, 59, 59, tzinfo=UTC)
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)

Make = Callable[[datetime], SimulatedClock]


@pytest.fixture(params=["simulated", "file"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Both kinds of simulated clock: they behave alike."""
    return SimulatedClock if request.param == "simulated" else lambda start: FileClock(tmp_path / "clock", start)


def test_the_machines_clock_goes_in_utc() -> None:
    clock: Clock = SystemClock()
    before = clock.now()
    assert before.tzinfo is UTC
    assert before <= clock.now() <= datetime.now(UTC)


def test_a_simulated_clock_stands_still(make: Make) -> None:
    clock: Clock = make(START)
    assert [clock.now(), clock.now()] == [START, START]
    assert clock.now().tzinfo is UTC


@pytest.mark.parametrize(("start", "by", "end", "on"), [
    # in UTC                passes      in UTC                  date in Shanghai
    ("2025-12-31 15:59:58", SECOND,     "2025-12-31 15:59:59",  date(2025, 12, 31)),
    ("2025-12-31 15:59:59", 0 * DAY,    "2025-12-31 15:59:59",  date(2025, 12, 31)),
    ("2025-12-31 15:59:59", SECOND,     "2025-12-31 16:00:00",  date(2026, 1, 1)),      # midnight in Shanghai
    ("2025-12-31 16:00:00", SECOND,     "2025-12-31 16:00:01",  date(2026, 1, 1)),
    ("2025-12-31 23:59:59", SECOND,     "2026-01-01 00:00:00",  date(2026, 1, 1)),
    ("2024-02-28 15:59:59", SECOND,     "2024-02-28 16:00:00",  date(2024, 2, 29)),
    ("2024-02-29 15:59:59", SECOND,     "2024-02-29 16:00:00",  date(2024, 3, 1)),
    ("2024-02-28 16:00:00", DAY,        "2024-02-29 16:00:00",  date(2024, 3, 1)),
    ("2025-02-28 15:59:59", SECOND,     "2025-02-28 16:00:00",  date(2025, 3, 1)),      # no 29 February
    ("2024-02-29 00:00:00", 365 * DAY,  "2025-02-28 00:00:00",  date(2025, 2, 28)),
    ("2024-02-29 00:00:00", 366 * DAY,  "2025-03-01 00:00:00",  date(2025, 3, 1)),
])
def test_time_passes_over_boundaries(make: Make, start: str, by: timedelta, end: str, on: date) -> None:
    clock = make(datetime.fromisoformat(f"{start}Z"))
    clock.advance(by)
    assert (clock.now(), business_date(clock.now())) == (datetime.fromisoformat(f"{end}Z"), on)


def test_a_decade_runs_in_a_moment(make: Make) -> None:
    clock = make(datetime(2020, 1, 1, tzinfo=SHANGHAI))
    days = set()
    while business_date(clock.now()) < date(2030, 1, 1):
        days.add(business_date(clock.now()))
        clock.advance(DAY)
    assert len(days) == 3653
    assert {date(2020, 2, 29), date(2024, 2, 29), date(2028, 2, 29)} <= days


def test_a_clock_is_set_in_any_zone_and_answers_in_utc(make: Make) -> None:
    clock = make(datetime(2026, 1, 1, tzinfo=SHANGHAI))
    assert clock.now() == datetime(2025, 12, 31, 16, tzinfo=UTC)
    clock.set(datetime(2026, 1, 1, 0, 0, 1, tzinfo=SHANGHAI))
    assert clock.now() == datetime(2025, 12, 31, 16, 0, 1, tzinfo=UTC)
    assert clock.now().tzinfo is UTC


def test_a_clock_runs_backwards_only_when_asked_to(make: Make) -> None:
    clock = make(START)
    with pytest.raises(ValueError, match="backwards only when asked"):
        clock.set(START - timedelta(microseconds=1))
    with pytest.raises(ValueError, match="backwards only when asked"):
        clock.advance(-SECOND)
    assert clock.now() == START
    clock.set(START)
    clock.set(START - SECOND, backwards=True)
    assert clock.now() == START - SECOND


def test_a_clock_needs_a_zone(make: Make) -> None:
    with pytest.raises(ValueError, match="with a zone"):
        make(START.replace(tzinfo=None))
    clock = make(START)
    with pytest.raises(ValueError, match="with a zone"):
        clock.set(START.replace(tzinfo=None), backwards=True)


# ── shared in a file ─────────────────────────────────────────────────────────────────────────────────────────────────

@given(at=st.datetimes(datetime(1950, 1, 1), datetime(2037, 12, 31), timezones=st.just(UTC)))  # noqa: DTZ001 - in UTC
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_file_keeps_microseconds(tmp_path: Path, at: datetime) -> None:
    FileClock(tmp_path / "clock", at)
    assert FileClock(tmp_path / "clock").now() == at


def test_all_who_read_a_file_agree(tmp_path: Path) -> None:
    driver = FileClock(tmp_path / "clock", START)
    workers = [FileClock(tmp_path / "clock") for _ in range(3)]
    for step in (0 * SECOND, timedelta(microseconds=1), SECOND, 400 * DAY):
        driver.advance(step)
        assert {worker.now() for worker in workers} == {driver.now()}


def test_another_process_reads_the_same_time(tmp_path: Path) -> None:
    FileClock(tmp_path / "clock", START)
    program = "import sys, pathlib; from huibao.core.clock import FileClock; sys.stdout.write(str(FileClock(pathlib.Path(sys.argv[1])).now()))"
    read = subprocess.run([sys.executable, "-c", program, tmp_path / "clock"], capture_output=True, text=True, check=True)
    assert read.stdout == "2025-12-31 15:59:59+00:00"


def test_a_clock_is_set_by_hand(tmp_path: Path) -> None:
    clock = FileClock(tmp_path / "clock", START)
    subprocess.run(["touch", "-d", "2025-12-31T16:00:00Z", tmp_path / "clock"], check=True)
    assert clock.now() == START + SECOND


def test_a_clock_that_nobody_made_has_no_time(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="clock"):
        FileClock(tmp_path / "clock").now()


def test_a_file_system_that_forgets_microseconds_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FileClock(tmp_path / "clock", START)
    monkeypatch.setattr("huibao.core.clock.os.utime", lambda *_args, **_named: None)
    with pytest.raises(ValueError, match="cannot hold 2025-12-31 16:00:00"):
        clock.advance(SECOND)
