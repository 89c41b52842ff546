"""The books in memory: money takes its routes and no other, bounds hold, holds end once, years count what they should."""

from itertools import product
from typing import Final, get_args

import pytest

from huibao.ledger.books import Books
from huibao.ledger.model import ROUTES, Account, AccountKind, BooksError, Hold

KINDS: Final[tuple[str, ...]] = get_args(AccountKind)


def account(id: int, kind: str, yuan: int = 100, state: str = "open") -> Account:
    owner = id if kind in {"personal", "savings"} else None
    return Account(id, owner, kind, "x" if kind in {"clearing", "income", "payout"} else None, "慈善" if kind == "sponsor" else None,
                   kind in {"fund", "cash"}, state, yuan * 100, 0)


# ── routes ───────────────────────────────────────────────────────────────────────────────────────────────────────────

#: What money may do, in full: a route that is added to the code is added here, by somebody who thought of JL-3.1a.
ALLOWED: Final = {
    # 种类                   从           到
    ("funding",               "fund",      "personal"),
    ("funding",               "fund",      "savings"),
    ("sponsor-funding",       "cash",      "sponsor"),
    ("premium-account",       "personal",  "clearing"),
    ("premium-account",       "savings",   "clearing"),
    ("premium-cash",          "cash",      "income"),
    ("premium-sponsor",       "sponsor",   "income"),
    ("premium-remitted",      "clearing",  "income"),
    ("remittance-returned",   "income",    "clearing"),
    ("refund-reversed",       "clearing",  "personal"),
    ("refund-reversed",       "clearing",  "savings"),
    ("refund-account",        "income",    "personal"),
    ("refund-account",        "income",    "savings"),
    ("reversal-declined",     "personal",  "clearing"),
    ("reversal-declined",     "savings",   "clearing"),
    ("refund-declined",       "personal",  "income"),
    ("refund-declined",       "savings",   "income"),
    ("refund-cash",           "income",    "cash"),
    ("refund-sponsor",        "income",    "sponsor"),
    ("refund-elsewhere",      "income",    "cash"),
    ("claim-incurred",        "hospital",  "claims"),
    ("claim-incurred",        "claimant",  "claims"),
    ("claim-taken-back",      "claims",    "hospital"),
    ("claim-taken-back",      "claims",    "claimant"),
    ("claim-advanced",        "insurer",   "payout"),
    ("claim-paid",            "payout",    "hospital"),
    ("claim-paid",            "payout",    "claimant"),
    ("claim-returned",        "hospital",  "payout"),
    ("claim-returned",        "claimant",  "payout"),
    ("claim-recovered",       "insurer",   "payout"),
    ("advance-repaid",        "payout",    "insurer"),
}


@pytest.mark.clause("JL-3.1a")
@pytest.mark.parametrize("kind", ROUTES)
def test_money_takes_its_routes_and_no_other(kind: str) -> None:
    taken = set()
    for leaves, reaches in product(KINDS, KINDS):
        books = Books()
        debit, credit = account(1, leaves), account(2, reaches)
        try:
            books.transfer(kind, debit, credit, 1)
        except BooksError:
            assert (debit.balance_fen, credit.balance_fen, books.transfers) == (10_000, 10_000, [])
        else:
            taken.add((kind, leaves, reaches))
            assert (debit.balance_fen, credit.balance_fen, len(books.transfers)) == (9_999, 10_001, 1)
    assert taken == {route for route in ALLOWED if route[0] == kind}


@pytest.mark.clause("JL-3.1a")
def test_no_route_joins_income_and_payout() -> None:
    assert set(ROUTES) == {kind for kind, _, _ in ALLOWED}
    assert [kind for kind, (leaves, reaches) in ROUTES.items() if {"income", "payout"} <= {*leaves, *reaches}] == []


def test_a_kind_that_there_is_not() -> None:
    with pytest.raises(KeyError):
        Books().transfer("gift", account(1, "fund"), account(2, "personal"), 1)


# ── bounds ───────────────────────────────────────────────────────────────────────────────────────────────────────────

