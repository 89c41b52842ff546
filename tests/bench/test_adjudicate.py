"""The benchmark measures equal work: fold, NumPy and window SQL give the same fen, or it raises."""

import re
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from huibao.bench import adjudicate, city, windows


def test_the_last_line_is_the_contract(tmp_path: Path) -> None:
    console = Console(record=True, width=250)
    adjudicate.bench(40_000, 1, tmp_path, console)
    said = console.export_text()
    assert "NumPy 与折叠逐分相等" in said
    assert re.fullmatch(r"adjudicate ratio=[\d.]+ ours=[\d,]+/s yardstick=[\d,]+/s \(.+\)", said.strip().splitlines()[-1])
    paying, capped = map(float, re.findall(r"([\d.]+)% ", said)[:2])
    assert (paying >= 30, capped >= 1) == (True, True)


def test_the_data_is_seeded(tmp_path: Path) -> None:
    one, two = tmp_path / "one.parquet", tmp_path / "two.parquet"
    city.write(one, 5000)
    city.write(two, 5000)
    assert pq.read_table(one).equals(pq.read_table(two))
    assert len(np.unique(pq.read_table(one)["psn_no"].to_numpy())) == 1232


def test_a_wrong_yardstick_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "_SQL", windows._SQL.replace("least(6000000, b1 + q1)", "least(6000001, b1 + q1)"))
    with pytest.raises(AssertionError, match="window SQL and the fold differ"):
        adjudicate.bench(40_000, 1, tmp_path, Console(quiet=True))
