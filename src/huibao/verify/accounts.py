"""The invariants of accounts that another system keeps: our books beside what that system was asked and what it answered."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from huibao.core.time import business_date
from huibao.db import sqlfile
from huibao.scheme.model import in_force
from huibao.scheme.running import kept_elsewhere
from huibao.verify.checks import GRACE, Checks, Subject, statement

SQL: Final = sqlfile.load("huibao.verify", "accounts.sql")


def _elsewhere(subject: Subject) -> Mapping[str, Any]:
    return {"elsewhere": kept_elsewhere(subject.scheme)}


def _overdue(subject: Subject) -> Mapping[str, Any]:
    return {"overdue": subject.at - GRACE}


def _by_the_rules(subject: Subject) -> Iterator[str]:
    """What was set aside elsewhere kept the minimum and the order of accounts, by what was free at that very moment."""
    for order, at, personal, savings, personal_free, savings_free in subject.connection.execute(SQL["frozen"]):
        rule = in_force(subject.scheme.account, business_date(at))
        if rule is None:
            yield f"order {order} set account money aside at {at}, when no rule opened the account"
            continue
        paid, free = {"personal": personal, "savings": savings}, {"personal": personal_free, "savings": savings_free}
        if rule.minimum_balance and sum(free[name] for name in rule.order) < rule.minimum_balance.fen:
            yield f"order {order}: {sum(free[name] for name in rule.order)} fen were free, the minimum is {rule.minimum_balance.fen}"
        before = True
        for name in rule.order:
            if paid[name] > free[name] or (paid[name] and not before):
                yield f"order {order} takes {paid[name]} fen from {name}, of {free[name]} free, out of turn"
            before = before and paid[name] == free[name]


CHECKS: Final[Checks] = (
    ("b", "accounts kept elsewhere", statement(SQL, "mirrors", _elsewhere)),
    ("f", "account money taken elsewhere", statement(SQL, "taken")),
    ("f", "account money set aside elsewhere", statement(SQL, "set_aside")),
    ("f", "refunds credited elsewhere", statement(SQL, "credits", _overdue)),
    ("h", "orders and their money elsewhere", statement(SQL, "stands", _overdue)),
    ("i", "minimum and order of accounts elsewhere", _by_the_rules),
)