#: What is done to an account with 100 yuan; the last of it is refused.
IMPOSSIBLE: Final = [
    # 情形                              步骤
    ("nothing",                         "transfer 0"),
    ("less than nothing",               "transfer -1"),
    ("more than there is",              "transfer 10001"),
    ("more than is left",               "transfer 6000, transfer 4001"),
    ("what is held for another",        "hold 6000, transfer 4001"),
    ("a hold of nothing",               "hold 0"),
    ("a hold of more than there is",    "hold 10001"),
    ("a hold over a hold",              "hold 6000, hold 4001"),
    ("the end of a hold that is new",   "hold 6000, end 6000"),
    ("the end of no hold",              "end 1"),
]


@pytest.mark.parametrize("steps", [pytest.param(steps, id=name) for name, steps in IMPOSSIBLE])
def test_what_the_books_do_not_do(steps: str) -> None:
    one, clearing = account(1, "personal"), account(2, "clearing", 0)
    books = Books([one])

    def take(step: str) -> None:
        what, fen = step.split(" ")
        if what == "transfer":
            books.transfer("premium-account", one, clearing, int(fen))
        elif what == "hold":
            books.hold(one, int(fen), 7, 1, (2026,))
        else:
            books.end(Hold(1, int(fen), 7, 1, (2026,)), "voided")

    *before, last = steps.split(", ")
    for step in before:
        take(step)
    left = (one.balance_fen, one.held_fen, clearing.balance_fen)
    with pytest.raises(BooksError):
        take(last)
    assert (one.balance_fen, one.held_fen, clearing.balance_fen) == left


@pytest.mark.parametrize("state, free", [("open", 10_000), ("frozen", 0), ("closed", 0)])
def test_only_an_open_account_is_free_to_spend(state: str, free: int) -> None:
    one = account(1, "personal", state=state)
    assert one.free_fen == free
    if not free:
        with pytest.raises(BooksError):
            Books([one]).hold(one, 1, 7, 1, (2026,))


def test_the_world_outside_has_no_bound() -> None:
    cash, income = account(1, "cash", 0), account(2, "income", 0)
    Books().transfer("premium-cash", cash, income, 1_000_000)
    assert (cash.balance_fen, income.balance_fen) == (-1_000_000, 1_000_000)


# ── holds and years ──────────────────────────────────────────────────────────────────────────────────────────────────

def pending() -> tuple[Books, Account, Hold]:
    one = account(1, "personal")
    one.held_fen = 6_000
    hold = Hold(1, 6_000, 7, 1, (2025, 2026), id=3)
    return Books([one], [(1, 2025, 500, 6_000), (1, 2026, 0, 6_000)], [hold]), one, hold


def test_a_hold_ends_once() -> None:
    books, one, hold = pending()
    books.end(hold, "voided")
    assert (one.held_fen, one.free_fen, books.holds(7)) == (0, 10_000, ())
    assert (books.paid_fen(1, 2025), books.paid_fen(1, 2026)) == (500, 0)
    with pytest.raises(BooksError, match="hold 3 of order 7 is not pending"):
        books.end(hold, "posted")


def test_what_was_held_in_two_years_is_spent_in_one() -> None:
    books, one, hold = pending()
    books.end(hold, "posted")
    books.transfer("premium-account", one, account(2, "clearing", 0), 6_000, year=2026)
    assert (books.paid_fen(1, 2025), books.paid_fen(1, 2026), one.balance_fen) == (500, 6_000, 4_000)


def test_only_a_persons_money_counts_in_a_year() -> None:
    books = Books()
    books.transfer("premium-cash", account(1, "cash"), account(2, "income"), 100, person=1, year=2026)
    assert books.paid_fen(1, 2026) == 0


def test_accounts_are_found_by_owner_and_by_sponsor() -> None:
    books = Books([account(1, "personal"), account(2, "sponsor")])
    assert list(books.purse(1)) == ["personal"]
    assert books.purse(9) == {}
    assert books.sponsor("慈善") is books.accounts[2]
    assert books.sponsor("别人") is None
