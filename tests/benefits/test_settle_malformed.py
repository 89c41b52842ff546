"""Files as careless systems send them: every bill is settled or listed with its line and reason, or the file is refused whole."""

import csv
import io
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from random import Random
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from huibao.benefits import csvfile, loading
from huibao.benefits import settle as module
from huibao.benefits.settle import FileUnfit, settle_file
from huibao.core.tomlfile import FileRefused
from tests.benefits.both import Row, bills, by_desk
from tests.benefits.files import HEADER, HOUSEHOLD, PLAN, as_csv, bytes_of, file_of, plan, refused, settle, written
from tests.benefits.random_plans import history_rows, plan_text, seeded

UNREADABLE: Final = "file.line_unreadable"
RARE = "买买提·艾力䶮𬭎𠮷"
GOOD = "人1,S{},2026-05-01,300.00"


# ── text ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

@pytest.mark.parametrize("encode", [
    lambda text: text.encode(), lambda text: text.encode("utf-8-sig"), lambda text: text.encode("gb18030"),
    lambda text: text.replace("\n", "\r\n").encode(), lambda text: text.replace("\n", "\r\n").encode("gb18030"),
    lambda text: text.rstrip("\n").encode(), lambda text: text.replace("\n", "\n\n").encode(),
    lambda text: f"{text}\r\n \r\n".encode()[:-4],
    lambda text: "\n".join(",".join(f'"{cell}"' for cell in line.split(",")) for line in text.splitlines()).encode(),
], ids=["utf-8", "utf-8 with a mark", "gb18030", "crlf", "gb18030 crlf", "no last break", "blank lines", "blank end", "quoted"])
def test_rare_characters_come_out_as_they_went_in(tmp_path: Path, encode: Callable[[str], bytes]) -> None:
    text = "\n".join((HEADER, f"{RARE},{RARE}1,2026-05-01,300.00", f"{RARE},𠮷,2026-05-02,300.00", ""))
    found = settle(bytes_of(tmp_path, encode(text)))
    assert (found.paid, found.rejected) == ([(f"{RARE}1", "100.00", "settled"), ("𠮷", "150.00", "settled")], [])


def test_commas_quotes_and_breaks_inside_quotes_are_of_the_value(tmp_path: Path) -> None:
    found = settle(file_of(tmp_path, '人1,"S,1",2026-05-01,300.00,x', '人1,"S""2",2026-05-01,300.00,"肺炎\n（重症）\n"',
                           "人1,S3,2026-05-01,x,y",
                           '"人1",S4,"2026-05-01",300.00,"a, b"', header=f"{HEADER},dise_name"))
    assert found.pays == {"S,1": "100.00", 'S"2': "150.00", "S4": "150.00"}
    assert found.rejected == [(6, "S3", "settlement.field_unreadable")]  # the row before it has three lines


@pytest.mark.parametrize(("lines", "settled", "rejected"), [
    # The lines that are left have their own numbers, whatever stands before them.
    (["人1,S1,2026-05-01", GOOD.format(2), "人1,S3,2026-05-01,300.00,,", "人1,S4,x,300.00", "x"], ["S2"], [2, 4, 5, 6]),
    (["", GOOD.format(1), "", "", "人1,S2,x,300.00", " ", GOOD.format(3)], ["S1", "S3"], [6, 7]),
    # A quote that nobody closed swallows no bill.
    (['人1,S1,2026-05-01,"300.00', GOOD.format(2), GOOD.format(3)], ["S2", "S3"], [2]),
    (['"人1,S1,2026-05-01,300.00', GOOD.format(2), '人1,S3,2026-05-01,"300.00', GOOD.format(4)], ["S2", "S4"], [2, 4]),
    (['人1,S1,2026-05-01,"', '人1,S2,2026-05-01,"', GOOD.format(3)], ["S3"], [2, 3]),
    ([GOOD.format(1), '"'], ["S1"], [3]),
    # A quote within a value is a quote.
    (['人"1,S1,2026-05-01,300.00', '人1,S"2",2026-05-01,300.00'], ["S1", 'S"2"'], []),
    (["人1,S1,2026-05-01,300.00\r人1,S2,2026-05-01,300.00", GOOD.format(3)], ["S3"], [2]),
    (["人1,S\x001,2026-05-01,300.00", GOOD.format(2)], ["S\x001", "S2"], []),
])
@pytest.mark.parametrize("block", [64, 4 << 20])
def test_every_line_is_a_row_or_is_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int,
                                          lines: list[str], settled: list[str], rejected: list[int]) -> None:
    monkeypatch.setattr(csvfile, "_BLOCK", block)
    found = settle(file_of(tmp_path, *lines))
    assert sorted(found.pays) == sorted(settled)
    assert sorted(line for line, _, _ in found.rejected) == rejected


