"""A file from its arrival to its last policy: checked, confirmed by a second person, run in parts by whoever is there, and over."""

import asyncio
import os
import signal
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from huibao.core.points import POINTS
from huibao.enrolment.model import Buy
from huibao.enrolment.work import Orders
from huibao.record.lane import CommandFailed, Lane
from huibao.record.model import Answer
from huibao.sponsored.model import Confirm, Enrol, Finished, Steer
from huibao.sponsored.runs import judge
from tests import books
from tests.books import DAY, KEYRING, buy, owner, rows, verify
from tests.database import MakeProgramme
from tests.record.clerk import waiting
from tests.sponsored.agency import CLERK, SECOND, SPONSOR, Agency, Somebody, agency_of, bought, done, purse, running, sheet, told, why

ROOT: Final = Path(__file__).resolve().parents[2]
PREMIUM: Final = 12_000


@pytest.mark.clause("XJ-3.3", "JL-4.3", "JL-1.4")
def test_a_file_is_checked_confirmed_and_run(programme: MakeProgramme) -> None:
    agency = agency_of(programme, [Somebody(1, name="古丽·买买提", insurance="居民 正常", hardship="低保"),
                                   Somebody(2, name="𠮷田䶮", insurance="居民 正常"), Somebody(3, died="2026-01-01")])
    roster = agency.upload(agency.sponsor("1000"), sheet(agency.says(1, 2, 3, 1)))
    assert agency.state(roster) == "checking"
    agency.work()
    assert agency.lines(roster) == [(2, ""), (3, ""), (4, "person.died"), (5, "roster.duplicate")]
    assert rows(agency.city, "SELECT count(*) FROM orders") == [(0,)]
    assert purse(agency) == (100_000, 0)
    assert why(agency.confirm(roster, CLERK)).code == "roster.same_person"
    assert told(agency.confirm(roster)).state == "running"
    assert purse(agency) == (100_000, 18_000)
    assert verify(agency.city) == []
    agency.work()
    assert agency.state(roster) == "done"
    assert agency.lines(roster) == [(2, "60"), (3, "120"), (4, "person.died"), (5, "roster.duplicate")]
    assert rows(agency.city, "SELECT buyer_id, sponsor, premium_fen, state, credential FROM orders ORDER BY id") == [
        (1, SPONSOR, 6000, "completed", SECOND), (2, SPONSOR, 12000, "completed", SECOND)]
    assert purse(agency) == (82_000, 0)
    assert [zh.partition("，")[0] for (zh,) in rows(agency.city, "SELECT zh FROM notice ORDER BY id")] == [
        f"{SPONSOR}已为您出资参加{agency.city.plan.name}"] * 2
    assert rows(agency.city, "SELECT order_id FROM notice ORDER BY id") == rows(agency.city, "SELECT id FROM orders ORDER BY id")
    assert verify(agency.city) == []


def test_a_second_line_of_a_person_says_that_the_first_holds_whatever_became_of_it(agency: Agency) -> None:
    roster = agency.upload(agency.sponsor("1000"), sheet(agency.says(1, category="特困"), agency.says(1)))
    agency.work()
    assert agency.lines(roster) == [(2, "roster.category_not_entitled"), (3, "roster.duplicate")]
    assert rows(agency.city, "SELECT zh FROM roster_line WHERE line = 3") == [("此人在前面的行中已列过，以前一行的结果为准。",)]


# ── the same file, the money, the steps ──────────────────────────────────────────────────────────────────────────────

def test_the_same_file_twice_is_recognised_until_it_is_cancelled(agency: Agency) -> None:
    sponsor, content = agency.sponsor("1200"), sheet(agency.says(1, 2))
    first = agency.upload(sponsor, content)
    again = why(asyncio.run(agency.receive(sponsor, content)))
    assert (again.code, again.figures) == ("roster.same_file", {"roster": first})
    assert agency.upload(agency.sponsor("1200", name="另一家（示例）"), content) != first
    done(agency.steer(first, "cancel"))
    assert agency.upload(sponsor, content) != first
    agency.work()
    assert verify(agency.city) == []


def test_the_same_key_tells_the_same_roster(agency: Agency) -> None:
    sponsor, content = agency.sponsor("1200"), sheet(agency.says(1, 2))
    first, second = (asyncio.run(agency.receive(sponsor, content, key="one key")) for _ in range(2))
    assert isinstance(first, Answer)
    assert isinstance(second, Answer)
    assert (second.body, second.replayed) == (first.body, True)


