"""The system of the agency that keeps people's medical-insurance accounts, where they are not kept here.

    POST /balances                      what is free on a person's accounts
    POST /holds                         sets money aside for an order, once by its key
    POST /holds/{key}/confirmation      takes what was set aside
    POST /holds/{key}/cancellation      lets it go; a key that never came is barred for ever
    GET  /holds/{key}                   what became of a key
    POST /credits                       gives back some of what was taken, once by its key
    GET  /credits/{key}                 what became of it
    GET  /days/{programme}/{day}                    a day's totals
    GET  /days/{programme}/{day}/entries/{after}    its details by key, page by page; `-` is before the first

What comes of a call that was not answered is unknown until it is asked for, and whatever is answered is held against what was asked:
another key or another amount is no answer. The wire in full is in docs/reference/account-platform.md.
"""

from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from typing import Annotated, Any, Final, Literal, Protocol, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from huibao.core.clock import Clock
from huibao.gateways.signing import PATIENCE_S, Declined, Denied, Instant, Peer, Unreachable
from huibao.reconciliation.account_model import Amount, Listed, Total

T = TypeVar("T")

#: Their word for why not, as it may be stored and shown.
Reason = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z._-]{0,59}\Z")]
HoldState = Literal["frozen", "confirmed", "cancelled", "declined"]
AccountKind = Literal["personal", "savings"]

#: What the platform says where it has no such key or person: any other 404 is a wrong address, and says nothing.
UNKNOWN_HOLD: Final = "hold.unknown"
UNKNOWN_CREDIT: Final = "credit.unknown"
#: Why a person has nothing to spend there: an answer, and final.
NO_ACCOUNT: Final = ("account.unknown", "account.frozen", "account.closed")
#: The accounts are not as they were when the money was asked for: ask what they hold, and try again.
CHANGED: Final = "balance.changed"

#: Before the first entry of a day.
FIRST: Final = "-"


class AccountsUnreachable(Unreachable):
    """The account platform gave no answer that can be relied on: what was asked may have been done or not."""


class AccountsRefused(Declined):
    """The account platform answered no to what it should take: a key that it has with other content, say."""

    who = "the account platform"


class Holder(msgspec.Struct, frozen=True):
    """Whose accounts."""

    programme: str
    psn_no: str


class Parts(msgspec.Struct, frozen=True):
    """An amount on each account."""

    personal_fen: Amount
    savings_fen: Amount


class Balances(msgspec.Struct, frozen=True):
    """What is free on a person's accounts: neither spent nor set aside."""

    psn_no: str
    free: Parts


class NoAccount(msgspec.Struct, frozen=True):
    """The person has nothing to spend there, and why."""

    reason: str


class Freeze(msgspec.Struct, frozen=True):
    """Money to set aside for an order: `parts` of the accounts, if they hold exactly `free`."""

    key: str
    programme: str
    psn_no: str
    parts: Parts
    free: Parts


