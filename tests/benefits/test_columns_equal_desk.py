"""The columns give the fen of the desk, on random plans from the whole plan language and random histories."""

from hypothesis import HealthCheck, assume, given, settings

from huibao.benefits import loading
from huibao.core.tomlfile import FileRefused
from tests.benefits.both import by_columns, by_desk
from tests.benefits.random_plans import Row, histories, plans


@settings(max_examples=1000, deadline=None, suppress_health_check=list(HealthCheck))
@given(plans(), histories())
def test_columns_equal_the_desk(text: str, rows: list[Row]) -> None:
    try:
        plan = loading.load_text("random.toml", text)
    except FileRefused:
        assume(False)
        return
    rows = rows if plan.household else sorted(rows, key=lambda row: str(row["psn_no"]))
    assert by_columns(plan, rows) == by_desk(plan, rows)