@pytest.mark.parametrize(("content", "code"), [(sheet(), "roster.empty"), (b"a,b\n1,2\n", "roster.header_wrong")])
def test_a_file_that_is_none_leaves_nothing(agency: Agency, content: bytes, code: str) -> None:
    assert why(asyncio.run(agency.receive(agency.sponsor(), content))).code == code
    assert rows(agency.city, "SELECT count(*) FROM roster") == [(0,)]


def test_lines_of_an_upload_that_was_cut_short_are_cleared_a_day_later(agency: Agency) -> None:
    with owner(agency.city) as connection:
        connection.execute("INSERT INTO roster_upload VALUES (77, %s)", [DAY])
        connection.execute("INSERT INTO roster_line (roster_id, line, person_id) VALUES (77, 2, 1)")
    kept = agency.upload(agency.sponsor(), sheet(agency.says(1)))
    agency.clear()
    assert rows(agency.city, "SELECT count(*) FROM roster_line") == [(2,)]
    agency.city.clock.set(DAY + timedelta(days=1, seconds=1))
    agency.clear()
    assert rows(agency.city, "SELECT DISTINCT roster_id FROM roster_line") == [(kept,)]
    assert rows(agency.city, "SELECT id FROM roster_upload") == [(kept,)]


STEPS: Final = [
    # 状态          步骤         结果
    ("checked",     "pause",    "roster.not_waiting"),
    ("checked",     "resume",   "roster.not_waiting"),
    ("checked",     "cancel",   "cancelled"),
    ("running",     "pause",    "paused"),
    ("running",     "resume",   "roster.not_waiting"),
    ("running",     "cancel",   "cancelled"),
    ("paused",      "pause",    "roster.not_waiting"),
    ("paused",      "resume",   "running"),
    ("paused",      "cancel",   "cancelled"),
    ("cancelled",   "resume",   "roster.not_waiting"),
    ("cancelled",   "cancel",   "roster.not_waiting"),
    ("done",        "cancel",   "roster.not_waiting"),
]


def test_each_step_from_each_state(agency: Agency) -> None:
    roster = running(agency, range(1, 3))
    for state, step, ends in STEPS:
        with owner(agency.city) as connection:
            connection.execute("UPDATE roster SET state = %(state)s, confirmed_by = CASE WHEN %(state)s <> 'checked' THEN 12 END,"
                               " confirmed_at = CASE WHEN %(state)s <> 'checked' THEN at END,"
                               " ended_at = CASE WHEN %(state)s IN ('cancelled', 'done') THEN at END", {"state": state})
            connection.execute("UPDATE account SET held_fen = %s WHERE kind = 'sponsor'", [24_000 if state in ("running", "paused") else 0])
        answer = agency.steer(roster, step)  # type: ignore[arg-type]  # a step, read off the table
        assert (told(answer).state if answer.outcome == "done" else answer.outcome) == ends, (state, step)
        assert purse(agency)[1] == (24_000 if agency.state(roster) in ("running", "paused") else 0), (state, step)


@pytest.mark.parametrize(("change", "code"), [({"digest": bytes(32)}, "roster.digest_differs"), ({"roster": 999}, "roster.unknown")])
def test_another_file_is_not_confirmed(agency: Agency, change: dict[str, Any], code: str) -> None:
    roster = agency.upload(agency.sponsor("1200"), sheet(agency.says(1)))
    agency.work()
    assert why(agency.do(Confirm(**{"credential": SECOND, "roster": roster, "digest": b"", **change}))).code == code


def test_a_paused_run_stands_still_and_goes_on(agency: Agency) -> None:
    roster = running(agency)
    done(agency.steer(roster, "pause"))
    agency.work()
    assert bought(agency) == []
    done(agency.steer(roster, "resume"))
    agency.work()
    assert len(bought(agency)) == 10
    assert agency.state(roster) == "done"


