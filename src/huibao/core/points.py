"""Named points at which a process can be told to die, so that every order of half-done things can be tried.

`HUIBAO_DIE_AT=batch.before_commit` kills the process the first time it gets there, as kill -9 would; `…:3` the third time.
Without it a point costs a look at a constant.
"""

import os
import signal
from typing import Final

#: Before and after each commit and each outside call.
POINTS: Final = (
    "batch.before_keys", "batch.before_effects", "batch.before_commit", "batch.after_commit",
    "cash.before_open", "cash.after_open", "cash.before_ask", "cash.after_ask", "cash.before_refund", "cash.after_refund",
    "refund.before_ask", "refund.after_ask", "refund.before_send", "refund.after_send",
    "relay.before_send", "relay.after_send", "relay.after_cursor",
    "hospital.before_ask", "hospital.after_ask",
    "bank.before_pay", "bank.after_pay", "bank.before_ask", "bank.after_ask", "bank.before_collect", "bank.after_collect",
    "notice.before_send", "notice.after_send",
    "roster.after_check", "roster.before_part", "roster.after_lines", "roster.after_part",
    "remittance.before_pay", "remittance.after_pay", "remittance.before_ask", "remittance.after_ask",
    "accounts.before_balances", "accounts.after_balances", "accounts.before_sent", "accounts.before_post", "accounts.after_post",
    "accounts.before_ask", "accounts.after_ask",
)

_NAME, _, _NUMBER = os.environ.get("HUIBAO_DIE_AT", "").partition(":")
_left = int(_NUMBER or 1)

assert _NAME in {"", *POINTS}, f"HUIBAO_DIE_AT names no point: {', '.join(POINTS)}"


def reached(point: str) -> None:
    """Dies here if this process was told to."""
    if point == _NAME:
        _count()


def _count() -> None:
    global _left  # noqa: PLW0603 - the process counts once, for itself
    _left -= 1
    if _left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
