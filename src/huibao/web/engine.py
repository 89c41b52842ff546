"""What the API needs from the rest of the service: the application wires it, tests stand in for it."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, Protocol

import msgspec
from psycopg import AsyncConnection

from huibao.catalogue.model import Programme, Shelf
from huibao.core.batcher import Urgency
from huibao.core.clock import Clock
from huibao.core.sealing import Keyring
from huibao.endorsements import model as endorsements
from huibao.enrolment import model as enrolment
from huibao.enrolment.model import IdentityCheck
from huibao.gateways.insurers import ConnectionReport
from huibao.mandates import model as mandates
from huibao.payables import model as payables
from huibao.reconciliation.account_model import CompareAccounts
from huibao.reconciliation.model import Reconcile
from huibao.record.model import Answer
from huibao.refunds import model as refunds
from huibao.remittance import model as remittance
from huibao.renewal import model as renewal
from huibao.settlement import model as settlement
from huibao.sponsored import model as sponsored

#: What may be submitted: each family decides its own.
Command = (enrolment.Command | mandates.Command | settlement.Command | payables.Command | Reconcile | CompareAccounts | remittance.Command
           | sponsored.Command | endorsements.Command | renewal.Command | refunds.Command)


class IdentityDesk(Protocol):
    """Who checks that a person is there and means it. `methods` has more than one: a face is never the only way."""

    @property
    def methods(self) -> Sequence[str]: ...

    async def check(self, programme: str, person: int, method: str, proof: str) -> IdentityCheck: ...


class Instructions(msgspec.Struct, frozen=True):
    """Where an order's cash part is paid, and under which reference the channel knows it."""

    url: str
    reference: str


class CashDesk(Protocol):
    """The cash channel."""

    def genuine(self, notice: bytes, signature: str) -> bool:
        """Whether a notice's body is the channel's own, and fresh."""
        ...

    async def open(self, programme: str, order: str, fen: int, pay_by: datetime | None) -> Instructions:
        """Asks for a payment of an order, by its number, until `pay_by`; asked again, the same payment."""
        ...


class Engine(Protocol):
    """The running service. `secret` signs the tokens of identity checks; `submit` digests key and body itself."""

    @property
    def programmes(self) -> Mapping[str, Programme]: ...

    @property
    def clock(self) -> Clock: ...

    @property
    def keyring(self) -> Keyring: ...

    @property
    def secret(self) -> bytes: ...

    @property
    def index_key(self) -> bytes:
        """What blind indexes are made with."""
        ...

    @property
    def identity(self) -> IdentityDesk: ...

    @property
    def cash(self) -> CashDesk: ...

    async def submit(
        self, programme: str, principal: str, route: str, key: str, body: bytes, command: Command, urgency: Urgency = "interactive"
    ) -> Answer:
        """The command's answer once it is committed; `body` is what was asked, in its canonical encoding. Raises `TurnedAway`."""
        ...

    def waiting(self, programme: str) -> int:
        """How many commands of a programme wait in this process."""
        ...

    def reading(self, programme: str) -> AbstractAsyncContextManager[AsyncConnection[Any]]:
        """A connection that reads in the programme's schema, in one transaction."""
        ...

    def writing(self, programme: str) -> AbstractAsyncContextManager[AsyncConnection[Any]]:
        """As `reading`, and may write what is no effect yet: lines of a file that a command takes up when it is whole."""
        ...

    def shared(self) -> AbstractAsyncContextManager[AsyncConnection[Any]]:
        """A connection in the schema that all programmes share; it may write credentials."""
        ...

    async def try_insurer(self, programme: str, insurer: str, credential: int) -> ConnectionReport | None:
        """Runs the connection test against an insurer's system and records it; None where it has no address or leads nothing."""
        ...

    async def shelf(self, programme: str) -> Shelf: ...
