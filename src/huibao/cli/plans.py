"""Commands for files: settle them, read a message, check plans, describe schemes."""

import sys
from pathlib import Path
from typing import TextIO

import click
import pyarrow.parquet as pq
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from huibao.benefits import examples, loading
from huibao.benefits.authoring import facts_page, plan_in_words
from huibao.benefits.inspect import Inspector
from huibao.benefits.model import Plan
from huibao.benefits.settle import FileUnfit, settle_file
from huibao.cli.base import SOME_REJECTED, Wrong, main
from huibao.core.money import yuan
from huibao.core.refusal import Refusal
from huibao.core.tomlfile import FileRefused
from huibao.demo.run import settle_one
from huibao.gateways import national
from huibao.scheme import loading as schemes
from huibao.scheme.describing import describe


def _plan(name: str, scheme: str | None = None) -> Plan:
    """A plan file, or a plan that comes with the package by its id."""
    try:
        named = schemes.load(Path(scheme)) if scheme and scheme.endswith(".toml") else schemes.builtin(scheme) if scheme else None
        return loading.load(Path(name), named) if name.endswith(".toml") else loading.builtin(name)
    except FileRefused as refused:
        raise Wrong("\n".join(map(str, refused.problems))) from None
    except KeyError as unknown:
        known = "、".join((*loading.builtin_ids(), *schemes.builtin_ids()))
        raise Wrong(f"没有 {unknown}。可写文件路径（.toml），或：{known} (no such plan or scheme; give a .toml file or one of these)") from None
    except OSError as error:
        raise Wrong(f"读不到 {name}：{error.strerror} (cannot read it)") from None


#: Which way the province counts is a setting of its scheme; the option is for plans that name none, or to overrule it.
_acct = click.option("--acct-inside-fund/--acct-outside-fund", default=None,
                     help="本省的基金支付总额是否包含个人账户支付（默认按产品所属方案，没有方案的按不包含）。")


def _counts_inside(plan: Plan, said: bool | None) -> bool:
    if said is not None or plan.scheme is None:
        return bool(said)
    return schemes.builtin(plan.scheme).acct_pay_counted == "inside-fund"


# ── settle ───────────────────────────────────────────────────────────────────────────────────────────────────────────

