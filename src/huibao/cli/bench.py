"""Speed, each figure beside its yardstick."""

import sys
from pathlib import Path

import click
from rich.console import Console

from huibao.bench.adjudicate import bench as adjudicate_bench
from huibao.bench.bills import EACH
from huibao.bench.bills import bench as settle_bench
from huibao.bench.market import FAMILY
from huibao.bench.purchase import bench as purchase_bench
from huibao.bench.remit import bench as remit_bench
from huibao.bench.rosters import bench as rosters_bench
from huibao.bench.spark import bench as spark_bench
from huibao.cli.base import WRONG, Wrong, main


@main.group()
def bench() -> None:
    """测速，与对照在同一次运行中比较 (speed, beside a yardstick in the same run)."""


@bench.command()
@click.option("--rows", default=20_000_000, show_default=True, help="结算笔数。")
@click.option("--rounds", default=5, show_default=True, help="交替测量的轮数。")
@click.option("--keep", type=click.Path(file_okay=False, path_type=Path), help="数据文件放在哪里（默认用后删除）。")
def adjudicate(rows: int, rounds: int, keep: Path | None) -> None:
    """每秒结算多少笔：与 NumPy、DuckDB 窗口 SQL 对照 (settlements per second, beside NumPy and window SQL)."""
    adjudicate_bench(rows, rounds, keep, Console())


@bench.command()
@click.option("--rows", default=2_000_000, show_default=True, help="结算笔数。")
def spark(rows: int) -> None:
    """同一折叠经 Spark mapInArrow，逐分相等 (the same fold through Spark, equal to the fen)."""
    if not spark_bench(rows, Console()):
        sys.exit(WRONG)


@bench.command()
@click.option("--payers", default=60_000, show_default=True, help="付款人数，每人四张订单。")
@click.option("--count", default=24_000, show_default=True, help="每轮的订单数。")
@click.option("--rounds", default=3, show_default=True, help="交替测量的轮数。")
@click.option("--workers", default=2, show_default=True, help="服务的工作进程数。")
def purchase(payers: int, count: int, rounds: int, workers: int) -> None:
    """每秒多少张订单：经 HTTP，与 pgbench 写同样的行对照 (orders per second, beside the same rows through pgbench)."""
    needed = 12_000 + 110 * count * rounds // 100
    if payers * FAMILY < needed:
        raise Wrong(f"--payers 至少 {needed // FAMILY + 1}：{rounds} 轮各 {count} 张，加上预热 (too few payers for so many orders)")
    purchase_bench(Console(), payers, count, rounds, workers)


@bench.command()
@click.option("--people", default=24_000, show_default=True, help="参保人数，每人四张账单。")
@click.option("--count", default=16_000, show_default=True, help="每轮的结算笔数。")
@click.option("--rounds", default=3, show_default=True, help="交替测量的轮数。")
@click.option("--workers", default=2, show_default=True, help="服务的工作进程数。")
def settle(people: int, count: int, rounds: int, workers: int) -> None:
    """每秒结算多少笔出院账单：经 HTTP，与 pgbench 写同样的行对照 (settlements per second, beside the same rows through pgbench)."""
    _enough(people, count, rounds)
    settle_bench(Console(), people, count, rounds, workers)


@bench.command()
@click.option("--people", default=12_000, show_default=True, help="参保人数，每人四张账单。")
@click.option("--count", default=8_000, show_default=True, help="每轮的结算笔数。")
@click.option("--rounds", default=3, show_default=True, help="交替测量的轮数。")
@click.option("--workers", default=2, show_default=True, help="服务的工作进程数。")
def lines(people: int, count: int, rounds: int, workers: int) -> None:
    """每笔带十条明细：每秒多少笔，每笔多少条语句 (settlements of ten lines each: per second, and statements for each)."""
    _enough(people, count, rounds)
    settle_bench(Console(), people, count, rounds, workers, lines=10)


@bench.command("import")
@click.option("--rows", default=100_000, show_default=True, help="每份名册的人数。")
@click.option("--rounds", default=3, show_default=True, help="交替测量的轮数。")
@click.option("--workers", default=2, show_default=True, help="服务的工作进程数。")
def import_(rows: int, rounds: int, workers: int) -> None:
    """每秒多少人由名册承保：与按批写同样的行对照，另测旁人等待与内存 (people of a roster per second, what others wait, memory)."""
    rosters_bench(Console(), rows, rounds, workers)


@bench.command()
@click.option("--orders", default=100_000, show_default=True, help="一个批次的笔数。")
@click.option("--rounds", default=3, show_default=True, help="测量的轮数，每轮一个新的项目。")
def remit(orders: int, rounds: int) -> None:
    """账户资金成批划转：列一个批次多少秒，与对同样的行做一次汇总对照 (seconds to list a batch, beside one bare aggregate over the same rows)."""
    remit_bench(Console(), orders, rounds)


def _enough(people: int, count: int, rounds: int) -> None:
    needed = 12_000 + 110 * count * rounds // 100
    if people * EACH < needed:
        raise Wrong(f"--people 至少 {needed // EACH + 1}：{rounds} 轮各 {count} 笔，加上预热 (too few people for so many bills)")
