"""What ends a turn, and what only concerns one row of it."""

from collections.abc import Sequence

import pytest
from psycopg import InterfaceError, OperationalError, errors

from huibao.app.duties import Apart, lost, silent
from huibao.core.batcher import TurnedAway
from huibao.db.errors import DatabaseUnreachable
from huibao.gateways.bank import BankRefused, BankUnreachable
from huibao.gateways.signing import Denied
from huibao.record.lane import CommandFailed

FAILURES: Sequence[tuple[Exception, bool, bool]] = [
    # what it fails of                                            the database is gone   the rest need not be asked
    (OperationalError("the connection is closed"),                True,                  True),
    (InterfaceError("the cursor is closed"),                      True,                  True),
    (errors.AdminShutdown(),                                      True,                  True),
    (errors.ConnectionFailure(),                                  True,                  True),
    (DatabaseUnreachable("无", "none"),                           True,                  True),
    (ExceptionGroup("several", [KeyError(), OperationalError()]), True,                  True),
    (errors.QueryCanceled(),                                      False,                 False),
    (errors.LockNotAvailable(),                                   False,                 False),
    (errors.CheckViolation(),                                     False,                 False),
    (ExceptionGroup("several", [KeyError(), ValueError()]),       False,                 False),
    (BankUnreachable("silent"),                                   False,                 True),
    (BankUnreachable("cut"),                                      False,                 True),
    (BankUnreachable("failed"),                                   False,                 False),
    (BankUnreachable("unreadable"),                               False,                 False),
    (BankRefused(Denied(409, "payout.other_content")),            False,                 False),
    (TurnedAway(1),                                               False,                 False),
    (CommandFailed("this command failed"),                        False,                 False),
    (KeyError("a fault of ours"),                                 False,                 False),
]


@pytest.mark.parametrize(("failure", "is_lost", "is_silent"), FAILURES, ids=lambda one: repr(one) if isinstance(one, Exception) else "")
def test_what_ends_a_turn(failure: Exception, is_lost: bool, is_silent: bool, caplog: pytest.LogCaptureFixture) -> None:
    assert (lost(failure), silent(failure)) == (is_lost, is_silent)
    passed = False
    try:
        with Apart("990000", "refund 7"):
            raise failure
    except type(failure):
        passed = True
    assert passed == is_silent
    assert ("990000: refund 7" in caplog.text) != is_silent


def test_whoever_stops_a_duty_is_heard() -> None:
    with pytest.raises(KeyboardInterrupt), Apart("990000", "refund 7", ends=lambda _: False):
        raise KeyboardInterrupt


def test_what_a_fault_quotes_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    with Apart("990000", "refund 7"):
        raise KeyError("上官婉莹")
    assert "KeyError at test_what_a_fault_quotes" in caplog.text
    assert "上官婉莹" not in caplog.text
