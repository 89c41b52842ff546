"""Columns understand exactly the texts that the readers of a single value understand, and give the same numbers."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from huibao.benefits import facts, vectors
from huibao.benefits.facts import FACTS, FactError
from huibao.benefits.reading import BLANKS
from huibao.benefits.vectors import BAD, NULL
from huibao.core import money
from huibao.core.time import business_date, moment

#: Beyond this a column may say that the amount is far beyond any bill instead of the amount.
FAR = 10 ** 16

at = datetime.fromisoformat

BLANK = st.text(BLANKS, max_size=3)

AMOUNTS = st.one_of(
    st.from_regex(r"[+-]?[0-9]{1,20}(\.[0-9]{0,12})?", fullmatch=True),
    st.from_regex(r"[+-]?[0-9]{0,3}[.,]?[0-9]{0,3}[eE]?[+-]?[0-9]{0,2}", fullmatch=True),
    st.text("0123456789+-.,eE ０１９．－_'¥元", max_size=8),
    st.decimals(allow_nan=False, allow_infinity=False, places=4).map(str),
    st.sampled_from(["", "-", "+", ".", "-.", ".5", "5.", "-0", "0.005", "-0.005", "0.00499999999999999999999", "1e5", "1_000",
                     "١٢", "1\x00", "9" * 16, "9" * 17, "99999999999999.995", "9" * 60, "0" * 30 + "1", "0.000000000000000001"]),
    st.text(max_size=6))

DAYS = st.one_of(
    st.dates(date(1, 1, 2), date(9999, 12, 30)).map(date.isoformat),
    st.datetimes(at("0001-01-02"), at("9999-12-30")).map(str),
    st.datetimes(at("1900-01-01"), at("2100-01-01")).map(lambda when: when.isoformat()),
    st.datetimes(at("1900-01-01"), at("2100-01-01"), timezones=st.sampled_from([UTC])).map(str),
    st.from_regex(r"20[0-9]{2}-[01][0-9]-[0-3][0-9]([T ][0-2][0-9](:[0-5][0-9](:[0-6][0-9](\.[0-9]{0,7})?)?)?)?(Z|\+08:00)?",
                  fullmatch=True),
    st.from_regex(r"2025-?W?[0-5][0-9]-?[0-9]{0,2} {0,3}T?([0-2][0-9](:[0-5][0-9])?)?( [0-2][0-9]:[0-5][0-9])?", fullmatch=True),
    st.text("0123456789-:T ZW.+２０", max_size=20),
    st.sampled_from(["2026-02-29", "2024-02-29", "2026-1-1", "2026/01/01", "20260101", "2026-01-01T24:00",
                     "2026-01-01 08:00:00,5",
                     "20260101  ", "20260101   08:15", "2026W01T08", "2026W01T08 08:15", "2026-W01-1", "２０２６-01-01", "0000-01-01",
                     "2025-12-31T16:00:00Z", "2025-12-31T15:59:59Z", "2026-01-01T", "2026-01-01 08:00:00 ", "2026-01-01 08"]))


def padded(texts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(BLANK, texts, BLANK).map("".join)


def one(text: str) -> int:
    """The amount that a single reader sees, in the words of columns."""
    if not text.strip(BLANKS):
        return NULL
    try:
        return money.fen(text)
    except money.MoneyError:
        return BAD


def one_day(text: str) -> int:
    if not text.strip():
        return NULL
    try:
        return (business_date(moment(text)) - date(1970, 1, 1)).days
    except ValueError:
        return BAD


def told(found: Any) -> list[int]:
    return [int(value) for value in found]


def far(amount: int) -> int:
    return BAD if amount not in (NULL, BAD) and abs(amount) >= FAR else amount


# ── amounts ──────────────────────────────────────────────────────────────────────────────────────────────────────────

@given(st.lists(st.one_of(st.none(), AMOUNTS, padded(AMOUNTS)), max_size=20))
def test_columns_read_the_amounts_that_money_reads(texts: list[str | None]) -> None:
    expected = [NULL if text is None else far(one(text)) for text in texts]
    for kind in (pa.string(), pa.large_string()):
        assert list(map(far, told(vectors.fen(pa.array(texts, kind))))) == expected
    # A part of a column begins somewhere in its buffers.
    assert list(map(far, told(vectors.fen(pa.array(["1.00", None, *texts], pa.string()).slice(2))))) == expected


@pytest.mark.parametrize(("text", "fen"), [
    ("1234.50", 123_450), ("+7", 700), ("-0.01", -1), ("5.", 500), (" 8.80\u3000", 880), ("", NULL), (" \u3000", NULL),
    # Rounded half away from zero, so that a reversal is the exact negative.
    ("0.005", 1), ("-0.005", -1), ("0.0049999999", 0), ("2.675", 268), ("00000000000000000001.10", 110),
    ("1,000.00", BAD), ("1e5", BAD), ("１２", BAD), (".5", BAD), ("-", BAD), ("1.2.3", BAD), ("元1", BAD),
    ("12345678901234567", BAD),
])
def test_an_amount_as_text(text: str, fen: int) -> None:
    assert told(vectors.fen(pa.array([text]))) == [fen]


@given(st.integers(0, 38), st.data())
def test_columns_read_decimals_as_money_does(scale: int, data: st.DataObject) -> None:
    digits = data.draw(st.lists(st.one_of(st.none(), st.integers(-10 ** 38 + 1, 10 ** 38 - 1), st.integers(-10 ** 6, 10 ** 6))))
    given = [None if n is None else Decimal((n < 0, tuple(map(int, str(abs(n)))), -scale)) for n in digits]
    expected = [NULL if value is None else far(money.fen(value)) for value in given]
    assert list(map(far, told(vectors.fen(pa.array(given, pa.decimal128(38, scale)))))) == expected


@given(st.lists(st.integers(-10 ** 16 + 1, 10 ** 16 - 1), min_size=1))
def test_decimals_of_two_places_are_read_without_touching_them(fen: list[int]) -> None:
    values = [Decimal(amount).scaleb(-2) for amount in fen]
    assert told(vectors.fen(pa.array([None, *values], pa.decimal128(18, 2)).slice(1))) == fen


@given(st.lists(st.one_of(st.none(), st.floats())))
def test_columns_read_floats_by_their_shortest_decimal_form(values: list[Any]) -> None:
    def read(value: Any) -> int:
        try:
            return NULL if value is None else far(money.fen(Decimal(repr(value))))
        except money.MoneyError:
            return BAD

    assert list(map(far, told(vectors.fen(pa.array(values, pa.float64(), from_pandas=False))))) == list(map(read, values))


@pytest.mark.parametrize(("column", "fen"), [
    (pa.array([3, None, -3], pa.int8()), [300, NULL, -300]),
    (pa.array([3, 2 ** 31 - 1], pa.int32()), [300, 214_748_364_700]),
    (pa.array([3, None], pa.int64()), [300, NULL]),
    (pa.array([0, 255], pa.uint8()), [0, 25_500]),
    (pa.nulls(2), [NULL, NULL]),
    (pa.array([0.1, 100.0, None], pa.float32()), [10, 10_000, NULL]),
    (pa.array([True]), [BAD]),
    (pa.array(["1.00", "2.00", None]).dictionary_encode(), [100, 200, NULL]),
])
def test_amounts_of_other_kinds(column: Any, fen: list[int]) -> None:
    assert told(vectors.fen(column)) == fen


@pytest.mark.parametrize("column", [pa.array([2 ** 64 - 1], pa.uint64()), pa.array([2 ** 63 - 1]), pa.array([-2 ** 63])], ids=str)
def test_whole_numbers_beyond_any_bill_stay_beyond_it(column: Any) -> None:
    assert [abs(amount) >= FAR for amount in told(vectors.fen(column))] == [True]


# ── dates ────────────────────────────────────────────────────────────────────────────────────────────────────────────

@given(st.lists(st.one_of(st.none(), DAYS, padded(DAYS)), max_size=20))
def test_columns_read_the_dates_that_time_reads(texts: list[str | None]) -> None:
    assert told(vectors.days(pa.array(texts, pa.string()))) == [NULL if text is None else one_day(text) for text in texts]


@pytest.mark.parametrize(("column", "day"), [
    (pa.array(["2026-01-01"]), date(2026, 1, 1)),
    (pa.array(["2026-01-01 23:59:59"]), date(2026, 1, 1)),
    (pa.array(["2025-12-31T16:00:00Z"]), date(2026, 1, 1)),
    (pa.array(["2025-12-31T15:59:59Z"]), date(2025, 12, 31)),
    (pa.array([20260101]), date(2026, 1, 1)),
    (pa.array([date(2026, 1, 1)]), date(2026, 1, 1)),
    (pa.array([date(2026, 1, 1)], pa.date64()), date(2026, 1, 1)),
    (pa.array([date(1969, 12, 31)]), date(1969, 12, 31)),
    (pa.array([at("2026-01-01 23:59:59")]), date(2026, 1, 1)),
    (pa.array([at("1969-12-31 23:59:59")], pa.timestamp("s")), date(1969, 12, 31)),
    (pa.array([datetime(2025, 12, 31, 16, tzinfo=UTC)]), date(2026, 1, 1)),
    (pa.array([datetime(2025, 12, 31, 15, 59, 59, tzinfo=UTC)]), date(2025, 12, 31)),
    (pa.array([datetime(2025, 12, 31, 15, 59, 59, tzinfo=UTC)], pa.timestamp("ms", "America/New_York")), date(2025, 12, 31)),
    (pa.array([1_767_225_599_999_999_999], pa.timestamp("ns")), date(2025, 12, 31)),
    (pa.array([1_767_196_799_999_999_999], pa.timestamp("ns", "UTC")), date(2025, 12, 31)),
])
def test_a_date_is_the_one_in_shanghai(column: Any, day: date) -> None:
    assert told(vectors.days(column)) == [(day - date(1970, 1, 1)).days]


def test_no_date_is_said_or_it_is_no_date() -> None:
    assert told(vectors.days(pa.array(["", " ", None, "2026-02-30", "元旦"]))) == [NULL, NULL, NULL, BAD, BAD]
    assert told(vectors.days(pa.nulls(1))) == told(vectors.days(pa.array([None], pa.timestamp("us", "UTC")))) == [NULL]


# ── facts and numbers ────────────────────────────────────────────────────────────────────────────────────────────────

WORDS = st.one_of(st.none(), st.text(max_size=4),
                  st.sampled_from(["", " ", "1", "0", "是", "否", "true", "TRUE", "yes", "unknown", "007", "２", "-1", "1.0", "none",
                                   "01"]))


@given(st.lists(st.tuples(WORDS, WORDS, WORDS), min_size=1, max_size=30))
def test_codes_stand_for_the_combinations_of_the_rows(rows: list[tuple[str | None, str | None, str | None]]) -> None:
    columns: list[Any] = [pa.array(words, pa.string()) for words in zip(*rows, strict=True)]
    codes, combinations = vectors.coded(columns)
    assert [combinations[code] for code in codes.tolist()] == rows
    assert sorted(set(codes.tolist())) == list(range(len(set(rows))))
    with_nothing, wider = vectors.coded([columns[0], pa.nulls(len(rows)), columns[1]])
    assert [wider[code] for code in with_nothing.tolist()] == [(a, None, b) for a, b, _ in rows]


@given(st.sampled_from(sorted(FACTS)), st.lists(WORDS, min_size=1, max_size=30))
def test_facts_of_a_column_are_those_of_its_rows(name: str, words: list[str | None]) -> None:
    def read(word: str | None) -> object:
        try:
            return facts.read(FACTS[name], word, ("base", "plus"))
        except FactError as error:
            return str(error)

    codes, combinations = vectors.coded([pa.array(words, pa.string())])
    values = [read(word) for (word,) in combinations]
    assert [values[code] for code in codes.tolist()] == [read(word) for word in words]


@given(st.lists(st.one_of(st.none(), st.text("人1　 \t\n\xa0-é𠮷", max_size=5)), min_size=1, max_size=40))
def test_equal_hashes_are_equal_texts_but_for_blanks(texts: list[str | None]) -> None:
    stripped = [(text or "").strip(BLANKS) for text in texts]
    for kind in (pa.string(), pa.large_string()):
        column = pa.array(["前", *texts], kind).slice(1)
        found = told(vectors.hashed(column))
        assert [[a == b for b in found] for a in found] == [[a == b for b in stripped] for a in stripped]
        assert [number == 0 for number in found] == [text == "" for text in stripped]
        assert [number % 2 for number in found] == [int(text != "") for text in stripped]
        assert vectors.trimmed(column).to_pylist() == stripped


def test_a_number_hashes_as_its_text() -> None:
    texts = told(vectors.hashed(pa.array(["1", "450200", None])))
    assert told(vectors.hashed(pa.array([1, 450200, None]))) == texts
    assert told(vectors.hashed(pa.array([1.0, 450200.0, None]))) == texts
    assert told(vectors.hashed(pa.array(["1", "450200", None]).dictionary_encode())) == texts
    assert told(vectors.hashed(pa.nulls(2))) == [0, 0]


def test_a_million_texts_have_a_million_hashes() -> None:
    many = pa.array(np.arange(1_000_000)).cast(pa.string())
    assert len(np.unique(vectors.hashed(many))) == 1_000_000
