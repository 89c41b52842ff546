"""What every test runs under, and the closing list of clauses that no test names yet."""

from textwrap import wrap

import pytest
from hypothesis import settings

from tests.structure.clause_list import named_by_tests, wanted

pytest_plugins = ["tests.database"]

settings.register_profile("huibao", max_examples=1000, deadline=None, print_blob=True)
settings.load_profile("huibao")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Printed, not failed: a clause that no test names yet is work to come."""
    named = named_by_tests()
    missing = [id for id in wanted() if id not in named]
    terminalreporter.section("clauses")
    terminalreporter.write_line(f"{len(wanted()) - len(missing)} of {len(wanted())} clauses are named by tests")
    for line in wrap("not yet: " + " ".join(missing), 118, break_on_hyphens=False, subsequent_indent="  ") if missing else []:
        terminalreporter.write_line(line)