def test_a_line_that_is_no_text_is_listed_and_decides_nothing(tmp_path: Path) -> None:
    good = [f"人{n},{RARE}{n},2026-05-01,300.00".encode() for n in range(8)]
    for code in ("utf-8", "gb18030"):
        lines = [HEADER.encode(), *(line.decode().encode(code) for line in good), b"\xff\xff,S9,2026-05-01,300.00", b""]
        found = settle(bytes_of(tmp_path, b"\n".join(lines)))
        assert sorted(found.pays) == [f"{RARE}{n}" for n in range(8)]
        assert found.rejected == [(10, "", UNREADABLE)]
        assert refused(tmp_path / "out.csv")[0]["reason"] == f"不是 {code} 编码的文字。请另存为 UTF-8 后补送。"


@pytest.mark.parametrize("code", ["utf-8", "gb18030"])
@pytest.mark.parametrize("shift", range(6))
def test_characters_across_a_block_are_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, shift: int) -> None:
    monkeypatch.setattr(csvfile, "_BLOCK", 97)
    lines = [f"{'x' * shift if n == 0 else '人'}{n},{RARE}{n},2026-05-01,300.00" for n in range(50)]
    found = settle(bytes_of(tmp_path, "\n".join((HEADER, *lines, "")).encode(code)))
    assert (sorted(found.pays), found.rejected) == (sorted(f"{RARE}{n}" for n in range(50)), [])


def test_an_ascii_beginning_does_not_hide_the_encoding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csvfile, "_BLOCK", 128)
    lines = [f"P{n},S{n},2026-05-01,300.00" for n in range(20)]
    found = settle(bytes_of(tmp_path, "\n".join((HEADER, *lines, f"{RARE},{RARE},2026-05-01,300.00")).encode("gb18030")))
    assert (found.pays[RARE], found.summary.rejected) == ("100.00", 0)


@pytest.mark.parametrize(("setl_id", "shown"), [
    ("=1+1", "'=1+1"), ("+86", "'+86"), ("-1", "'-1"), ("@SUM(A1)", "'@SUM(A1)"), ("S=1", "S=1")])
def test_no_spreadsheet_takes_a_number_for_a_formula(tmp_path: Path, setl_id: str, shown: str) -> None:
    found = settle(file_of(tmp_path, f"人1,{setl_id},x,300.00"))
    assert found.rejected == [(2, shown, "settlement.field_unreadable")]


# ── files that are refused whole ─────────────────────────────────────────────────────────────────────────────────────

@pytest.mark.parametrize(("data", "says"), [
    ("", "文件没有表头"), ("\n\n", "文件没有表头"), ("\n" + GOOD, "文件没有表头"),
    ("psn_no,setl_id,fulamt_ownpay_amt\n", "缺少列 setl_time。请补上后重新运行"),
    ("PSN_NO,setl_id;setl_time,fulamt_ownpay_amt\n", "缺少列 psn_no、setl_id、setl_time"),
    ("psn_no,setl_id,setl_time\n", "没有任何可结算的金额列，请至少提供一列：in_scope_self_pay、"),
    (f"{HEADER},setl_id\n", "列 setl_id 出现不止一次。请只留一列"),
    (f"{HEADER}, psn_no ,reverses,reverses\n", "列 psn_no、reverses 出现不止一次"),
    ("\x00\x01\x02\r\x03", "缺少列"), ("x" * 300_000, "缺少列"),
])
def test_a_csv_file_that_is_unfit_says_what_to_do(tmp_path: Path, data: str, says: str) -> None:
    with pytest.raises(FileUnfit, match=says):
        settle(bytes_of(tmp_path, data.encode()))
    assert [path.name for path in tmp_path.iterdir()] == ["claims.csv"]