class Hold(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of a key: `at` is when, by their clock; `reason` is why it was declined."""

    key: str
    state: HoldState
    parts: Parts
    at: Instant
    reason: Reason | None = None


class Cancel(msgspec.Struct, frozen=True):
    """Whose key it is that is given up: where it never came, nothing else would say."""

    programme: str
    psn_no: str


class Credit(msgspec.Struct, frozen=True):
    """Money that goes back to the account that it was taken from, of what was taken under `hold`."""

    key: str
    hold: str
    account: AccountKind
    fen: Annotated[int, msgspec.Meta(gt=0)]


class Credited(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of a credit."""

    key: str
    state: Literal["credited", "declined"]
    account: AccountKind
    fen: Amount
    at: Instant
    reason: Reason | None = None


class Day(msgspec.Struct, frozen=True):
    """A day by their clock: what was taken and given back on it."""

    day: date
    taken: Total
    credited: Total


class Page(msgspec.Struct, frozen=True):
    """The keys whose state is of a day, in their order, and whether there are more after the last."""

    entries: tuple[Listed, ...]
    more: bool


class AccountPlatform(Protocol):
    """Who keeps the accounts of a programme. Every call raises `AccountsUnreachable` where no answer can be relied on, else
    `AccountsRefused`; a call may be repeated with the same content as often as it takes."""

    async def balances(self, holder: Holder) -> Balances | NoAccount: ...

    async def freeze(self, freeze: Freeze) -> Hold: ...

    async def confirm(self, key: str, parts: Parts) -> Hold: ...

    async def cancel(self, key: str, parts: Parts, cancel: Cancel) -> Hold: ...

    async def ask(self, key: str, parts: Parts | None) -> Hold | Literal["unknown"]: ...

    async def credit(self, credit: Credit) -> Credited: ...

    async def ask_credit(self, key: str, fen: int | None) -> Credited | Literal["unknown"]: ...

    async def day(self, programme: str, day: date) -> Day: ...

    async def entries(self, programme: str, day: date) -> Sequence[Listed]: ...


class HttpAccounts:
    """An account platform over HTTP."""

    def __init__(
        self, client: httpx.AsyncClient, base_url: str, secret: bytes, clock: Clock, patience_s: float = PATIENCE_S
    ) -> None:
        self._peer = Peer(client, base_url, secret, clock, AccountsUnreachable, patience_s)

    async def balances(self, holder: Holder) -> Balances | NoAccount:
        """What is free on a person's accounts; NoAccount where the person has none that may be spent."""
        found = await self._call("POST", "/balances", Balances, holder)
        if isinstance(found, Denied):
            if found.code in NO_ACCOUNT:
                return NoAccount(found.code)
            raise AccountsRefused(found)
        _same(found.psn_no == holder.psn_no)
        return found

    async def freeze(self, freeze: Freeze) -> Hold:
        """Sets money aside; asked again, the same hold, however it stands by now."""
        return self._hold(freeze.key, freeze.parts, await self._call("POST", "/holds", Hold, freeze))

    async def confirm(self, key: str, parts: Parts) -> Hold:
        """Takes what is frozen."""
        return self._hold(key, parts, await self._call("POST", f"/holds/{_segment(key)}/confirmation", Hold, parts))

    async def cancel(self, key: str, parts: Parts, cancel: Cancel) -> Hold:
        """Lets go what is frozen, or bars a key that never came; a hold that was confirmed stays so."""
        hold = await self._call("POST", f"/holds/{_segment(key)}/cancellation", Hold, cancel)
        return self._hold(key, parts, hold)

    async def ask(self, key: str, parts: Parts | None) -> Hold | Literal["unknown"]:
        """What became of a key; `unknown` never came there, or is still under way. Without `parts` whatever amounts they have under it."""
        found = await self._call("GET", f"/holds/{_segment(key)}", Hold)
        if isinstance(found, Denied) and (found.status, found.code) == (404, UNKNOWN_HOLD):
            return "unknown"
        return self._hold(key, parts, found)

    async def credit(self, credit: Credit) -> Credited:
        """Gives money back; asked again, the same credit."""
        told = self._credited(credit.key, credit.fen, await self._call("POST", "/credits", Credited, credit))
        _same(told.account == credit.account)
        return told

    async def ask_credit(self, key: str, fen: int | None) -> Credited | Literal["unknown"]:
        """What became of a credit; without `fen` whatever amount they have under its key."""
        found = await self._call("GET", f"/credits/{_segment(key)}", Credited)
        if isinstance(found, Denied) and (found.status, found.code) == (404, UNKNOWN_CREDIT):
            return "unknown"
        return self._credited(key, fen, found)

    async def day(self, programme: str, day: date) -> Day:
        """A day's totals."""
        found = await self._call("GET", f"/days/{_segment(programme)}/{day}", Day)
        if isinstance(found, Denied):
            raise AccountsRefused(found)
        _same(found.day == day)
        return found

    async def entries(self, programme: str, day: date) -> Sequence[Listed]:
        """A day's details, by key."""
        found: list[Listed] = []
        after, more = FIRST, True
        while more:
            page = await self._call("GET", f"/days/{_segment(programme)}/{day}/entries/{_segment(after)}", Page)
            if isinstance(page, Denied):
                raise AccountsRefused(page)
            keys = [after if after != FIRST else "", *(entry.key for entry in page.entries)]
            # In order and without repetition, or it would go round for ever.
            _same(all(one < next_ for one, next_ in pairwise(keys)) and (bool(page.entries) or not page.more))
            found += page.entries
            after, more = keys[-1], page.more
        return found

    async def _call(self, method: str, path: str, answer: type[T], asked: msgspec.Struct | None = None) -> T | Denied:
        return await self._peer.call(method, path, answer, msgspec.json.encode(asked) if asked is not None else b"")

    def _hold(self, key: str, parts: Parts | None, found: Hold | Denied) -> Hold:
        """The answer about a hold, where it is about this one. A barred key has no amounts: it never had money."""
        if isinstance(found, Denied):
            raise AccountsRefused(found)
        _same(found.key == key and (parts in (None, found.parts) or (found.state == "cancelled" and found.parts == Parts(0, 0))))
        return found

    def _credited(self, key: str, fen: int | None, found: Credited | Denied) -> Credited:
        if isinstance(found, Denied):
            raise AccountsRefused(found)
        _same(found.key == key and fen in (None, found.fen))
        return found


def _same(is_about_it: bool) -> None:
    """An answer about something else than was asked is none."""
    if not is_about_it:
        raise AccountsUnreachable("differs")


def _segment(id: Any) -> str:
    """An id as one segment of a path; its dots too, or the client would take `..` for a way up."""
    return quote(str(id), safe="").replace(".", "%2E")
