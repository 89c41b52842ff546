"""A file from its arrival to its last policy: checked, confirmed by a second person, run in parts, and over."""

from tests.books import rows, verify
from tests.database import MakeProgramme
from tests.sponsored.agency import CLERK, SECOND, SPONSOR, Somebody, agency_of, sheet, told, why


def test_a_file_is_checked_confirmed_and_run(programme: MakeProgramme) -> None:
    agency = agency_of(programme, [Somebody(1, name="古丽·买买提", insurance="居民 正常", hardship="低保"), Somebody(2, name="𠮷田䶮", insurance="居民 正常"), Somebody(3, died="2026-01-01")])
    sponsor = agency.sponsor("1000")
    roster = agency.upload(sponsor, sheet(agency.says(1, 2, 3, 1)))
    assert agency.state(roster) == "checking"
    agency.work()
    assert agency.state(roster) == "checked"
    assert agency.lines(roster) == [(2, ""), (3, ""), (4, "person.died"), (5, "roster.duplicate")]
    assert rows(agency.city, "SELECT count(*) FROM orders") == [(0,)]
    assert why(agency.confirm(roster, CLERK)).code == "roster.same_person"
    assert told(agency.confirm(roster)).state == "running"
    agency.work()
    assert agency.state(roster) == "done"
    assert agency.lines(roster) == [(2, "60"), (3, "120"), (4, "person.died"), (5, "roster.duplicate")]
    assert rows(agency.city, "SELECT buyer_id, sponsor, premium_fen, state, credential FROM orders ORDER BY id") == [
        (1, SPONSOR, 6000, "completed", SECOND), (2, SPONSOR, 12000, "completed", SECOND)]
    assert verify(agency.city) == []
