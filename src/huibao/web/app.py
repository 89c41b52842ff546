"""The API as one ASGI application: every route with its row in the authorisation table, and the document of them all."""

from collections.abc import Sequence
from typing import Any, Final

from huibao.web import (
    account_days,
    account_use,
    accounts,
    authorisation,
    catalogue,
    desk,
    endorsements,
    files,
    health,
    mandates,
    members,
    openapi,
    orders,
    payables,
    policies,
    purchases,
    receiving,
    reconciliation,
    refunds,
    remittance_statements,
    remittances,
    renewals,
    reviewing,
    reviews,
    rosters,
    settled,
    settlements,
    sponsors,
    surrenders,
)
from huibao.web.engine import Engine
from huibao.web.operations import Operation
from huibao.web.service import Hook, Service

OPERATIONS: Final[tuple[Operation[Any], ...]] = (
    *health.OPERATIONS, *catalogue.OPERATIONS, *members.OPERATIONS, *accounts.OPERATIONS, *account_use.OPERATIONS, *purchases.OPERATIONS,
    *account_days.OPERATIONS,
    *orders.OPERATIONS, *policies.OPERATIONS, *settlements.OPERATIONS, *files.OPERATIONS, *settled.OPERATIONS,
    *reviews.OPERATIONS, *reviewing.OPERATIONS, *mandates.OPERATIONS,
    *reconciliation.OPERATIONS, *renewals.OPERATIONS, *payables.OPERATIONS, *desk.OPERATIONS,
    *sponsors.OPERATIONS, *rosters.OPERATIONS, *endorsements.OPERATIONS,
    *surrenders.OPERATIONS, *refunds.OPERATIONS,
    *receiving.OPERATIONS, *remittances.OPERATIONS, *remittance_statements.OPERATIONS,
)


def build(
    engine: Engine, operations: tuple[Operation[Any], ...] = OPERATIONS, started: Sequence[Hook] = (), stopped: Sequence[Hook] = ()
) -> Service:
    """The application. Raises `TableWrong` where a route has no row in the authorisation table, or a row no route."""
    authorisation.agree((*(operation.id for operation in operations), openapi.ID))
    return Service(engine, (*operations, openapi.document_of(operations)), started, stopped)
