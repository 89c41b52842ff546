"""Batches of account money: listed, sent, paid, returned, late; to the fen at every moment."""

import pytest

from huibao.core.chain import sm3
from huibao.remittance import own
from huibao.remittance.files import BatchFile, read_return
from huibao.remittance.model import ReadBack, Resolve
from tests.books import City, rows
from tests.database import MakeProgramme
from tests.refunds.counter import Counter
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


def test_what_came_back_and_is_about_to_be_refunded_is_not_listed_again(city: City) -> None:
    """Surrendered while it was listed: the refund waits for the batch's answer, and is reversed once the money is back in clearing."""
    made = office.sent(city)
    [(order,)] = rows(city, "SELECT order_id FROM policy WHERE insured_id = 2")
    counter = Counter(city)
    counter.surrenders((order, 1), office.LATER)
    office.done(city, own.returned(made.remittance))
    assert (office.listed(city).count, money(city)["clearing"]) == (2, 3 * FEN)
    assert counter.resolves(office.LATER) == ["done"]
    assert (money(city)["clearing"], counter.refunds()) == (2 * FEN, [("personal", FEN, "done")])
    assert [code(answer) for answer in run(city, office.make(city))] == ["remittance.nothing_due"]
    assert sound(city) == []


def test_what_a_person_keeps_is_not_listed_by_a_batch_of_the_same_moment(city: City) -> None:
    """A line failed and waits for a person, who keeps it while a batch is made: whichever comes first holds, and each is told so."""
    made = office.sent(city)
    office.read(office.file(city, made.remittance, f"line,{{e1}},,{FEN},failed,R01\nline,{{e2}},,{FEN},paid,\nline,{{e3}},,{FEN},paid,"))
    [(case,)] = rows(city, "SELECT id FROM open_case WHERE cause = 'bank.failed'")
    told = run(city, Resolve(1, case, "kept"), office.make(city))
    assert [code(answer) for answer in told] == ["done", "remittance.nothing_due"]
    office.done(city, Resolve(1, case, "remit"))
    assert office.listed(city).fen == FEN, "who let it go again"
    assert sound(city) == []


def test_what_is_listed_at_the_same_moment_is_not_kept_any_more(city: City) -> None:
    made = office.sent(city)
    office.read(office.file(city, made.remittance, f"line,{{e1}},,{FEN},failed,R01\nline,{{e2}},,{FEN},paid,\nline,{{e3}},,{FEN},paid,"))
    [(case,)] = rows(city, "SELECT id FROM open_case WHERE cause = 'bank.failed'")
    assert [code(answer) for answer in run(city, office.make(city), Resolve(1, case, "kept"))] == ["done", "remittance.case_closed"]
    assert rows(city, "SELECT outcome FROM open_case WHERE id = %s", case) == [("listed-again",)]
    assert sound(city) == []


@pytest.mark.parametrize("raw, why", [
    (b"\xff\xfe",                                                            "not-utf-8"),
    (b"",                                                                    "columns"),
    (b"entry,fen\n",                                                         "columns"),
])
def test_what_is_no_return_file(raw: bytes, why: str) -> None:
    assert read_return(raw) == why


ROWS = [
    # row of the file                              what becomes of it
    ("line,{e1},,10000,paid,",                     None),
    ("line,999999,,10000,paid,",                   "return.line_unknown"),
    ("line,{e1},,10001,paid,",                     "return.amount_differs"),
    ("line,{e1},,100.00,paid,",                    "return.unreadable"),
    ("line,{e1},,,paid,",                          "return.unreadable"),
    ("line,{e1},1,10000,paid,",                    "return.unreadable"),
    ("line,,,10000,paid,",                         "return.unreadable"),
    ("line,{e1},,10000,done,",                     "return.unreadable"),
    ("line,{e1},,10000,failed,户名不符",           "return.unreadable"),
    ("line,{e1},,10000,failed,=1+1",               "return.unreadable"),
    ("line,{e1},,10000,failed",                    "return.unreadable"),
    ("sum,{e1},,10000,paid,",                      "return.unreadable"),
    ("batch,,2,30000,paid,",                       "return.batch_differs"),
    ("line,-1,,10000,paid,",                       "return.unreadable"),
    ("line,99999999999999999999,,10000,paid,",     "return.unreadable"),
    ('"line,{e1},,10000,paid,',                    "return.unreadable"),
]


@pytest.mark.clause("LZ-14")
def test_rows_that_are_not_taken_say_why_and_the_rest_is(city: City) -> None:
    for row, code_ in ROWS:
        made = office.sent(city)
        told = office.read(office.file(city, made.remittance, f"line,{{e3}},,{FEN},paid,\n{row}"))
        assert [one.code for one in told.rows] == ([code_] if code_ else []), row
        assert [one.row for one in told.rows] == ([3] if code_ else [])
        assert (told.paid, told.rejected) == (1 if code_ else 2, int(code_ is not None))
        office.done(city, ReadBack(1, made.remittance, *office.parsed(city, made.remittance, f"line,{{e3}},,{FEN},failed,")))
        if told.batch.paid_count == 2:
            office.done(city, ReadBack(1, made.remittance, *office.parsed(city, made.remittance, f"line,{{e1}},,{FEN},failed,")))
        office.run(city, own.returned(made.remittance))
        assert sound(city) == []


def test_the_batch_file_is_what_it_says() -> None:
    file = BatchFile("990000")
    text = file.head() + file.lines([(7, 123, 1, 16_800), (8, 123, 2, 100)])
    digest = sm3(text).hex()
    assert text.decode() == ("record,entry,order,policy,fen\nline,7,990000-000000000123-9,990000-000000000123-9-01,16800\n"
                             "line,8,990000-000000000123-9,990000-000000000123-9-02,100\n")
    assert file.total().decode() == f"total,2,,{digest},16900\n"
    assert (file.count, file.fen, file.digest()) == (2, 16_900, digest)