@pytest.mark.parametrize("header", [f" {HEADER.replace(',', ' , ')} ", f'"{HEADER.replace(",", chr(34) + "," + chr(34))}"',
                                    f"{HEADER},,",
                                    f"{HEADER},remark,remark", f"line,{HEADER},PSN_NO", f"setl_time2,{HEADER}"])
def test_a_header_may_have_blanks_quotes_and_columns_of_its_own(tmp_path: Path, header: str) -> None:
    names = [name.strip(' "') for name in header.split(",")]
    cells = dict(zip(HEADER.split(","), GOOD.format(1).split(","), strict=True))
    line = ",".join(cells.get(name, "77") for name in names)
    found = settle(file_of(tmp_path, line, "x", header=header))
    assert (found.pays, found.rejected) == ({"S1": "100.00"}, [(3, "", UNREADABLE)])


def test_a_header_alone_settles_nothing(tmp_path: Path) -> None:
    for data in (HEADER, f"{HEADER}\n", f"\ufeff{HEADER}\r\n\r\n"):
        assert settle(bytes_of(tmp_path, data.encode())).paid == []
    assert (tmp_path / "out.csv").read_text("utf-8").startswith('"setl_id","benefit","base"')


@pytest.mark.parametrize("data", [b"", b"PAR1", b"psn_no,setl_id\n", bytes(range(256)) * 4])
def test_a_parquet_file_that_is_none_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(FileUnfit, match=r"claims.parquet 读不出来，可能已损坏或不是 Parquet。请重新导出"):
        settle(bytes_of(tmp_path, data, "claims.parquet"))
    assert [path.name for path in tmp_path.iterdir()] == ["claims.parquet"]


def test_parquet_that_lost_bytes_is_refused_or_settled_whole(tmp_path: Path) -> None:
    out = io.BytesIO()
    pq.write_table(pa.table({"psn_no": [f"人{n % 7}" for n in range(50)], "setl_id": [f"S{n}" for n in range(50)],
                             "setl_time": ["2026-05-01"] * 50, "fulamt_ownpay_amt": ["300.00"] * 50}), out)
    unfit = 0
    for seed in range(150):
        dice, data = Random(seed), bytearray(out.getvalue())  # noqa: S311 - a test's dice
        for _ in range(dice.randint(1, 3)):
            start = dice.randrange(len(data))
            data[start: start + dice.choice([1, 1, 20])] = dice.randbytes(dice.choice([0, 1]))
        try:
            summary = settle_file(PLAN, bytes_of(tmp_path, bytes(data), "claims.parquet"), tmp_path / "out.parquet")
        except FileUnfit:
            unfit += 1
        else:
            assert summary.settlements + summary.reversals + summary.rejected == 50
    assert 0 < unfit < 150


# ── mutations ────────────────────────────────────────────────────────────────────────────────────────────────────────

NAMES: Final = ["psn_no", "setl_id", "setl_time", "accept_seq", "reverses", "place", "fulamt_ownpay_amt", "maf_pay",
                "psn_part_amt", "dise_name"]
WORDS: Final = ["", " ", "\u3000", '"', '""', ",", "\n", "\r", "\t", "x", "0", "-1", "-300.00", "1e9", "999999999999", "9" * 30,
                "2026-02-30", "NaN",
                "=1+1", "S1", "人1", "\x00", "\ufeff", "null", "𠮷", "1.005", "20260501", "2026-05-01T00:00:00Z"]


def valid_rows() -> list[list[str]]:
    """Twenty bills of four persons, with two reversals; the last column is a text that the plan does not read."""
    rows = [[f"人{n % 4}", f"S{n}", f"2026-05-{n + 1:02d} 08:00:00", str(n + 1), "", "local", "300.00", "0.00", "300.00",
             "肺炎"] for n in range(20)]
    rows[9][4:9] = ["S5", "", "-300.00", "", "-300.00"]
    rows[18][4:9] = ["S2", "", "", "", ""]
    return rows


