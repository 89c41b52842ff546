"""The command line as people call it: what it prints, and its exit status."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from huibao.benefits.authoring import facts_page
from huibao.cli import main
from huibao.demo.run import messages

ROOT = Path(__file__).parents[2]
CLAIMS = ("psn_no,setl_id,setl_time,fulamt_ownpay_amt,med_type,preexisting\n"
          "甲,1,2025-09-01,53200.00,21,0\n乙,2,2025-09-02,x,21,0\n甲,3,2025-09-03,1000.00,21,0\n")


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def test_settle_writes_lists_and_explains(tmp_path: Path) -> None:
    claims = tmp_path / "claims.csv"
    claims.write_text(CLAIMS, "utf-8")
    result = call("settle", "huhuibao-2025", str(claims), "--explain", "甲", "--explain", "丙")
    assert result.exit_code == 3
    assert result.stdout.splitlines()[0] == "【甲】结算 1"
    assert "28,840.00" in result.stdout
    assert "【丙】文件中没有此人" in result.stdout
    assert "结算 2 笔" in result.stderr
    assert (tmp_path / "claims.settled.csv").exists()
    assert "3,2,settlement.field_unreadable" in (tmp_path / "claims.settled.rejected.csv").read_text("utf-8-sig")


def test_settle_without_rejections_ends_well(tmp_path: Path) -> None:
    claims, out = tmp_path / "claims.csv", tmp_path / "out.parquet"
    claims.write_text(CLAIMS.replace("x", "1"), "utf-8")
    assert call("settle", "huhuibao-2025", str(claims), "-o", str(out)).exit_code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["claims.csv", "out.parquet"]


WRONG = [
    # story, arguments, what is said
    ("没有这个产品", ("settle", "nothing", "{claims}"), "huhuibao-2025"),
    ("产品文件写错", ("settle", "{bad}", "{claims}"), "kind"),
    ("结果后缀不认识", ("settle", "huhuibao-2025", "{claims}", "-o", "out.xls"), ".parquet"),
    ("文件缺列", ("settle", "huhuibao-2025", "{bare}"), "setl_time"),
    ("检查写错的产品", ("plan", "check", "{bad}"), "valid"),
    ("没有这个方案", ("scheme", "show", "nowhere"), "没有方案"),
    ("产品文件不存在", ("plan", "check", "none.toml"), "none.toml"),
]


@pytest.mark.parametrize("story, arguments, says", WRONG, ids=[row[0] for row in WRONG])
def test_what_is_wrong_is_said(story: str, arguments: tuple[str, ...], says: str, tmp_path: Path) -> None:
    files = {"claims": CLAIMS, "bare": "psn_no,setl_id\n1,2\n", "bad": 'syntax = 1\nkind = "magic"\n'}
    for name, text in files.items():
        (tmp_path / f"{name}.{'toml' if name == 'bad' else 'csv'}").write_text(text, "utf-8")
    paths = {name: str(tmp_path / f"{name}.{'toml' if name == 'bad' else 'csv'}") for name in files}
    result = call(*(argument.format(**paths) for argument in arguments))
    assert result.exit_code == 1
    assert says in result.output
    assert "Traceback" not in result.output


def test_plan_check_reads_back_and_runs_the_examples(tmp_path: Path) -> None:
    result = call("plan", "check", "suhuibao-2026")
    assert result.exit_code == 0
    assert "指定人群" in result.stdout
    assert result.stdout.count("✓") == 8
    source = (ROOT / "src/huibao/plans/suhuibao-2026.toml").read_text("utf-8")
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(source.replace("ratio = \"40%\"", "ratio = \"41%\""), "utf-8")
    result = call("plan", "check", str(wrong))
    assert result.exit_code == 1
    assert "✗" in result.stdout


def test_a_message(tmp_path: Path) -> None:
    message = next(m for m in messages() if m["id"] == "V1")
    path = tmp_path / "v1.json"
    path.write_text(json.dumps(message["message"], default=str), "utf-8")
    known = ("--set", "psn_no=1", "--set", "setl_id=1", "--set", "setl_time=2026-03-01", "--set", "preexisting=0")
    result = call("message", "example-2026", str(path), "--transaction", "2304", *known)
    assert result.exit_code == 0
    assert "合计赔付 1,326.03 元" in result.stdout
    assert "In all 1,326.03 yuan." in result.stdout
    refused = call("message", "example-2026", str(path), "--transaction", "1101", *known)
    assert (refused.exit_code, "不是结算" in refused.output) == (1, True)


def test_lists_and_schemes() -> None:
    assert "huhuibao-2025" in call("plan", "list").stdout
    schemes = [line.split()[0] for line in call("scheme", "list").stdout.splitlines()]
    assert len(schemes) == 6
    for scheme in schemes:
        assert call("scheme", "show", scheme).exit_code == 0


def test_help_is_usable() -> None:
    said = call("--help").stdout
    for command in ("settle", "message", "plan", "scheme", "demo", "bench"):
        assert f"\n  {command} " in said


def test_the_page_of_facts_is_the_vocabulary() -> None:
    assert (ROOT / "docs/reference/facts.md").read_text("utf-8") == facts_page()
