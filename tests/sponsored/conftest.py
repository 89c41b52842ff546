"""Every test of rosters has small parts, and an agency if it asks for one."""

import pytest

from huibao.sponsored import work as rosters_work
from tests.database import MakeProgramme
from tests.sponsored.agency import Agency, Somebody, agency_of


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of four lines, so that a small file has several."""
    monkeypatch.setattr(rosters_work, "PART", 4)


@pytest.fixture
def agency(programme: MakeProgramme) -> Agency:
    """Ten people who may buy for themselves."""
    return agency_of(programme, [Somebody(n, personal="500") for n in range(1, 11)])