def mutated(dice: Random) -> bytes:
    """The valid file with one to three things wrong in it."""
    table = [list(NAMES), *valid_rows()]
    late: list[Callable[[bytearray], None]] = []
    for _ in range(dice.randint(1, 3)):
        row, column = dice.choice(table), dice.randrange(len(NAMES))
        match dice.choice(["cell", "cell", "cell", "drop", "add", "lose row", "twice row", "column", "swap", "byte", "quote",
                           "cut", "break", "join"]):
            case "cell" if row:
                row[min(column, len(row) - 1)] = "".join(dice.choice(WORDS) for _ in range(dice.randint(1, 2)))
            case "drop" if row:
                row.pop(min(column, len(row) - 1))
            case "add":
                row.insert(column, dice.choice(WORDS))
            case "lose row":
                table.remove(row)
            case "twice row":
                table.insert(dice.randrange(len(table)), list(row))
            case "column":
                for some in table:
                    some[column: column + 1] = [] if dice.random() < 0.5 and column == 9 else some[column: column + 1] * 2
            case "swap":
                dice.shuffle(row)
            case kind:
                late.append(lambda data, kind=kind: _spoil(dice, data, kind))  # type: ignore[misc]
    text = io.StringIO()
    csv.writer(text, lineterminator=dice.choice(["\n", "\n", "\r\n"]),
               quoting=dice.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])).writerows(table)
    data = bytearray(text.getvalue().encode(dice.choice(["utf-8", "utf-8", "gb18030"])))
    for spoil in late:
        spoil(data)
    return bytes(data)


def _spoil(dice: Random, data: bytearray, kind: str) -> None:
    at = dice.randrange(max(1, len(data)))
    match kind:
        case "byte":
            data[at: at + 1] = dice.randbytes(dice.randint(0, 3))
        case "quote":
            data[at:at] = b'"'
        case "cut":
            del data[at:]
        case "break":
            data[at:at] = dice.choice([b"\n", b"\r", b"\r\n", b"\n\n"])
        case _:
            found = data.find(b"\n", at)
            if found >= 0:
                del data[found]


@pytest.mark.parametrize("hundred", range(5))
def test_a_mutated_file_loses_no_bill(tmp_path: Path, hundred: int) -> None:
    outcomes = {"unfit": 0, "settled": 0}
    for seed in range(hundred * 100, hundred * 100 + 100):
        data = mutated(Random(seed))  # noqa: S311 - a test's dice
        try:
            _accounted(tmp_path, data)
            outcomes["settled"] += 1
        except FileUnfit:
            outcomes["unfit"] += 1
        except Exception as error:
            error.add_note(f"seed {seed}: {data!r}")
            raise
    assert outcomes["settled"] > 50
    assert outcomes["unfit"] > 0


def _accounted(folder: Path, data: bytes) -> None:
    """Every line after the header was read as a bill, or is listed with its number, once; only quoted values run over lines."""
    read: list[int] = []
    claims, out = bytes_of(folder, data), folder / "out.csv"
    summary = settle_file(PLAN, claims, out, watch=lambda table, _: read.extend(table["line"].to_pylist()))
    listed = [int(row["line"]) for row in refused(out)]
    assert all(row["code"] and row["reason"] and row["reason_en"] for row in refused(out))
    assert len(read) == len(set(read))
    assert len(listed) == len(set(listed)) == summary.rejected
    lines = {n: line for n, line in enumerate(data.split(b"\n"), 1) if n > 1 and line.strip(b"\r")}
    taken = sorted({*read, *listed})
    assert summary.settlements + summary.reversals + summary.rejected == len(taken) <= len(lines)
    assert summary.settlements + summary.reversals == len(written(out))
    assert set(taken) <= set(lines)
    for lost in set(lines) - set(taken):
        first = max(line for line in taken if line < lost)
        assert b'"' in lines[first]
        assert first in read
        [cells] = csv.reader(io.StringIO(b"\n".join(data.split(b"\n")[first - 1: lost]).decode(csvfile.encoding(claims)),
                                         newline=""))
        assert len(cells) <= len(csvfile.header(claims))


# ── what no row may do ───────────────────────────────────────────────────────────────────────────────────────────────

@pytest.mark.parametrize(("name", "cell"), [
    ("accept_seq", "５"), ("setl_time", "0001-01-01T00:00:00+23:00"), ("setl_time", "9999-12-31T23:00:00Z"), ("maf_pay", "9" * 20)])
