"""Batches of account money: listed, sent, paid, returned, late; to the fen at every moment."""

import pytest

from huibao.remittance import own
from tests.books import City
from tests.database import MakeProgramme
from tests.remittance import office
from tests.remittance.office import FEN, code, money, run, sound, standing


@pytest.fixture
def city(programme: MakeProgramme) -> City:
    city = office.city_of(programme, 3)
    office.open_account(city)
    return city


@pytest.mark.clause("LZ-14")
def test_a_batch_is_listed_sent_and_paid(city: City) -> None:
    made = office.listed(city)
    assert (made.count, made.fen, made.state, money(city)) == (3, 3 * FEN, "listed", {"clearing": 3 * FEN, "income": 0})
    told = office.batch(office.done(city, own.sent(made.remittance)))
    assert told.state == "sent"
    told = office.batch(office.done(city, own.paid(made.remittance, made.fen, made.fen)))
    assert (told.state, told.paid_fen, money(city)) == ("answered", 3 * FEN, {"clearing": 0, "income": 3 * FEN})
    assert standing(city) == [("answered", 3 * FEN, "paid paid paid")]
    assert [code(answer) for answer in run(city, office.make(city))] == ["remittance.nothing_due"]
    assert sound(city) == []
