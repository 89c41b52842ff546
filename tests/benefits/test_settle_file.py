"""Files of settlements: what comes in as CSV or Parquet, in what order, and what goes out, to the fen.

A bill of 300 yuan pays 100.00 where it is the first of its person in the year, (300 − 100) × 50%, and 150.00 afterwards.
"""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from huibao.benefits import settle as module
from huibao.benefits.settle import FileUnfit
from tests.benefits.files import DRUGS, HEADER, HOUSEHOLD, PLAN, bytes_of, file_of, parquet_of, settle, written

SEQ = f"{HEADER},accept_seq"
TWO = ("人1,S1,2026-05-01,300.00", "人1,S2,2026-05-02,300.00")
PAYS = {"S1": "100.00", "S2": "150.00"}

at = datetime.fromisoformat


# ── what goes out ────────────────────────────────────────────────────────────────────────────────────────────────────

@pytest.mark.parametrize("out", ["out.csv", "out.parquet"])
@pytest.mark.parametrize("given", ["csv", "parquet"])
def test_whatever_the_file_the_fen_are_the_same(tmp_path: Path, given: str, out: str) -> None:
    claims = file_of(tmp_path, *TWO) if given == "csv" else parquet_of(tmp_path, 2)
    found = settle(claims, out=out)
    assert found.paid == [("S1", "100.00", "settled"), ("S2", "150.00", "settled")]
    assert (found.summary.settlements, found.summary.reversals, found.summary.rejected) == (2, 0, 0)
    assert (found.summary.paid_fen, found.summary.open_cases) == (25_000, 0)
    assert written(tmp_path / out)[0] == {
        "setl_id": "S1", "benefit": "self-paid", "base": "300.00", "deductible": "100.00", "covered": "200.00",
        "payable": "100.00", "pay": "100.00", "difference": "0.00", "status": "settled",
        "provisional": "false" if out == "out.csv" else "False"}