def test_a_run_that_is_cancelled_in_the_middle_keeps_what_was_bought_and_gives_the_rest_back(agency: Agency) -> None:
    roster = running(agency)

    async def story() -> None:
        runner = asyncio.create_task(agency.runner())
        while not rows(agency.city, "SELECT 1 FROM orders LIMIT 1"):  # noqa: ASYNC110 - what runs knows nothing of who waits
            await asyncio.sleep(0)
        await agency.ask(Steer(CLERK, roster, "cancel"))
        await runner

    asyncio.run(story())
    agency.work()
    some = len(bought(agency))
    assert 0 < some <= 10
    assert purse(agency) == (120_000 - some * PREMIUM, 0)
    assert verify(agency.city) == []


# ── many at once, and none too often ─────────────────────────────────────────────────────────────────────────────────

def test_several_runners_share_a_roster(agency: Agency) -> None:
    roster = running(agency)
    assert agency.work(runners=4) >= 3
    assert [line for line, _ in agency.lines(roster)] == list(range(2, 12))
    assert bought(agency) == [(n, SPONSOR) for n in range(1, 11)]
    assert purse(agency) == (0, 0)
    assert rows(agency.city, "SELECT kind, outcome, count(*) FROM event WHERE kind = 'roster-finished' GROUP BY 1, 2") == [("roster-finished", "done", 1)]
    assert verify(agency.city) == []


def test_a_runner_works_while_people_are_served(agency: Agency) -> None:
    """Little at a time, with rests; and all of it in the end."""
    roster = running(agency)

    async def people() -> None:
        for _ in range(50):
            agency.served += 1
            await asyncio.sleep(0.01)

    agency.work(stories=[people()])
    assert len(bought(agency)) == 10
    assert agency.state(roster) == "done"


def test_who_buys_at_the_same_instant_is_insured_once(agency: Agency) -> None:
    """Either the person's own purchase or the sponsor's: the other is refused, and pays nothing."""
    roster = running(agency)
    lanes = [Lane(agency.connect, agency.clock, {agency.city.code: (agency.city.schema, Orders(agency.city.running, KEYRING))}) for _ in range(2)]

    async def buying(lane: Lane[Any, Any], people: range) -> None:
        for person in people:
            await lane.run(agency.city.code, [waiting(agency.city, f"own-{person}", _own(agency, person))])
        await lane.close()

    agency.work(runners=2, stories=[buying(lanes[0], range(1, 11)), buying(lanes[1], range(10, 0, -1))])
    live = rows(agency.city, "SELECT insured_id, count(*) FROM policy WHERE state NOT IN ('void', 'surrendered') GROUP BY 1 ORDER BY 1")
    assert live == [(n, 1) for n in range(1, 11)]
    sponsored = sum(payer == SPONSOR for _, payer in bought(agency))
    assert purse(agency) == (120_000 - sponsored * PREMIUM, 0)
    assert {what for _, what in agency.lines(roster)} <= {"120", "policy.already_insured"}
    assert sum(what == "120" for _, what in agency.lines(roster)) == sponsored
    assert verify(agency.city) == []


_FORMS: dict[tuple[str, int], Buy] = {}


def _own(agency: Agency, person: int) -> Buy:
    key = (agency.city.code, person)
    if key not in _FORMS:
        _FORMS[key] = buy(agency.city, person)
    return _FORMS[key]


def test_who_bought_before_is_a_rejected_line_and_not_charged(agency: Agency) -> None:
    books.run(agency.city, [buy(agency.city, 3)])
    roster = agency.upload(agency.sponsor("1200"), sheet(agency.says(2, 3)))
    agency.work()
    assert agency.lines(roster) == [(2, ""), (3, "policy.already_insured")]
    books.run(agency.city, [buy(agency.city, 2)])
    done(agency.confirm(roster))
    agency.work()
    assert agency.lines(roster) == [(2, "policy.already_insured"), (3, "policy.already_insured")]
    assert purse(agency) == (120_000, 0)
    assert verify(agency.city) == []


