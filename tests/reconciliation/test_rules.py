"""A settlement as the hospital has it beside ours: whether the two differ, why they most likely do, and by how much."""

from collections.abc import Sequence
from datetime import date
from itertools import product
from typing import Final, get_args

import pytest

from huibao.reconciliation.model import Detail, Difference, Ours, Theirs
from huibao.reconciliation.rules import ANSWERED, CAUSES, differences, sentence

DAY: Final = date(2026, 4, 11)
OTHER_DAY: Final = date(2026, 4, 10)
HERE, ELSEWHERE = "H1", "H2"


def ours(state: str = "confirmed", payee: str = "hospital", fen: int = 500, setl_id: str = "S1", hospital: str = HERE, on: date = DAY) -> Ours:
    return Ours(1, setl_id, hospital, on, state, payee, fen)


def compared(day: Sequence[Ours], details: Sequence[Detail], *elsewhere: Ours) -> list[Difference]:
    """A day of ours beside a list; what it names is known, wherever it stands."""
    return differences(HERE, day, details, {one.setl_id: one for one in (*day, *elsewhere)})


CASES: Final = [
    # ours                              theirs                          cause                   theirs beyond ours
    (None,                              Detail("S1", 500),              "missing.here",         500),
    (None,                              Detail("S1", 0),                "",                     0),
    (None,                              Detail("S1", 500, "reversed"),  "",                     0),
    (None,                              Detail("S1", 0, "not-deducted"), "",                    0),
    (ours(),                            Detail("S1", 500),              "",                     0),
    (ours(),                            Detail("S1", 501),              "amount.differs",       1),
    (ours(),                            Detail("S1", 499),              "amount.differs",       -1),
    (ours(),                            Detail("S1", 500, "reversed"),  "reversed.there",       -500),
    (ours(),                            Detail("S1", 0, "not-deducted"), "missing.there",       -500),
    (ours(),                            Detail("S1", 0),                "missing.there",        -500),
    (ours(),                            None,                           "missing.there",        -500),
    (ours("offered"),                   Detail("S1", 500),              "offer.deducted",       500),
    (ours("offered"),                   Detail("S1", 499),              "amount.differs",       499),
    (ours("offered"),                   Detail("S1", 0, "not-deducted"), "offer.not_deducted",  0),
    (ours("offered"),                   None,                           "offer.not_deducted",   0),
    (ours("void"),                      Detail("S1", 500),              "reversed.here",        500),
    (ours("void"),                      Detail("S1", 0, "not-deducted"), "",                    0),
    (ours("void"),                      None,                           "",                     0),
    (ours("reversed"),                  Detail("S1", 500),              "reversed.here",        500),
    (ours("reversed"),                  Detail("S1", 500, "reversed"),  "",                     0),
    (ours("reversed"),                  None,                           "",                     0),
    (ours(payee="person"),              Detail("S1", 500),              "paid.to_person",       500),
    (ours(payee="person"),              Detail("S1", 0, "not-deducted"), "",                    0),
    (ours(payee="person"),              None,                           "",                     0),
    (ours(fen=0),                       Detail("S1", 0),                "",                     0),
    (ours(fen=0),                       Detail("S1", 1),                "amount.differs",       1),
    (ours(fen=0),                       None,                           "",                     0),
]


def told(found: Sequence[Difference]) -> list[tuple[str, str, int]]:
    return [(one.setl_id, one.cause, one.fen) for one in found]


@pytest.mark.clause("SY-3.6")
@pytest.mark.parametrize(("mine", "theirs", "cause", "fen"), CASES)
def test_why_one_settlement_differs(mine: Ours | None, theirs: Detail | None, cause: str, fen: int) -> None:
    found = compared([mine] if mine else [], [theirs] if theirs else [])
    assert told(found) == ([("S1", cause, fen)] if cause else [])


def test_an_offer_that_was_reversed_at_the_hospital_is_not_paid_to_anybody() -> None:
    """`offer.not_deducted` pays the insured, since basic insurance stands; here it was taken back."""
    found = compared([ours("offered")], [Detail("S1", 500, "reversed")])
    assert [one.cause for one in found] != ["offer.not_deducted"]