def test_a_second_run_takes_the_place_of_the_first(tmp_path: Path) -> None:
    first = settle(file_of(tmp_path, *TWO, "人1,S3,2026-13-01,300.00"))
    assert (first.pays, first.rejected) == (PAYS, [(4, "S3", "settlement.field_unreadable")])
    assert settle(file_of(tmp_path, TWO[1])).pays == {"S2": "100.00"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["claims.csv", "out.csv"]


def test_nothing_appears_where_something_fails(tmp_path: Path) -> None:
    def watch(*_: object) -> None:
        raise LookupError("the watcher fails")

    claims = file_of(tmp_path, *TWO, "人1,S3,x,300.00")
    with pytest.raises(LookupError, match="the watcher fails"):
        settle(claims, watch=watch)
    assert [path.name for path in tmp_path.iterdir()] == ["claims.csv"]
    before = settle(claims)
    with pytest.raises(LookupError):
        settle(claims, watch=watch)
    assert {path.name for path in tmp_path.iterdir()} == {"claims.csv", "out.csv", "out.rejected.csv"}
    assert [(row["setl_id"], row["pay"]) for row in written(tmp_path / "out.csv")] == list(before.pays.items())


@pytest.mark.parametrize(("claims", "out"), [("out.csv", "out.csv"), ("out.rejected.csv", "out.csv")])
def test_no_output_takes_the_place_of_the_input(tmp_path: Path, claims: str, out: str) -> None:
    path = bytes_of(tmp_path, "\n".join((HEADER, *TWO)).encode(), claims)
    with pytest.raises(FileUnfit, match=r"请另取结果文件名.*name another"):
        settle(path, out=out)
    assert path.read_text("utf-8").splitlines() == [HEADER, *TWO]


def test_watch_and_progress_see_every_row(tmp_path: Path) -> None:
    seen: list[int] = []
    rows: list[int] = []
    settle(file_of(tmp_path, *TWO), watch=lambda table, _: seen.extend(table["line"].to_pylist()), progress=rows.append)
    assert (seen, sum(rows)) == ([2, 3], 2)


# ── order ────────────────────────────────────────────────────────────────────────────────────────────────────────────

@pytest.mark.parametrize(("header", "lines", "pays"), [
    # Without a sequence the order of the file is that of acceptance, whatever the dates.
    (HEADER, ["人1,S2,2026-05-02,300", "人1,S1,2026-05-01,300"], {"S2": "100.00", "S1": "150.00"}),
    (SEQ, ["人1,S2,2026-05-01,300,2", "人2,T1,2026-05-01,300,7", "人1,S1,2026-05-01,300,1"],
     {"S1": "100.00", "S2": "150.00", "T1": "100.00"}),
    # As numbers, not as texts.
    (SEQ, ["人1,S2,2026-05-01,300,10", "人1,S1,2026-05-01,300,9"], {"S1": "100.00", "S2": "150.00"}),
    # As long as a sequence may be.
    (SEQ, ["人1,S2,2026-05-01,300,202605010000000002", "人1,S1,2026-05-01,300,202605010000000001"], PAYS),
    # A late message goes last, though its date is the earliest.
    (SEQ, ["人1,S9,2026-01-02,300,9", "人1,S1,2026-06-01,300,1"], {"S1": "100.00", "S9": "150.00"}),
    # Rows without a number come after those with one, in their order.
    (SEQ, ["人1,S3,2026-05-01,300,", "人1,S4,2026-05-01,300,", "人1,S1,2026-05-01,300, 5 "],
     {"S1": "100.00", "S3": "150.00", "S4": "150.00"}),
    # Blanks around a number do not make another person.
    (HEADER, ["人1 ,S1,2026-05-01,300", "人10,T1,2026-05-01,300", "\u3000人1,S2,2026-05-01,300"], {**PAYS, "T1": "100.00"}),
])
def test_settlements_fold_in_the_order_of_acceptance(tmp_path: Path, header: str, lines: list[str], pays: dict[str, str]) -> None:
    found = settle(file_of(tmp_path, *lines, header=header))
    assert (found.pays, found.rejected) == (pays, [])


def test_a_reversal_takes_back_what_was_posted_and_opens_what_came_after(tmp_path: Path) -> None:
    lines = (f"{TWO[0]},", f"{TWO[1]},", "人1,S3,2026-05-03,-300.00,S1", "人1,S4,2026-05-04,300.00,")
    found = settle(file_of(tmp_path, *lines, header=f"{HEADER},reverses"))
    # S2 was paid 150.00 after the deductible of S1; without S1 it would be 100.00: an open case of 50.00. S4 goes on from there.
    assert found.paid == [("S1", "100.00", "reversed"), ("S2", "150.00", "settled"), ("S3", "-100.00", "reversal"),
                          ("S4", "150.00", "settled")]
    assert [row["difference"] for row in written(tmp_path / "out.csv")] == ["0.00", "50.00", "0.00", "0.00"]
    assert (found.summary.settlements, found.summary.reversals, found.summary.open_cases, found.summary.paid_fen) == (3, 1, 1,
                                                                                                                      30_000)


@pytest.mark.parametrize(("lines", "code"), [
    (["人1,S3,2026-05-03,,S9"], "reversal.original_unknown"),
    (["人2,S3,2026-05-03,,S1"], "reversal.original_unknown"),
    (["人1,S3,2026-05-03,-299.99,S1"], "reversal.amounts_differ"),
    (["人1,S1,2026-05-03,300.00,"], "settlement.duplicate"),
    (["人1,S3,2026-05-03,-300.00,"], "settlement.negative_without_original"),
])
def test_what_is_not_taken_up_is_listed(tmp_path: Path, lines: list[str], code: str) -> None:
    found = settle(file_of(tmp_path, *(f"{line}," for line in TWO), *lines, header=f"{HEADER},reverses"))
    assert (found.pays, [(line, found_code) for line, _, found_code in found.rejected]) == (PAYS, [(4, code)])


LINES = f"{HEADER},feedetl_sn,list_type"


@pytest.mark.parametrize(("lines", "pays", "rejected"), [
    # Drugs alone are paid: (200 − 100) × 50%, then 100 × 50%.
    (["人1,S1,2026-05-01,300,,", "人1,S1,,200,1,101", "人1,S1,,100,2,201", "人1,S2,2026-05-01,100,,101"],
     {"S1": "50.00", "S2": "50.00"}, []),
    (["人1,S1,2026-05-01,300,,101", "人2,S1,,200,1,101"], {"S1": "100.00"}, [(3, "settlement.line_without_bill")]),
    (["人1,S1,,200,1,101", "人1,S1,2026-05-01,300,,101"], {"S1": "100.00"}, [(2, "settlement.line_without_bill")]),
    # A bill falls with its lines, and is one row of the list.
    (["人1,S1,2026-05-01,300,,", "人1,S1,,200,1,101", "人1,S1,,100.01,2,101"], {}, [(2, "settlement.lines_exceed_bill")]),
    (["人1,S1,2026-05-01,300,,", "人1,S1,,x,1,101", "人1,S2,2026-05-01,300,,101"], {"S2": "100.00"},
     [(2, "settlement.field_unreadable")]),
])
def test_lines_follow_their_bill(tmp_path: Path, lines: list[str], pays: dict[str, str], rejected: list[tuple[int, str]]) -> None:
    found = settle(file_of(tmp_path, *lines, header=LINES), DRUGS)
    assert (found.pays, [(line, code) for line, _, code in found.rejected]) == (pays, rejected)


def test_a_household_shares_what_the_plan_says_it_shares(tmp_path: Path) -> None:
    lines = ("人1,S1,2026-05-01,300.00,户1", "人3,S3,2026-05-01,300.00,户2", "人2,S2,2026-05-01,300.00,户1")
    claims = file_of(tmp_path, *lines, header=f"{HEADER},household_id")
    assert settle(claims, HOUSEHOLD).pays == {"S1": "100.00", "S2": "150.00", "S3": "100.00"}
    assert settle(claims, PLAN).pays == {"S1": "100.00", "S2": "100.00", "S3": "100.00"}


@pytest.mark.parametrize("rows", [1, 2, 3, 5, 1000])
def test_batches_that_cut_a_person_give_the_fen_of_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    bills = [f"人{n % 5},S{n},2026-05-01,{n}.50,{'' if n % 7 else f'S{n - 5}'}" for n in range(70, 170)]
    claims = file_of(tmp_path, *bills, header=f"{HEADER},reverses")
    whole = settle(claims)
    monkeypatch.setattr(module, "BATCH_ROWS", rows)
    batches: list[int] = []
    cut = settle(claims, progress=batches.append)
    assert (sorted(cut.paid), sorted(cut.rejected)) == (sorted(whole.paid), sorted(whole.rejected))
    assert sum(batches) == len(bills)
    assert (cut.summary.paid_fen, cut.summary.open_cases) == (whole.summary.paid_fen, whole.summary.open_cases)


# ── --ordered ────────────────────────────────────────────────────────────────────────────────────────────────────────

@pytest.mark.parametrize(("header", "lines", "mend"), [
    (SEQ, ["人1,S1,2026-05-01,300,1", "人1,S2,2026-05-01,300,2", "人2,T1,2026-05-01,300,1"], None),
    (SEQ, ["人1,S1,2026-05-01,300,9", "人1,S2,2026-05-01,300,10", "人1,S3,2026-05-01,300,"], None),
    (SEQ, ["人2,T1,2026-05-01,300,1", "人1,S1,2026-05-01,300,2"], "psn_no"),
    (SEQ, ["人1,S1,2026-05-01,300,1", "人2,T1,2026-05-01,300,2", "人1,S2,2026-05-01,300,3"], "psn_no"),
    (SEQ, ["人1,S2,2026-05-01,300,2", "人1,S1,2026-05-01,300,1"], "accept_seq"),
])
@pytest.mark.parametrize("rows", [1, 1000])
def test_an_ordered_file_is_taken_at_its_word_but_looked_at(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, header: str, lines: list[str], mend: str | None, rows: int) -> None:
    monkeypatch.setattr(module, "BATCH_ROWS", rows)
    claims = file_of(tmp_path, *lines, header=header)
    if mend is None:
        assert settle(claims, is_ordered=True).paid == settle(claims).paid
        return
    with pytest.raises(FileUnfit, match=rf"{mend}.*请去掉 --ordered 重新运行.*run without --ordered"):
        settle(claims, is_ordered=True)
    assert [path.name for path in tmp_path.iterdir()] == ["claims.csv"]


def test_an_ordered_file_names_every_person(tmp_path: Path) -> None:
    claims = parquet_of(tmp_path, 3, psn_no=pa.array(["人1", None, "人1"]))
    with pytest.raises(FileUnfit, match="run without --ordered"):
        settle(claims, is_ordered=True)
    found = settle(claims)
    assert (found.pays, found.rejected) == ({"S1": "100.00", "S3": "150.00"}, [(2, "S2", "settlement.field_unreadable")])


# ── kinds of Parquet columns ─────────────────────────────────────────────────────────────────────────────────────────

@pytest.mark.parametrize("amounts", [
    pa.array([Decimal("300.00"), Decimal("300.00")], pa.decimal128(18, 2)),
    pa.array([Decimal(300), Decimal("300.00499")], pa.decimal128(20, 5)),
    pa.array([Decimal(300), Decimal(300)], pa.decimal128(9, 0)),
    pa.array([300.0, 300.004]), pa.array([300.0, 300.0], pa.float32()), pa.array([300, 300]), pa.array([300, 300], pa.int16()),
    pa.array([300, 300], pa.uint64()), pa.array(["300", " 300.0000 "]), pa.array(["300", "300.00"]).dictionary_encode(),
    pa.array([b"300", b"300.00"]), pa.array(["300", "300.00"], pa.large_string()),
], ids=lambda column: str(column.type))
def test_amounts_in_parquet(tmp_path: Path, amounts: Any) -> None:
    found = settle(parquet_of(tmp_path, 2, fulamt_ownpay_amt=amounts))
    assert (found.pays, found.rejected) == (PAYS, [])


@pytest.mark.parametrize("amounts", [
    pa.array([None, Decimal("0E-8"), Decimal("1E-8")], pa.decimal128(18, 8)), pa.array([None, 0.0, 0.1 + 0.2 - 0.3]),
    pa.array([None, "", "\u3000"]), pa.array([None, 0, 0], pa.int64()), pa.nulls(3),
], ids=lambda column: str(column.type))
def test_nothing_in_parquet_is_nothing(tmp_path: Path, amounts: Any) -> None:
    found = settle(parquet_of(tmp_path, 3, fulamt_ownpay_amt=amounts))
    assert (set(found.pays.values()), found.rejected) == ({"0.00"}, [])


@pytest.mark.parametrize(("amounts", "code"), [
    (pa.array([float("nan"), float("inf")]), "settlement.field_unreadable"),
    (pa.array([True, False]), "settlement.field_unreadable"),
    (pa.array([[300], [300]]), "settlement.field_unreadable"),
    (pa.array([{"yuan": 300}, {"yuan": 1}]), "settlement.field_unreadable"),
    (pa.array([10 ** 9, 2 ** 62]), "settlement.amount_out_of_range"),
    (pa.array([2 ** 64 - 1, 10 ** 9], pa.uint64()), "settlement.amount_out_of_range"),
    (pa.array([1e9, 1e10]), "settlement.amount_out_of_range"), (pa.array(["1e3", "300元"]), "settlement.field_unreadable"),
], ids=str)
def test_amounts_in_parquet_that_are_none(tmp_path: Path, amounts: Any, code: str) -> None:
    found = settle(parquet_of(tmp_path, 2, fulamt_ownpay_amt=amounts))
    assert (found.paid, found.rejected) == ([], [(1, "S1", code), (2, "S2", code)])


#: Cover begins with the first bill: the last second of 2025 and the first of 2026 in Shanghai, or their days.
@pytest.mark.parametrize("times", [
    pa.array(["2025-12-31 23:59:59", "2026-01-01 00:00:00"]), pa.array(["2025-12-31T15:59:59Z", "2025-12-31T16:00:00Z"]),
    pa.array([date(2025, 12, 31), date(2026, 1, 1)]), pa.array([date(2025, 12, 31), date(2026, 1, 1)], pa.date64()),
    pa.array([at("2025-12-31T23:59:59"), at("2026-01-01")]),
    pa.array([at("2025-12-31T23:59:59"), at("2026-01-01")], pa.timestamp("s")),
    pa.array([at("2025-12-31T23:59:59"), at("2026-01-01")], pa.timestamp("ms")),
    pa.array([1_767_225_599_999_999_999, 1_767_225_600_000_000_000], pa.timestamp("ns")),
    pa.array([datetime(2025, 12, 31, 15, 59, 59, tzinfo=UTC), datetime(2025, 12, 31, 16, tzinfo=UTC)]),
    pa.array([datetime(2025, 12, 31, 15, 59, 59, tzinfo=UTC), datetime(2025, 12, 31, 16, tzinfo=UTC)],
             pa.timestamp("ms", "America/New_York")),
    pa.array([20251231, 20260101]),
], ids=lambda column: str(column.type))
def test_times_in_parquet_are_those_of_shanghai(tmp_path: Path, times: Any) -> None:
    found = settle(parquet_of(tmp_path, 2, setl_time=times))
    assert (found.pays, found.rejected) == ({"S1": "0.00", "S2": "100.00"}, [])


@pytest.mark.parametrize("numbers", [
    pa.array([1, 1, 2]), pa.array([1.0, 1.0, 2.0]), pa.array(["1", "1", "2"]),
    pa.array([450_202_600_000_000_001] * 2 + [450_202_600_000_000_002]),
    pa.array([Decimal(1), Decimal(1), Decimal(2)], pa.decimal128(38, 0)), pa.array([b"1", b"1", b"2"]),
], ids=lambda column: str(column.type))
def test_persons_numbers_in_parquet_look_like_numbers(tmp_path: Path, numbers: Any) -> None:
    columns = {"setl_id": pa.array([1, 2, 3]), "reverses": pa.array([None, 1.0, None]),
               "fulamt_ownpay_amt": pa.array([300, None, 300])}
    found = settle(parquet_of(tmp_path, 3, psn_no=numbers, **columns))
    assert found.paid == [("1", "100.00", "reversed"), ("2", "-100.00", "reversal"), ("3", "100.00", "settled")]


@pytest.mark.parametrize("name", ["psn_no", "setl_id", "reverses"])
def test_a_number_that_has_lost_digits_is_nobodys(tmp_path: Path, name: str) -> None:
    claims = parquet_of(tmp_path, 2, **{name: pa.array([4.5e17, 4.5e17])})
    with pytest.raises(FileUnfit, match=rf"列 {name} 是浮点数，编号已丢失位数。请按文本写出"):
        settle(claims)


def test_rows_of_parquet_have_their_numbers_whatever_columns_there_are(tmp_path: Path) -> None:
    claims = parquet_of(tmp_path, 3, line=[9, 8, 7], setl_time=["x", "2026-05-01", "y"])
    assert settle(claims).rejected == [(1, "S1", "settlement.field_unreadable"), (3, "S3", "settlement.field_unreadable")]