@main.command()
@click.argument("plan")
@click.argument("claims", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="结果文件，按后缀 .csv 或 .parquet（默认在账单旁边）。")
@click.option("--explain", "persons", multiple=True, metavar="PSN_NO", help="逐步说明此人的每笔赔付，可写多次。")
@click.option("--ordered", is_flag=True, help="文件已按人员（家庭）和受理次序排好，不再排序。")
@_acct
def settle(plan: str, claims: Path, output: Path | None, persons: tuple[str, ...], ordered: bool, acct_inside_fund: bool | None) -> None:
    """把一个结算文件按产品条款逐笔结算 (settle a file of settlements through a plan).

    PLAN 是产品文件或内置产品的 id;CLAIMS 是 CSV 或 Parquet，列名用国家字段名，金额为元。
    读不懂的行连同行号和原因列在 .rejected.csv 里，其余照常结算，退出状态为 3。
    """
    terms = _plan(plan)
    inside = _counts_inside(terms, acct_inside_fund)
    output = output or claims.with_name(f"{claims.stem}.settled{claims.suffix}")
    if output.suffix.lower() not in (".csv", ".parquet"):
        raise Wrong(f"结果文件的后缀应为 .csv 或 .parquet:{output.name} (the output ends in .csv or .parquet)")
    inspector = Inspector(terms, persons, inside)
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("结算"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("settle", total=_rows(claims))
        try:
            summary = settle_file(terms, claims, output, acct_inside_fund=inside, is_ordered=ordered,
                                  watch=inspector.watch if persons else None, progress=lambda rows: progress.advance(task, rows))
        except FileUnfit as unfit:
            raise Wrong(str(unfit)) from None
    for line in inspector.lines():
        click.echo(line)
    click.echo(f"结算 {summary.settlements:,} 笔，冲销 {summary.reversals:,} 笔，赔付合计 {yuan(summary.paid_fen)} 元；"
               f"待处理差额 {summary.open_cases:,} 笔；拒收 {summary.rejected:,} 行。", err=True)
    click.echo(f"结果：{'、'.join(map(str, summary.outputs))}", err=True)
    if summary.rejected:
        sys.exit(SOME_REJECTED)


def _rows(claims: Path) -> int | None:
    return int(pq.read_metadata(claims).num_rows) if claims.suffix.lower() == ".parquet" else None


@main.command()
@click.argument("plan")
@click.argument("message", type=click.File("r", encoding="utf-8"))
@click.option("--transaction", required=True, metavar="INFNO", help="交易编号：2207 门诊结算、2304 住院结算，2206、2303 预结算。")
@click.option("--set", "given", multiple=True, metavar="FIELD=VALUE", help="补充报文没有的字段，如 psn_no=1。")
@_acct
def message(plan: str, message: TextIO, transaction: str, given: tuple[str, ...], acct_inside_fund: bool | None) -> None:
    """结算一条国家平台报文并说明理由 (settle one message of the national platform, and say why)."""
    terms = _plan(plan)
    try:
        envelope = national.parse(message.read())
        extra = dict(pair.split("=", 1) for pair in given)
    except ValueError as error:
        raise Wrong(f"报文或 --set 无法理解：{error} (the message is not JSON, or --set is not FIELD=VALUE)") from None
    outcome = settle_one(terms, transaction, envelope, extra, _counts_inside(terms, acct_inside_fund))
    if isinstance(outcome, Refusal):
        raise Wrong(f"不予结算：{outcome.zh}\n{outcome.en}")
    for line in outcome:
        click.echo(line)


# ── plans and schemes ────────────────────────────────────────────────────────────────────────────────────────────────

@main.group()
def plan() -> None:
    """产品文件：列出、检查、复述 (plan files: list, check, read back)."""


@plan.command("list")
def plan_list() -> None:
    """内置的产品 (the plans that come with huibao)."""
    for plan_id in loading.builtin_ids():
        found = loading.builtin(plan_id)
        click.echo(f"{plan_id:28} {found.name}  {found.valid_from} 至 {found.valid_to}")


@plan.command("check")
@click.argument("file")
@click.option("--scheme", metavar="ID|FILE", help="按哪个方案的条款检查（默认按产品文件里写的 scheme）。")
def plan_check(file: str, scheme: str | None) -> None:
    """检查产品文件：读懂了什么，拒绝什么及原因，算例是否相符 (check a plan file)."""
    found = _plan(file, scheme)
    for line in plan_in_words(found):
        click.echo(line)
    wrong = 0
    for n, worked in enumerate(examples.run(found), 1):
        click.echo(f"算例{n} {'✓' if worked.right else '✗'} {worked.example.story}")
        if not worked.right:
            wrong += 1
            paid, wanted = (" + ".join(map(yuan, fen)) for fen in (worked.paid_fen, worked.example.pays_fen))
            click.echo(f"    文件写 {wanted}，算得 {paid}" if worked.refusal is None else f"    {worked.refusal.zh}")
    if wrong:
        raise Wrong(f"{wrong} 个算例不符 ({wrong} examples differ)")


@plan.command("facts")
def plan_facts() -> None:
    """条件里可以使用的词 (the words that conditions may use)."""
    click.echo(facts_page(), nl=False)


@main.group()
def scheme() -> None:
    """城市方案：列出、说明 (schemes: list, describe)."""


@scheme.command("list")
def scheme_list() -> None:
    """内置的方案 (the schemes that come with huibao)."""
    for scheme_id in schemes.builtin_ids():
        click.echo(f"{scheme_id:12} {describe(schemes.builtin(scheme_id))[1]}")


@scheme.command("show")
@click.argument("name")
def scheme_show(name: str) -> None:
    """逐条说明一个方案及其条款；NAME 是 id 或 .toml 文件 (say what a scheme decides, clause by clause)."""
    try:
        found = schemes.load(Path(name)) if name.endswith(".toml") else schemes.builtin(name)
    except FileRefused as refused:
        raise Wrong("\n".join(map(str, refused.problems))) from None
    except (KeyError, OSError):
        raise Wrong(f"没有方案 {name}；可写 .toml 文件，或：{'、'.join(schemes.builtin_ids())} (no such scheme)") from None
    for line in describe(found):
        click.echo(line)