def test_a_pause_after_the_last_line_does_not_keep_the_roster_open(agency: Agency, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody stops it between its last line and its end: nothing is left to stop."""
    roster = running(agency, range(1, 6), yuan="1200")
    submit = Agency.submit

    async def paused_before(self: Agency, programme: str, principal: str, route: str, key: str, body: bytes, command: Any) -> Answer:
        if isinstance(command, Finished):
            await self.ask(Steer(CLERK, roster, "pause"), f"pause-{roster}")
        return await submit(self, programme, principal, route, key, body, command)

    monkeypatch.setattr(Agency, "submit", paused_before)
    agency.work()
    assert (agency.state(roster), purse(agency)) == ("done", (60_000, 0))
    assert why(agency.steer(roster, "resume")).code == "roster.not_waiting"
    assert verify(agency.city) == []


# ── kill -9 ──────────────────────────────────────────────────────────────────────────────────────────────────────────

KILLED: Final = [(point, times) for point in POINTS if point.startswith(("batch.", "roster.")) and point != "roster.after_check" for times in (1, 2)]


@pytest.mark.parametrize(("point", "times"), [pytest.param(*one, marks=() if one[1] == 1 else pytest.mark.long) for one in KILLED])
def test_a_run_that_is_killed_is_taken_up_again(agency: Agency, point: str, times: int) -> None:
    """Nobody is enrolled twice, nobody is missed, and the sponsor is charged what the policies cost."""
    roster = running(agency)
    assert child(agency, f"{point}:{times}") == -signal.SIGKILL
    assert verify(agency.city) == []
    agency.work()
    assert agency.state(roster) == "done"
    assert bought(agency) == [(n, SPONSOR) for n in range(1, 11)]
    assert purse(agency) == (0, 0)
    assert verify(agency.city) == []


def test_a_check_that_is_killed_is_taken_up_again(agency: Agency) -> None:
    roster = agency.upload(agency.sponsor("1200"), sheet(agency.says(*range(1, 11), 1)))
    assert child(agency, "roster.after_check:2") == -signal.SIGKILL
    agency.work()
    assert agency.state(roster) == "checked"
    assert [line for line, what in agency.lines(roster) if what] == [12]


def child(agency: Agency, die_at: str) -> int:
    """How a process ends that runs rosters until it dies."""
    city = agency.city
    own = "replaced" if city.scheme.sponsored[0].replaces_own else "stays"
    arguments = [city.url, city.code, city.scheme.id, agency.clock.now().isoformat(), own]
    ended = subprocess.run([sys.executable, "-m", "tests.sponsored.runner", *arguments], cwd=ROOT, check=False, capture_output=True, text=True,
                           env={**os.environ, "HUIBAO_DIE_AT": die_at, "PYTHONWARNINGS": "error"})
    assert ended.returncode in (0, -signal.SIGKILL), ended.stderr
    return ended.returncode


# ── one that is odd ──────────────────────────────────────────────────────────────────────────────────────────────────

def test_a_roster_that_cannot_be_checked_keeps_no_other_waiting(agency: Agency, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of ours in one line: the files before and after it are checked, and one that was confirmed is run."""
    sponsor = agency.sponsor("1200")
    confirmed = agency.upload(sponsor, sheet(agency.says(1)))
    agency.work()
    done(agency.confirm(confirmed))
    bad, good, worse, last = (agency.upload(sponsor, sheet(agency.says(*people))) for people in ((2,), (3, 4, 5, 6, 7), (8,), (9,)))

    def failing(state: Any, own: Any, alike: Any, command: Enrol, at: datetime) -> Any:
        if command.roster in {bad, worse}:
            raise KeyError("a fault of ours")
        return judge(state, own, alike, command, at)

    monkeypatch.setattr("huibao.sponsored.checking.judge", failing)
    agency.turns(8)
    assert [agency.state(roster) for roster in (confirmed, bad, good, worse, last)] == ["done", "checking", "checked", "checking", "checked"]
    monkeypatch.setattr("huibao.sponsored.checking.judge", judge)
    agency.work()
    assert {agency.state(roster) for roster in (bad, good, worse, last)} == {"checked"}
    assert verify(agency.city) == []


def test_a_roster_that_cannot_be_reported_keeps_no_other_waiting(agency: Agency, monkeypatch: pytest.MonkeyPatch) -> None:
    sponsor = agency.sponsor("1200")
    first, second = (agency.upload(sponsor, sheet(agency.says(*people))) for people in ((1, 2), (3, 4)))
    submit = Agency.submit

    async def failing(self: Agency, programme: str, principal: str, route: str, key: str, *more: Any) -> Answer:
        if key.endswith(f":{first}"):
            raise CommandFailed("this command failed")
        return await submit(self, programme, principal, route, key, *more)

    monkeypatch.setattr(Agency, "submit", failing)
    agency.turns(4)
    assert [agency.state(roster) for roster in (first, second)] == ["checking", "checked"]
