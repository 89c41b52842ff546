"""What every test runs under, what none may leave behind, and the closing list of clauses that no test names yet."""

import gc
from textwrap import wrap
from typing import Final

import psycopg
import pytest
from hypothesis import settings

from tests.structure.clause_list import named_by_tests, wanted

pytest_plugins = ["tests.database", "tests.remittance.office"]

settings.register_profile("huibao", max_examples=1000, deadline=None, print_blob=True)
settings.load_profile("huibao")


_LEFT_OPEN: Final = pytest.StashKey[list[str]]()


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Fails a run that leaves a connection open: what a module holds to the end is warned of when nobody listens any more."""
    if exitstatus == pytest.ExitCode.OK:
        gc.collect()
        left = [f"{one}" for one in gc.get_objects() if issubclass(type(one), psycopg.Connection | psycopg.AsyncConnection) and not one.closed]
        session.config.stash[_LEFT_OPEN] = left
        if left:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Printed, not failed: a clause that no test names yet is work to come."""
    for one in terminalreporter.config.stash.get(_LEFT_OPEN, []):
        terminalreporter.write_line(f"left open: {one}", red=True)
    named = named_by_tests()
    missing = [id for id in wanted() if id not in named]
    terminalreporter.section("clauses")
    terminalreporter.write_line(f"{len(wanted()) - len(missing)} of {len(wanted())} clauses are named by tests")
    for line in wrap("not yet: " + " ".join(missing), 118, break_on_hyphens=False, subsequent_indent="  ") if missing else []:
        terminalreporter.write_line(line)
