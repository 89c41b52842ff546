"""What the statistics say of proposals when the next year goes off sale."""

from datetime import date

import pytest

from huibao.app.renewals import SQL
from huibao.record.model import NOBODY
from huibao.renewal.model import Propose, Remind
from tests.books import buy, order_id, owner, run
from tests.database import MakeProgramme
from tests.renewal.test_proposals import BOUGHT, DECEMBER
from tests.renewal.years import SECOND, noon, serve, two_years


@pytest.mark.parametrize(("on", "waiting", "lapsed"), [("2027-03-31", 2, 0), ("2027-04-01", 0, 2)])
def test_what_nobody_confirmed_while_it_was_on_sale_counts_as_lapsed(programme: MakeProgramme, on: str, waiting: int, lapsed: int) -> None:
    """After the last reminder a proposal waits: none comes any more, and once the sale is over nobody can confirm it."""
    city = two_years(programme)
    [answer] = run(city, [buy(city, 1, 1, 2, at=BOUGHT)], BOUGHT)
    serve(city, Propose(NOBODY, 1, (order_id(city, answer),)), at=DECEMBER)
    serve(city, Remind(NOBODY, 1, (order_id(city, answer),)), at=noon(date(2026, 12, 24)))
    with owner(city) as connection:
        assert connection.execute(SQL["to_remind"], {"on": date.fromisoformat(on), "most": 9}).fetchall() == []
        assert connection.execute(SQL["totals"], {"area": "", "on": date.fromisoformat(on)}).fetchall() == [(SECOND, 2, waiting, 0, 0, lapsed, 0)]
