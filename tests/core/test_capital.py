"""Amounts in capitals, as a cashier writes them."""

import pytest

from huibao.core.capital import capital


@pytest.mark.parametrize("fen, said", [
    (0,                 "零元整"),
    (1,                 "壹分"),
    (10,                "壹角整"),
    (16_800,            "壹佰陆拾捌元整"),
    (16_850,            "壹佰陆拾捌元伍角整"),
    (16_855,            "壹佰陆拾捌元伍角伍分"),
    (16_805,            "壹佰陆拾捌元零伍分"),
    (100_00,            "壹佰元整"),
    (100_50,            "壹佰元零伍角整"),
    (1_007_00,          "壹仟零柒元整"),
    (1_070_00,          "壹仟零柒拾元整"),
    (10_000_00,         "壹万元整"),
    (10_001_00,         "壹万零壹元整"),
    (10_100_00,         "壹万零壹佰元整"),
    (15_000_00,         "壹万伍仟元整"),
    (150_000_00,        "壹拾伍万元整"),
    (150_300_00,        "壹拾伍万零叁佰元整"),
    (16_800_000_00,     "壹仟陆佰捌拾万元整"),
    (16_805_000_00,     "壹仟陆佰捌拾万零伍仟元整"),
    (100_000_000_00,    "壹亿元整"),
    (100_000_001_00,    "壹亿零壹元整"),
    (100_010_000_00,    "壹亿零壹万元整"),
    (1_234_567_890_12,  "壹拾贰亿叁仟肆佰伍拾陆万柒仟捌佰玖拾元零壹角贰分"),
    (1_000_000_000_000_00, "壹万亿元整"),
])
def test_an_amount(fen: int, said: str) -> None:
    assert capital(fen) == said


@pytest.mark.parametrize("fen", [-1, 10**17])
def test_what_has_no_capitals(fen: int) -> None:
    with pytest.raises(ValueError, match="capitals"):
        capital(fen)
