"""The demonstration: settles what is real and what is published, and prints for each the payment and why, in Chinese."""

from collections.abc import Iterator
from importlib import resources
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from huibao.benefits import loading
from huibao.benefits.examples import Worked, run
from huibao.benefits.explain import difference_zh, explain
from huibao.benefits.fold import Settlement
from huibao.benefits.history import NOT_TAKEN_UP, SETTLED, Entry, History
from huibao.benefits.model import Plan
from huibao.benefits.reading import Unreadable, read
from huibao.benefits.terms import Compiled
from huibao.core.money import yuan
from huibao.core.refusal import Refusal
from huibao.demo.year import Bill, bills_of
from huibao.gateways import national
from huibao.scheme import loading as schemes
from huibao.scheme.describing import describe

#: The plan under which the messages are settled.
MESSAGE_PLAN = "example-2026"


def show(console: Console) -> None:
    """Everything there is to see."""
    _messages(console)
    _year(console)
    _examples(console)
    _schemes(console)
    _next(console)


# ── messages ─────────────────────────────────────────────────────────────────────────────────────────────────────────

def messages() -> list[dict[str, Any]]:
    """Real messages of the national platform, amounts as received; what their redaction took away is laid over them."""
    found: list[dict[str, Any]] = national.parse((resources.files("huibao") / "demo" / "messages.json").read_text("utf-8"))
    return found


def settle_messages(plan: Plan) -> Iterator[tuple[dict[str, Any], Entry | Refusal, national.Message | None]]:
    """Each message settled under a plan for one person of one year, or refused with a reason to act on.

    A bill's lines reach us before the bill, and are settled with the bill that they add up to.
    """
    compiled = Compiled(plan)
    desk = History(compiled, explain=True)
    for n, message in enumerate(messages(), 1):
        request = {"data": {"setl_id": "原结算"}}
        found = national.read_message(message["transaction"], message["message"], request)
        if isinstance(found, Refusal):
            yield message, found, None
            continue
        laid_over = {"psn_no": "示例人员", "setl_id": message["id"], "mdtrt_id": f"就诊{n}", "preexisting": "0",
                     "setl_time": f"{plan.valid_from.year}-{n:02d}-15 10:00:00"}
        event = read(compiled, {**found.row, **laid_over}, found.lines)
        if isinstance(event, Refusal):
            yield message, event, found
        elif found.promises:
            yield message, desk.accept(event), found
        else:
            trial = History(compiled, explain=True, used=dict(desk.used))
            yield message, trial.accept(event), found


def settle_one(plan: Plan, transaction: str, envelope: Any, given: dict[str, str], acct_inside_fund: bool = False) -> list[str] | Refusal:
    """One message on its own, as a person without earlier bills: the sentences of its explanation, or why it is refused."""
    compiled = Compiled(plan)
    found = national.read_message(transaction, envelope, acct_inside_fund=acct_inside_fund)
    if isinstance(found, Refusal):
        return found
    event = read(compiled, {**found.row, **given}, found.lines, acct_inside_fund=acct_inside_fund)
    if isinstance(event, Refusal):
        return event
    entry = History(compiled, explain=True).accept(event)
    if not isinstance(event, Settlement) or not entry.posted:
        return NOT_TAKEN_UP[entry.status]
    said = explain(plan, event, entry.posted)
    return [*([] if found.promises else ["预结算，仅供参考，不作承诺。"]), *said.zh, *said.en, *(f"提示：{note}" for note in found.notes)]


def _messages(console: Console) -> None:
    plan = loading.builtin(MESSAGE_PLAN)
    console.rule(f"一、真实医院报文，按“{plan.name}”结算")
    console.print("金额与接收时一致；脱敏去掉的人员、编号、日期由演示补上。\n", style="dim")
    for message, outcome, found in settle_messages(plan):
        console.print(f"[bold]{message['id']}[/] 交易 {message['transaction']} · {message['place']}", highlight=False)
        if isinstance(outcome, Refusal):
            console.print(f"  不予结算：{outcome.zh}", style="yellow", highlight=False)
            continue
        if found is not None and not found.promises:
            console.print("  预结算，仅供参考，不作承诺：", style="dim")
        _entry(console, plan, outcome)
        for note in found.notes if found else ():
            console.print(f"  提示：{note}", style="dim", highlight=False)
    console.print()


