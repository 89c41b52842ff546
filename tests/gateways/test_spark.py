"""The fold on Spark gives the fen of the file. Needs Java; `./test` says so where there is none."""

import shutil

import pytest
from rich.console import Console

from huibao.bench import spark as bench

needs_java = pytest.mark.skipif(shutil.which("java") is None, reason="no Java here")


@needs_java
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_spark_settles_to_the_same_fen() -> None:
    console = Console(record=True, width=200)
    assert bench.bench(20_000, console)
    said = console.export_text()
    assert "20,000 笔逐分相等" in said
    assert said.strip().splitlines()[-1].startswith("spark ratio=")


def test_without_java_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    console = Console(record=True, width=200)
    assert not bench.bench(10, console)
    assert console.export_text().strip() == bench.NO_JAVA
