"""Commands by family: each family of a programme has a queue of its own, and what it loads and decides."""

from collections.abc import Callable, Mapping
from typing import Any, Final, get_args

from huibao.catalogue.model import Programme
from huibao.core.sealing import Keyring
from huibao.endorsements.model import Answer, Change, Correct, Expire
from huibao.endorsements.work import Endorsements
from huibao.enrolment import model as enrolment
from huibao.enrolment.work import Orders
from huibao.mandates.model import Authorise, Revoke
from huibao.mandates.work import Mandates
from huibao.payables.work import Payables
from huibao.reconciliation.account_model import CompareAccounts
from huibao.reconciliation.account_work import AccountDays
from huibao.reconciliation.model import Reconcile
from huibao.reconciliation.work import Reconciliations
from huibao.record.model import Work
from huibao.refunds import model as refunds
from huibao.refunds.work import Refunds
from huibao.remittance.model import Acknowledge, BankPaid, BankReturned, CallBack, Decide, Make, ReadBack, Register, Resolve
from huibao.remittance.model import Sent as RemittanceSent
from huibao.remittance.work import Remittances
from huibao.renewal.model import Decline, Propose, Remind
from huibao.renewal.work import Renewals
from huibao.settlement.model import Adjust, Agree, Confirm, Judge, Reverse, Settle, Withdraw
from huibao.settlement.work import Desk
from huibao.sponsored import model as sponsored
from huibao.sponsored.work import Sponsored
from huibao.web.engine import Command

#: In the order in which a lane goes round.
FAMILIES: Final = (
    "orders", "mandates", "desk", "payables", "reconciliation", "account-days", "remittance", "sponsored", "endorsements",
    "renewal", "refunds")

_OF: Final[Mapping[type, str]] = (
    dict.fromkeys(get_args(enrolment.Command), "orders")
    | dict.fromkeys((Authorise, Revoke), "mandates")
    | dict.fromkeys((Settle, Reverse, Confirm, Withdraw, Adjust, Judge, Agree), "desk")
    | dict.fromkeys(get_args(sponsored.Command), "sponsored")
    | {Reconcile: "reconciliation", CompareAccounts: "account-days"}
    | dict.fromkeys(
        (Register, CallBack, Decide, Make, RemittanceSent, BankPaid, BankReturned, ReadBack, Acknowledge, Resolve), "remittance")
    | dict.fromkeys((Change, Correct, Answer, Expire), "endorsements")
    | dict.fromkeys((Propose, Remind, Decline), "renewal")
    | dict.fromkeys(get_args(refunds.Command), "refunds"))


def queue(programme: str, command: Command) -> str:
    """The queue that a command waits in."""
    return f"{programme} {_OF.get(type(command), 'payables')}"


def queues(programme: str) -> tuple[str, ...]:
    return tuple(f"{programme} {family}" for family in FAMILIES)


def works(programme: Programme, keyring: Keyring, index_key: bytes) -> Mapping[str, Work[Any, Any]]:
    """What carries a programme's commands out, by queue."""
    made: Mapping[str, Callable[[], Work[Any, Any]]] = {
        "orders": lambda: Orders(programme, keyring),
        "mandates": lambda: Mandates(programme),
        "desk": lambda: Desk(programme, keyring, index_key),
        "payables": lambda: Payables(programme),
        "reconciliation": lambda: Reconciliations(programme),
        "account-days": lambda: AccountDays(programme),
        "remittance": lambda: Remittances(programme, keyring),
        "sponsored": lambda: Sponsored(programme),
        "endorsements": lambda: Endorsements(programme, keyring, index_key),
        "renewal": lambda: Renewals(programme),
        "refunds": lambda: Refunds(programme, keyring),
    }
    return {f"{programme.code} {family}": made[family]() for family in FAMILIES}