def _entry(console: Console, plan: Plan, entry: Entry) -> None:
    if isinstance(entry.event, Settlement) and entry.posted:
        for sentence in explain(plan, entry.event, entry.posted).zh:
            console.print(f"  {sentence}", highlight=False)
    elif entry.posted:
        console.print(f"  冲销：原赔付 {yuan(-sum(p.pay for p in entry.posted))} 元全额冲回。", highlight=False)
    else:
        console.print(f"  不予结算：{NOT_TAKEN_UP[entry.status].zh}", style="yellow", highlight=False)


# ── a year of bills ──────────────────────────────────────────────────────────────────────────────────────────────────

def settle_year(plan: Plan) -> list[tuple[Bill, Entry]]:
    """One person's year of bills under a plan. Raises `Unreadable` where a bill can't be read: the demonstration is wrong then."""
    compiled = Compiled(plan)
    desk = History(compiled, explain=True)
    settled = []
    for bill in bills_of(plan):
        event = read(compiled, bill.row, bill.lines)
        if isinstance(event, Refusal):
            raise Unreadable(event)
        settled.append((bill, desk.accept(event)))
    return settled


def _year(console: Console) -> None:
    console.rule("二、同一个人一年的账单，按已公布的产品条款逐一结算")
    published = [plan for plan in map(loading.builtin, loading.builtin_ids()) if plan.status == "published"]
    settled = [settle_year(plan) for plan in published]
    table = Table(title="各产品对每笔账单的赔付（元）", title_justify="left", box=SIMPLE_HEAD)
    table.add_column("产品", no_wrap=True)
    for n, (bill, _) in enumerate(settled[0], 1):
        console.print(f"  账单{n}：{bill.story}", highlight=False)
        table.add_column(f"账单{n}", justify="right", no_wrap=True)
    table.add_column("合计", justify="right", style="bold", no_wrap=True)
    for plan, year in zip(published, settled, strict=True):
        paid = [sum(p.pay for p in entry.posted) for _, entry in year]
        table.add_row(plan.name, *map(yuan, paid), yuan(sum(paid)))
    console.print()
    console.print(table)
    for plan, year in zip(published, settled, strict=True):
        console.print(f"\n[bold]{plan.name}[/]", highlight=False)
        for bill, entry in year:
            console.print(f" · {bill.story}", style="cyan", highlight=False)
            _entry(console, plan, entry)
            if entry.status == SETTLED and entry.difference_fen:
                console.print(f"  {difference_zh(entry.difference_fen)}", style="yellow", highlight=False)
    console.print()


# ── examples and schemes ─────────────────────────────────────────────────────────────────────────────────────────────

def _examples(console: Console) -> None:
    console.rule("三、产品文件里的算例，逐个核对")
    for plan in map(loading.builtin, loading.builtin_ids()):
        worked: tuple[Worked, ...] = run(plan)
        right = sum(w.right for w in worked)
        console.print(f"{'✓' if right == len(worked) else '✗'} {plan.name}：{right}/{len(worked)} 个算例相符", highlight=False)
    console.print()


def _schemes(console: Console) -> None:
    console.rule("四、五个文件的规则，逐条注明条款")
    for scheme_id in schemes.builtin_ids():
        for line in describe(schemes.builtin(scheme_id)):
            console.print(line, highlight=False, markup=False)
        console.print()


def _next(console: Console) -> None:
    console.rule("接下来可以试")
    for command in ("huibao plan check 产品文件.toml      检查自己写的产品文件，并运行其中的算例",
                    "huibao settle example-2026 账单.csv   结算一个文件，可到两千万行",
                    "huibao bench adjudicate               测速：每秒结算多少笔",
                    "huibao --help                         全部命令"):
        console.print(f"  .venv/bin/{command}", highlight=False, markup=False)
