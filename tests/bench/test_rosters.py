"""The benchmark of rosters ends in the agreed line, says what others wait and how much memory it took, and finds the books sound."""

import re
from io import StringIO
from typing import Final

import pytest
from rich.console import Console

from huibao.bench import rosters
from huibao.sponsored.model import PART

_LAST: Final = re.compile(r"import ratio=\d+\.\d\d ours=[\d,]+/s yardstick=[\d,]+/s \(.+\)")


def test_the_last_line_is_the_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    """At a size whose speed nobody would believe."""
    for name, few in (("PAYERS", 600), ("WARM", 50), ("ALONE", 100), ("BESIDE", 50)):
        monkeypatch.setattr(rosters, name, few)
    with StringIO() as out:
        rosters.bench(Console(file=out, width=250), 4 * PART, 1, 1)
        said = out.getvalue()
    assert _LAST.fullmatch(said.strip().splitlines()[-1]), said
    assert "账实相符 (sound)" in said
    assert re.search(r"memory: \d+ MB at most", said)
    assert re.search(r"beside a run p50 [\d.]+ ms, p99 [\d.]+ ms", said)
