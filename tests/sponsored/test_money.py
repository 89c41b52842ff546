"""A sponsor's money: no more is spent of it than is there, than was set aside for a file, and for a part of it."""

import asyncio
from datetime import datetime
from typing import Final

import pytest

from huibao.record.lane import Lane
from huibao.record.model import Decision, Request
from huibao.sponsored import own
from huibao.sponsored.model import Enrol, Fund, Line
from huibao.sponsored.runs import Runs, State
from tests import books
from tests.books import DAY, KEYRING, buy, owner, rows, verify
from tests.database import MakeProgramme
from tests.record.clerk import waiting
from tests.sponsored.agency import CLERK, SECOND, SPONSOR, Agency, Somebody, agency_of, bought, done, purse, running, sheet, why

_WAITING: Final = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


def test_a_sponsor_without_the_money_confirms_nothing_and_credit_counts(agency: Agency) -> None:
    roster = agency.upload(agency.sponsor("1199.99"), sheet(agency.says(*range(1, 11))))
    agency.work()
    refused = why(agency.confirm(roster))
    assert (refused.code, refused.figures["short_fen"]) == ("sponsor.insufficient", 1)
    on_credit = agency.upload(agency.sponsor("0", name="企业（示例）", kind="employer", credit_fen=120_000), sheet(agency.says(*range(1, 11))))
    agency.work()
    done(agency.confirm(on_credit))
    agency.work()
    assert len(bought(agency)) == 10
    assert rows(agency.city, "SELECT credit_fen - debit_fen FROM account WHERE party = '企业（示例）'") == [(-120_000,)]
    assert verify(agency.city) == []


def test_what_is_set_aside_for_one_file_is_not_there_for_another(agency: Agency) -> None:
    sponsor = agency.sponsor("1200")
    first, second = (agency.upload(sponsor, sheet(agency.says(*people))) for people in ((1, 2, 3, 4, 5, 6), (7, 8, 9, 10, 1)))
    agency.work()
    done(agency.confirm(first))
    assert why(agency.confirm(second)).code == "sponsor.insufficient"
    [refused] = books.run(agency.city, [buy(agency.city, 10, pay_with="sponsor", sponsor=SPONSOR)] * 1)
    assert refused.outcome == "done"                           # 480 yuan are free beside the 720 that are set aside
    done(agency.steer(first, "cancel"))
    assert purse(agency) == (108_000, 0)
    assert verify(agency.city) == []


def test_a_payment_is_booked_once(agency: Agency) -> None:
    sponsor = agency.sponsor()
    done(agency.do(Fund(CLERK, sponsor, 100, "B1")))
    assert why(agency.do(Fund(CLERK, sponsor, 100, "B1"))).code == "sponsor.payment_known"
    assert why(agency.do(Fund(CLERK, sponsor + 1, 100, "B2"))).code == "sponsor.not_registered"
    assert purse(agency) == (100, 0)


def test_a_price_that_rose_since_the_check_is_not_paid_out_of_others_money(programme: MakeProgramme) -> None:
    agency = agency_of(programme, [Somebody(1, insurance="居民 正常", hardship="低保")])
    roster = agency.upload(agency.sponsor("1000"), sheet(agency.says(1, category="")))
    agency.work()
    done(agency.confirm(roster))
    prices_rise(agency)
    agency.work()
    assert agency.lines(roster) == [(2, "roster.price_rose")]
    assert (agency.state(roster), purse(agency)) == ("done", (100_000, 0))
    assert verify(agency.city) == []


def prices_rise(agency: Agency) -> None:
    """Nobody is in hardship any more: 120 yuan are asked where 60 were."""
    with owner(agency.city) as connection:
        connection.execute("UPDATE standing SET known_to = %s", [DAY])


def test_a_faulty_line_does_not_let_the_others_spend_more_than_was_set_aside(programme: MakeProgramme, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part of four people at 60 yuan, all of whom cost 120 by now. The lines run one by one since one of them fails: two are paid for."""
    agency = agency_of(programme, [Somebody(n, insurance="居民 正常", hardship="低保") for n in range(1, 5)])
    roster = running(agency, range(1, 5), category="")
    prices_rise(agency)
    decide = Runs.decide

    def faulty(work: Runs, state: State, request_id: int, command: Enrol, at: datetime) -> Decision:
        if command.line == 2:
            raise ArithmeticError
        return decide(work, state, request_id, command, at)

    with monkeypatch.context() as fault:
        fault.setattr(Runs, "decide", faulty)
        agency.work()
    assert agency.lines(roster) == [(2, ""), (3, "120"), (4, "120"), (5, "roster.price_rose")]
    assert (agency.state(roster), purse(agency)) == ("paused", (96_000, 0))
    assert verify(agency.city) == []
    done(agency.steer(roster, "resume"))
    agency.work()
    assert agency.lines(roster)[0] == (2, "roster.price_rose")
    assert (agency.state(roster), purse(agency)) == ("done", (96_000, 0))
    assert verify(agency.city) == []


def test_lanes_that_are_at_one_part_spend_what_was_set_aside_for_it_once(programme: MakeProgramme) -> None:
    """The lane of a runner that was killed is still at its lines when another runner begins with others of the same part. What is set
    aside for another file stays."""
    agency = agency_of(programme, [Somebody(n, insurance="居民 正常", hardship="低保") for n in range(1, 9)])
    sponsor = agency.sponsor("1200")
    roster, other = (agency.upload(sponsor, sheet(agency.says(*people, category=""))) for people in (range(1, 5), range(5, 9)))
    agency.work()
    done(agency.confirm(roster))
    done(agency.confirm(other))
    prices_rise(agency)
    work = {agency.city.code: (agency.city.schema, Runs(agency.city.running, KEYRING))}
    lines = [own.enrol(roster, 0, Line(n + 1, n, None, None), agency.city.plan.id, SPONSOR, SECOND) for n in range(1, 5)]

    async def at_once(*batches: list[Request[Enrol]]) -> None:
        lanes = [Lane(agency.connect, agency.clock, work) for _ in batches]
        with owner(agency.city) as connection:         # neither can commit before both have come as far as they can
            connection.execute("SELECT FROM chain_head FOR UPDATE")
            begun = [asyncio.create_task(lane.run(agency.city.code, [waiting(agency.city, one.key, one.command) for one in batch]))
                     for lane, batch in zip(lanes, batches, strict=True)]
            while rows(agency.city, _WAITING) != [(len(begun),)]:  # noqa: ASYNC110 - what runs knows nothing of who waits
                await asyncio.sleep(0.01)
        await asyncio.gather(*begun)
        for lane in lanes:
            await lane.close()

    asyncio.run(at_once(lines[:2], lines[2:]))
    assert sorted(what for _, what in agency.lines(roster)) == ["120", "120", "roster.price_rose", "roster.price_rose"]
    assert purse(agency) == (96_000, 24_000)
    assert verify(agency.city) == []
