"""`huibao bench adjudicate`: the fold beside NumPy, a file beside window SQL, and one bill with and without its why."""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from rich.console import Console

from huibao.bench import city, sql, windows
from huibao.bench.numpy_fold import fold_numpy
from huibao.benefits import arrays, kernel, loading
from huibao.benefits.columns import ColumnFold
from huibao.benefits.explain import explain
from huibao.benefits.fold import Settlement, settle
from huibao.benefits.reading import read
from huibao.benefits.settle import settle_file
from huibao.benefits.terms import Compiled


def bench(rows: int, rounds: int, keep: Path | None, console: Console) -> None:
    """Runs all three measurements and prints them; the last line is the contract's."""
    plan = loading.load_text("bench.toml", city.PLAN)
    with tempfile.TemporaryDirectory(prefix="huibao-bench-") as scratch:
        folder = keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        claims = folder / f"claims-{rows}.parquet"
        if not claims.exists():
            console.print(f"写数据：{rows:,} 笔，{rows // 4:,} 人 …", highlight=False)
            city.write(claims, rows)
        _desk(console, Compiled(plan))
        _ordered(console, ColumnFold(plan), claims, rounds)
        _files(console, plan, claims, folder, max(1, rounds // 2), rows)


def _median(rounds: int, *work: Callable[[], object]) -> list[float]:
    """The median seconds of each piece of work, done in turn, after one round that does not count."""
    took: list[list[float]] = [[] for _ in work]
    for n in range(rounds + 1):
        for piece, seconds in zip(work, took, strict=True):
            start = time.perf_counter()
            piece()
            if n:
                seconds.append(time.perf_counter() - start)
    return [statistics.median(seconds) for seconds in took]


# ── one bill at the desk ─────────────────────────────────────────────────────────────────────────────────────────────

def _desk(console: Console, plan: Compiled) -> None:
    row = {"psn_no": "1", "setl_id": "1", "setl_time": "2026-03-01", "preexisting": "0", "in_scope_self_pay": "30000.00",
           "preselfpay_amt": "5000.00", "overlmt_selfpay": "800.00", "fulamt_ownpay_amt": "53200.00"}
    bill = read(plan, row)
    assert isinstance(bill, Settlement)
    count = 2000

    def explained() -> None:
        for _ in range(count):
            payments, _moved = settle(plan, {}, bill, explain=True)
            explain(plan.plan, bill, payments)

    def bare() -> None:
        for _ in range(count):
            settle(plan, {}, bill)

    with_why, without = _median(5, explained, bare)
    console.print(f"一笔结算（Python）:{with_why / count * 1e6:.1f} µs 含中英文说明，{without / count * 1e6:.1f} µs 不含", highlight=False)


# ── ordered columns ──────────────────────────────────────────────────────────────────────────────────────────────────

def _ordered(console: Console, fold: ColumnFold, claims: Path, rounds: int) -> None:
    bills, terms = _prepared(fold, claims)
    status = np.zeros(len(bills.first), np.uint8)
    # Both write into room that stands ready, as a run over many batches does: what is measured is the fold.
    room = {side: arrays.empty_result(len(fold.plan.plan.benefits), len(bills.first), status) for side in ("ours", "numpy")}
    results: dict[str, Any] = {}

    def ours() -> None:
        results["ours"] = kernel.run(fold.shape, terms, bills, status, room["ours"])

    def numpy() -> None:
        results["numpy"] = fold_numpy(fold.plan, terms, bills, room["numpy"])

    ours_s, numpy_s = _median(rounds, ours, numpy)
    mine = results["ours"]
    same = all(np.array_equal(getattr(mine, name), getattr(results["numpy"], name))
               for name in ("base", "deductible", "covered", "payable", "pay"))
    pays, capped = (mine.pay > 0).any(axis=0).mean(), (mine.pay < mine.payable).any(axis=0).mean()
    rows = len(bills.first)
    if not same:
        raise AssertionError("numpy and the fold differ")
    console.print(f"数据：{pays:.1%} 的结算有赔付，{capped:.1%} 触及限额；NumPy 与折叠逐分相等", highlight=False)
    console.print(f"adjudicate-ordered ratio={numpy_s / ours_s:.2f} ours={rows / ours_s:,.0f}/s yardstick={rows / numpy_s:,.0f}/s "
                  "(NumPy: the same arithmetic by segmented cumulative sums, all columns written)", highlight=False)


def _prepared(fold: ColumnFold, claims: Path) -> tuple[arrays.Bills, arrays.Table]:
    """The bills of the file in the order of the fold, in memory."""
    fen = ", ".join(f"CAST({name} * 100 AS BIGINT) AS {name}" for name in city.AMOUNTS)
    rows = sql.ask(f"SELECT psn_no, preexisting, {fen} FROM '{claims}' ORDER BY psn_no, accept_seq").to_arrow_table()  # noqa: S608
    person = rows["psn_no"].combine_chunks().dictionary_encode().indices.to_numpy()
    first = np.append(True, person[1:] != person[:-1]).astype(np.uint8)
    amounts = np.vstack([rows[name].to_numpy() for name in city.AMOUNTS])
    n = len(first)
    bits = [fold.plan.bits({"preexisting": known}) for known in (False, True)]
    terms = arrays.table(fold.plan, [fold.plan.terms(b) for b in bits])
    nobody = np.zeros(n, np.int32)
    whole = amounts.sum(axis=0)
    which = rows["preexisting"].combine_chunks().cast(pa.int32()).to_numpy()
    return arrays.Bills(np.arange(n + 1), first, nobody, nobody, whole, whole, np.full(n, -1, np.int32), which, amounts, nobody,
                        np.zeros(n, np.int64), unheld=True), terms


# ── a file ───────────────────────────────────────────────────────────────────────────────────────────────────────────

def _files(console: Console, plan: Any, claims: Path, folder: Path, rounds: int, rows: int) -> None:
    ours_out, sql_out = folder / "ours.parquet", folder / "windows.parquet"
    ours_s, sql_s = _median(rounds, lambda: settle_file(plan, claims, ours_out), lambda: windows.settle(claims, sql_out))
    differ = sql.count(
        f"SELECT count(*) FROM '{ours_out}' a FULL JOIN '{sql_out}' b USING (setl_id, benefit) "  # noqa: S608
        "WHERE (a.base, a.deductible, a.covered, a.payable, a.pay) IS DISTINCT FROM (b.base, b.deductible, b.covered, b.payable, b.pay)")
    if differ:
        raise AssertionError(f"window SQL and the fold differ on {differ} rows")
    console.print("文件：结果与窗口 SQL 逐分相等", highlight=False)
    console.print(f"adjudicate ratio={sql_s / ours_s:.2f} ours={rows / ours_s:,.0f}/s yardstick={rows / sql_s:,.0f}/s "
                  "(DuckDB window SQL by hand, unordered Parquet to Parquet, the same columns)", highlight=False)