NOT_OF_DAY: Final = [
    # ours                                      theirs                              cause              theirs beyond ours
    (ours(on=OTHER_DAY),                        Detail("S1", 500),                  "other.day",        0),
    (ours(on=OTHER_DAY),                        Detail("S1", 501),                  "other.day",        1),
    (ours("offered", on=OTHER_DAY),             Detail("S1", 500),                  "offer.deducted",   500),
    (ours("reversed", on=OTHER_DAY),            Detail("S1", 500),                  "reversed.here",    500),
    (ours(on=OTHER_DAY),                        Detail("S1", 500, "reversed"),      "reversed.there",   -500),
]


@pytest.mark.parametrize(("mine", "theirs", "cause", "fen"), NOT_OF_DAY)
def test_what_is_listed_under_another_day(mine: Ours, theirs: Detail, cause: str, fen: int) -> None:
    assert told(compared([], [theirs], mine)) == [("S1", cause, fen)]


@pytest.mark.parametrize("their_fen", [0, 500, 700])
@pytest.mark.parametrize("state", ["offered", "confirmed", "void", "reversed"])
def test_what_another_hospital_has_is_not_told_to_this_one(state: str, their_fen: int) -> None:
    """Neither in words nor in a difference from which its amount could be had: a hospital reads its cases with their fen."""
    for our_fen in (500, 700):
        [found] = compared([], [Detail("S1", their_fen)], ours(state, fen=our_fen, hospital=ELSEWHERE))
        assert (found.cause, found.fen) == ("other.hospital", their_fen)


def test_theirs_come_in_their_order_then_what_only_we_have() -> None:
    day = [ours(setl_id="A"), ours(setl_id="B"), ours("offered", setl_id="C"), ours(setl_id="D")]
    details = [Detail("X", 7), Detail("C", 500), Detail("B", 600), Detail("A", 500)]
    assert told(compared(day, details)) == [("X", "missing.here", 7), ("C", "offer.deducted", 500), ("B", "amount.differs", 100),
                                            ("D", "missing.there", -500)]


def test_one_settlement_that_is_listed_twice_is_one_difference() -> None:
    """Each difference is a case that a person looks into."""
    assert told(compared([], [Detail("X", 7), Detail("X", 7)])) == [("X", "missing.here", 7)]


def test_a_day_that_agrees_has_no_difference_and_its_differences_make_up_the_totals() -> None:
    """Over every state of ours and theirs: what the two have in all differs by the sum of the differences."""
    states = [("offered", "hospital"), ("confirmed", "hospital"), ("confirmed", "person"), ("void", "hospital"), ("reversed", "hospital")]
    for (state, payee), their_state, fen in product(states, get_args(Theirs), (0, 400, 500)):
        mine, theirs = ours(state, payee), Detail("S1", fen, their_state)
        found = compared([mine], [theirs])
        our_total, their_total = mine.pay_fen if mine.counts else 0, fen if their_state == "deducted" else 0
        assert sum(one.fen for one in found) == their_total - our_total, (mine, theirs)
        assert {one.cause for one in found} <= CAUSES.keys()


SAID: Final = [
    # equal     differences     answered    what is to be done
    (True,      0,              0,          "The day agrees."),
    (False,     2,              0,          "follow what each says."),
    (False,     2,              1,          "follow what each says."),
    (False,     0,              1,          "compare once more."),
    (False,     0,              0,          "send the details."),
]


@pytest.mark.parametrize(("is_equal", "left", "answered", "says"), SAID)
def test_what_is_said_of_a_day(is_equal: bool, left: int, answered: int, says: str) -> None:
    zh, en = sentence(is_equal, 123_400, 123_401, left, answered)
    assert en.endswith(says)
    assert ("1,234.00" in zh, "1,234.01" in en) == (not is_equal, not is_equal)


def test_each_cause_is_said_in_both_languages() -> None:
    assert CAUSES.keys() > ANSWERED
    assert all(zh and en for zh, en in CAUSES.values())
