"""How old a check of who is acting may be: what the scheme says, for whatever rests on one."""

from datetime import date, datetime, timedelta
from typing import Final

from huibao.core.refusal import Refusal
from huibao.scheme.model import Scheme, in_force
from huibao.scheme.sentences import refuse

#: Where the scheme is silent.
MINUTES: Final = 15
#: The checking service's clock may be so far ahead of ours.
_AHEAD: Final = timedelta(minutes=1)


def expired(scheme: Scheme, on: date, checked_at: datetime, at: datetime) -> Refusal | None:
    """Why a check of then is none any more at this instant; None where it still is."""
    rule = in_force(scheme.identity, on)
    minutes = rule.minutes if rule else MINUTES
    if at - timedelta(minutes=minutes) <= checked_at <= at + _AHEAD:
        return None
    return refuse(scheme, rule.basis.cite if rule else None, "identity.expired",
                  f"身份核验已超过 {minutes} 分钟，请重新核验", f"the identity check is older than {minutes} minutes: check again",
                  minutes=minutes)
