"""The books as one batch sees them: loaded under locks, moved on in memory, written as one net.

Every movement is checked here against the routes and the bounds before anything is written; the database's own checks
are the second line. What is not loaded is not moved.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Final

from huibao.db import sqlfile
from huibao.db.arrays import Int8s, Texts
from huibao.db.wire import Wire
from huibao.ledger.model import PRODUCT_KINDS, ROUTES, Account, BooksError, Hold, HoldEnd, Transfer, Year

SQL: Final = sqlfile.load("huibao.ledger")


class Books:
    """Accounts by id and by owner, limit years, pending holds of orders; and what the batch did to them."""

    def __init__(
        self, accounts: Iterable[Account] = (), years: Iterable[tuple[int, int, int, int]] = (), holds: Iterable[Hold] = ()
    ) -> None:
        self.accounts = {account.id: account for account in accounts}
        self._owned: defaultdict[int, dict[str, Account]] = defaultdict(dict)
        self._sponsors: dict[str, Account] = {}
        for account in self.accounts.values():
            if account.owner_id is not None:
                self._owned[account.owner_id][account.kind] = account
            elif account.kind == "sponsor" and account.party is not None:
                self._sponsors[account.party] = account
        self._years = {(person, year): Year(spent, held) for person, year, spent, held in years}
        self._begun = frozenset(self._years)
        self._holds: defaultdict[int, list[Hold]] = defaultdict(list)
        for hold in holds:
            self._holds[hold.order_id].append(hold)
        self.transfers: list[Transfer] = []
        self.new_holds: list[Hold] = []
        self.ended: list[tuple[int, HoldEnd]] = []
        self._net: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0, 0])
        self._net_years: defaultdict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0])

    # ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def purse(self, person: int) -> dict[str, Account]:
        """A person's accounts by kind."""
        return self._owned[person]

    def sponsor(self, party: str) -> Account | None:
        return self._sponsors.get(party)

    def paid_fen(self, person: int, year: int) -> int:
        """What counts against the year's limit: paid, and held."""
        found = self._years.get((person, year))
        return found.spent_fen + found.held_fen if found else 0

    def holds(self, order: int) -> Sequence[Hold]:
        """The pending holds of an order."""
        return tuple(self._holds.get(order, ()))

    # ── moving ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def transfer(self, kind: str, debit: Account, credit: Account, fen: int, *,
                 person: int | None = None, order: int | None = None, position: int | None = None, year: int | None = None,
                 settlement: int | None = None, payout: int | None = None, recovery: int | None = None, refund: int | None = None,
                 remittance: int | None = None) -> None:
        """Moves `fen`; a person's account money counts in limit `year`."""
        leaves, reaches = ROUTES[kind]
        if debit.kind not in leaves or credit.kind not in reaches:
            raise BooksError(f"{kind} does not go from {debit.kind} to {credit.kind}")
        if fen <= 0:
            raise BooksError(f"{kind} of {fen} fen")
        free_fen = debit.balance_fen - debit.held_fen + debit.credit_limit_fen
        if not debit.overdraft and free_fen < fen:
            raise BooksError(f"{kind} of {fen} fen from {debit.kind} with {free_fen} free")
        debit.balance_fen -= fen
        credit.balance_fen += fen
        self._net[debit.id][0] += fen
        self._net[credit.id][1] += fen
        self.accounts.setdefault(debit.id, debit)
        self.accounts.setdefault(credit.id, credit)
        about = (settlement, payout, recovery, refund, remittance)
        self.transfers.append(Transfer(kind, debit.id, credit.id, fen, person, order, position, *about))
        if year is not None and debit.owner_id is not None:
            self._count(debit.owner_id, year, fen, 0)

    def hold(self, account: Account, fen: int, order: int, position: int, years: Sequence[int], try_: int = 1) -> None:
        """Sets `fen` aside for an order; it counts in each of `years` until it ends."""
        if fen <= 0 or (account.free_fen < fen and not account.overdraft):
            raise BooksError(f"hold of {fen} fen with {account.free_fen} free")
        hold = Hold(account.id, fen, order, position, tuple(years), try_=try_)
        account.held_fen += fen
        self._net[account.id][2] += fen
        self._count_hold(account, hold, fen)
        self.new_holds.append(hold)

    def reserve(self, account: Account, fen: int) -> None:
        """Sets `fen` of a sponsor's aside for its roster, or takes it back where it is below zero; how much it is, the roster says."""
        if account.kind != "sponsor" or account.free_fen < fen:
            raise BooksError(f"{fen} fen to set aside of {account.free_fen} free")
        account.held_fen += fen
        self._net[account.id][2] += fen

    def give_back(self, person: int, year: int, fen: int) -> None:
        """Takes `fen` out of what counts against a limit year: an order that was undone in full, before its start, in that year."""
        counted = self._years.get((person, year))
        if counted is None or not 0 < fen <= counted.spent_fen:
            raise BooksError(f"{fen} fen to give back of {counted.spent_fen if counted else 0} fen spent in {year}")
        self._count(person, year, -fen, 0)

    @contextmanager
    def as_if_free(self, order: int) -> Iterator[None]:
        """For as long as something is decided: as if nothing were set aside for an order."""
        holds = self.holds(order)
        for hold in holds:
            self._suppose(hold, -hold.fen)
        yield
        for hold in holds:
            self._suppose(hold, hold.fen)

    def _suppose(self, hold: Hold, fen: int) -> None:
        """Moves what is held, and what counts in limit years, in sight alone: nothing of it is written."""
        account = self.accounts[hold.account_id]
        account.held_fen += fen
        for year in hold.years:
            if account.owner_id is not None:
                self._years[account.owner_id, year].held_fen += fen

    def end(self, hold: Hold, how: HoldEnd) -> None:
        """Posts or voids a pending hold: its money is free again; posting then moves it with `transfer`."""
        if hold not in self._holds[hold.order_id] or hold.id is None:
            raise BooksError(f"hold {hold.id} of order {hold.order_id} is not pending")
        self._holds[hold.order_id].remove(hold)
        account = self.accounts[hold.account_id]
        account.held_fen -= hold.fen
        self._net[account.id][2] -= hold.fen
        self._count_hold(account, hold, -hold.fen)
        self.ended.append((hold.id, how))

    def _count_hold(self, account: Account, hold: Hold, fen: int) -> None:
        for year in hold.years:
            if account.owner_id is not None:
                self._count(account.owner_id, year, 0, fen)

    def _count(self, person: int, year: int, spent: int, held: int) -> None:
        counted = self._years.setdefault((person, year), Year())
        counted.spent_fen += spent
        counted.held_fen += held
        net = self._net_years[person, year]
        net[0] += spent
        net[1] += held

    # ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def write(self, wire: Wire, at: datetime) -> None:
        """Queues the batch's movements and the net on people's rows."""
        if self.transfers:
            wire.ask(SQL["insert_transfers"], {
                "at": at,
                "kinds": Texts([t.kind for t in self.transfers]),
                "debits": Int8s([t.debit_id for t in self.transfers]),
                "credits": Int8s([t.credit_id for t in self.transfers]),
                "fen": Int8s([t.fen for t in self.transfers]),
                "people": Int8s([t.person_id for t in self.transfers]),
                "orders": Int8s([t.order_id for t in self.transfers]),
                "positions": Int8s([t.position for t in self.transfers]),
                "settlements": Int8s([t.settlement_id for t in self.transfers]),
                "payouts": Int8s([t.payout_id for t in self.transfers]),
                "recoveries": Int8s([t.recovery_id for t in self.transfers]),
                "refunds": Int8s([t.refund_id for t in self.transfers]),
                "remittances": Int8s([t.remittance_id for t in self.transfers]),
            })
        if self.new_holds:
            wire.ask(SQL["insert_holds"], {
                "at": at,
                "accounts": Int8s([h.account_id for h in self.new_holds]),
                "fen": Int8s([h.fen for h in self.new_holds]),
                "orders": Int8s([h.order_id for h in self.new_holds]),
                "positions": Int8s([h.position for h in self.new_holds]),
                "years": Texts([",".join(map(str, h.years)) for h in self.new_holds]),
                "tries": Int8s([h.try_ for h in self.new_holds]),
            })
        if self.ended:
            wire.ask(SQL["insert_hold_ends"], {
                "at": at, "holds": Int8s([hold for hold, _ in self.ended]), "hows": Texts([how for _, how in self.ended])})
        self._post_years(wire, "insert_years", lambda year: year not in self._begun)
        self._post_years(wire, "post_years", lambda year: year in self._begun)
        self._post(wire, hot=False)

    def write_hot(self, wire: Wire) -> None:
        """Queues the net on product accounts and on the world outside: rows that every batch wants."""
        self._post(wire, hot=True)

    def _post_years(self, wire: Wire, statement: str, wanted: Callable[[tuple[int, int]], bool]) -> None:
        rows = [(person, year, *net) for (person, year), net in sorted(self._net_years.items()) if wanted((person, year))]
        if rows:
            people, years, spent, held = zip(*rows, strict=True)
            wire.ask(SQL[statement], {
                "people": Int8s(people), "years": Int8s(years), "spent": Int8s(spent), "held": Int8s(held)})

    def _post(self, wire: Wire, hot: bool) -> None:
        rows = [(i, *net) for i, net in sorted(self._net.items()) if _is_hot(self.accounts[i]) is hot and any(net)]
        if not rows:
            return
        ids, debits, credits_, holds = zip(*rows, strict=True)
        wire.ask(SQL["post_balances"], {
            "accounts": Int8s(ids), "debits": Int8s(debits), "credits": Int8s(credits_), "holds": Int8s(holds)})


def _is_hot(account: Account) -> bool:
    return account.kind in (*PRODUCT_KINDS, "cash", "fund")