def test_no_single_cell_stops_a_file(tmp_path: Path, name: str, cell: str) -> None:
    cells = {"psn_no": "人1", "setl_id": "S1", "setl_time": "2026-05-01", "fulamt_ownpay_amt": "300.00", name: cell}
    terms = plan(("sources = [", 'before = ["maf_pay"]\nsources = ['))
    found = settle(file_of(tmp_path, ",".join(cells.values()), header=",".join(cells)), terms)
    assert found.summary.settlements + found.summary.rejected == 1


def test_strangers_without_a_household_share_nothing(tmp_path: Path) -> None:
    claims = file_of(tmp_path, "人1,S1,2026-05-01,300.00,", "人2,S2,2026-05-01,300.00,", header=f"{HEADER},household_id")
    assert "150.00" not in settle(claims, HOUSEHOLD).pays.values()


# ── the desk ─────────────────────────────────────────────────────────────────────────────────────────────────────────

def a_plan(seed: int) -> Any:
    """The first plan from a seed on that loads."""
    while True:
        try:
            return loading.load_text("random.toml", plan_text(seeded(seed)))
        except FileRefused:
            seed += 1


def a_file(seed: int) -> list[Row]:
    """The histories of many households, in order of acceptance within each, every bill with its own number in all of the file."""
    rows: list[Row] = []
    for n in range(8):
        for row in history_rows(seeded(seed + n)):
            own = {name: f"{row[name]}·{n}" for name in ("psn_no", "household_id", "setl_id", "mdtrt_id", "reverses")
                   if str(row.get(name) or "").strip()}
            rows.append({**row, **own})
    return rows


@settings(max_examples=30, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 10 ** 9), st.randoms(use_true_random=False), st.sampled_from([".csv", ".parquet"]),
       st.sampled_from([7, 60, 400_000]))
def test_files_give_the_fen_of_the_desk(tmp_path_factory: pytest.TempPathFactory, seed: int, dice: Random, suffix: str,
                                        batch: int) -> None:
    """Bills lie anywhere in the file, their lines after them; `accept_seq` says in which order they were accepted."""
    terms, folder = a_plan(seed), tmp_path_factory.mktemp("desk")
    group = "household_id" if terms.household else "psn_no"
    rows = sorted(a_file(seed), key=lambda row: str(row[group]))
    for sequence, bill in enumerate(bills(rows)):
        for row in bill:
            row["accept_seq"] = str(sequence)
    blocks = bills(rows)
    dice.shuffle(blocks)
    placed = [row for block in blocks for row in block]
    for line, row in enumerate(placed, 2 if suffix == ".csv" else 1):
        row["line"] = line
    names = sorted({name for row in rows for name in row})
    if suffix == ".csv":
        claims = as_csv(folder, placed, names)
    else:
        claims = folder / "claims.parquet"
        pq.write_table(pa.table({name: pa.array([None if row.get(name) is None else str(row[name]) for row in placed],
                                                pa.string())
                                 for name in names}), claims)
    expected, rejected = {}, {}
    heads = [bill[0] for _, one in groupby(rows, key=lambda row: row[group]) for bill in bills(list(one))]
    for head, (status, figures) in zip(heads, by_desk(terms, rows), strict=True):
        if figures:
            expected[head["setl_id"]] = [status, *([*map(_yuan, five), _yuan(five[-1] - target if status == "settled" else 0)]
                                                   for *five, target in figures)]
        else:
            rejected[head["line"]] = status
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BATCH_ROWS", batch)
        found = settle(claims, terms, out=f"out{suffix}")
    got: dict[str, list[Any]] = {}
    order = {benefit.id: b for b, benefit in enumerate(terms.benefits)}
    for row in sorted(written(folder / f"out{suffix}"), key=lambda row: order[row["benefit"]]):
        figures_of = [row[name] for name in ("base", "deductible", "covered", "payable", "pay", "difference")]
        got.setdefault(row["setl_id"], [row["status"]]).append(figures_of)
    assert got == expected
    assert {line: code for line, _, code in found.rejected} == rejected


def _yuan(fen: int) -> str:
    return f"{'-' if fen < 0 else ''}{abs(fen) // 100}.{abs(fen) % 100:02d}"
