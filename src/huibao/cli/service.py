"""Commands for the service: run it, migrate its database, verify its books, show it."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

import click
import httpx
from rich.console import Console

from huibao.app import connections
from huibao.app import serve as service
from huibao.app.settings import Settings, SettingWrong
from huibao.app.settings import read as read_settings
from huibao.cli.base import WRONG, Wrong, console, main
from huibao.db.errors import DatabaseTrouble
from huibao.db.migrate import migrate as migrate_all
from huibao.db.settings import open_database
from huibao.demo import agency, simulators
from huibao.demo import hints as what_to_try
from huibao.demo import remit as remitting
from huibao.demo import service as demonstration
from huibao.demo import sponsor as sponsoring
from huibao.demo import ward as hospital
from huibao.demo.founding import Founded
from huibao.demo.logins import Login
from huibao.demo.run import show
from huibao.verify.columns import KeysUnfit
from huibao.verify.run import Verified, verify_all


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="监听的地址。")
@click.option("--port", default=8450, show_default=True, help="监听的端口。")
@click.option("--workers", default=2, show_default=True, help="工作进程数。")
def serve(host: str, port: int, workers: int) -> None:
    """运行服务 (run the service: API, lanes, what it does by itself)."""
    try:
        settings = read_settings()
        short = connections.lacking(settings.database_url, settings.lanes, workers)
    except (DatabaseTrouble, SettingWrong) as trouble:
        raise Wrong(str(trouble)) from None
    if short is not None:
        click.echo(short, err=True)
    service.serve(host, port, workers)


@main.command()
@click.option("--until", type=click.Choice(["before", "after"]), default="after", show_default=True,
              help="before：新旧程序都能用的改动；after：连同旧程序停用后的清理。")
def migrate(until: str) -> None:
    """把公共部分和全部项目升级到最新的表结构 (bring all programmes to the newest tables)."""
    try:
        applied = migrate_all(open_database(), read_settings().clock.now(), "before" if until == "before" else "after")
    except (DatabaseTrouble, SettingWrong) as trouble:
        raise Wrong(str(trouble)) from None
    for line in applied:
        click.echo(line)
    click.echo(f"已执行 {len(applied)} 个迁移 ({len(applied)} migrations applied)")


@main.command()
@click.option("--programme", metavar="CODE", help="只核对一个项目。")
@click.option("--watch", type=click.IntRange(1), metavar="SECONDS", help="每隔这么多秒核对一次，直到中断。")
@click.option("--columns", is_flag=True, help="再打开封存的结算报文，按列重新计算，与逐笔结果比到分；需要服务的密钥。")
def verify(programme: str | None, watch: int | None, columns: bool) -> None:
    """核对账本与留痕：每一条不变式，以及违反它的记录 (every invariant of the books, and who offends it)."""
    try:
        settings = read_settings()
    except (DatabaseTrouble, SettingWrong) as trouble:
        raise Wrong(str(trouble)) from None
    keyring = settings.secrets.keyring if columns else None
    while True:
        sound, seen = True, 0
        try:
            for verified in verify_all(settings.database_url, settings.clock.now(), programme, keyring):
                seen += 1
                sound = report(verified, brief=watch is not None) and sound
        except KeysUnfit:
            raise Wrong("密钥打不开封存的结算报文。请用 HUIBAO_SECRETS 指明运行服务所用的密钥文件。"
                        " (these keys do not open what is sealed: name the file of the service's keys in HUIBAO_SECRETS)") from None
        if not seen:
            raise Wrong("没有这个项目，或数据库里还没有项目 (no such programme, or none yet)")
        if watch is None:
            break
        time.sleep(watch)
    if not sound:
        sys.exit(WRONG)


def report(verified: Verified, brief: bool) -> bool:
    """Says what was found in one programme; in brief only whether all is well, and every offender."""
    for finding in verified.findings:
        if not brief or finding.offenders:
            count = len(finding.offenders) + finding.more
            note = f" ({finding.note})" if finding.note else ""
            click.echo(f"{verified.code} ({finding.letter}) {finding.name}: {'✓' if not count else f'✗ {count}'}{note}")
        for offender in finding.offenders:
            click.echo(f"    {offender}")
        if finding.more:
            click.echo(f"    … {finding.more} more")
    click.echo(f"{verified.code} {verified.name}: {'账实相符 sound' if verified.sound else '不符 NOT SOUND'}")
    return verified.sound


@main.command(hidden=True)
@click.option("--port", default=8451, show_default=True)
@click.option("--platform", default="http://127.0.0.1:8450", show_default=True)
def simulate(port: int, platform: str) -> None:
    """演示用的外部系统：支付渠道、身份核验、保险公司 (the simulated outside systems of the demonstration)."""
    simulators.serve(port, platform)


# ── demo ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

@main.group(invoke_without_command=True)
@click.option("--people", default=20_000, show_default=True, help="首次启动时，五个项目共有多少人。")
@click.option("--port", default=8450, show_default=True, help="服务的端口；下一个端口是模拟的外部系统。")
@click.option("--workers", default=2, show_default=True, help="工作进程数。")
@click.pass_context
def demo(context: click.Context, people: int, port: int, workers: int) -> None:
    """五个项目、两万人，启动服务并列出可以试的命令 (five programmes, a service, and what to try)."""
    if context.invoked_subcommand is None:
        try:
            demonstration.run(console(), people, port, workers)
        except (DatabaseTrouble, SettingWrong) as trouble:
            raise Wrong(str(trouble)) from None


@demo.command()
def bills() -> None:
    """真实报文与一年账单，逐笔结算并说明 (real messages and a year of bills, each payment with its why)."""
    show(console())


@demo.command()
@click.option("--port", default=8450, show_default=True, help="服务的端口。")
def hints(port: int) -> None:
    """重新打印地址、凭证和可以试的命令 (addresses, credentials and commands again, with fresh checks of identity)."""
    ground = _standing(port)
    what_to_try.show(console(), f"http://127.0.0.1:{port}", ground.founded, ground.logins, ground.settings)


@demo.command()
@click.option("--port", default=8450, show_default=True, help="服务的端口。")
def accounts(port: int) -> None:
    """账户由经办机构系统记账的城市：冻结、断线、再查、扣款，逐行说明 (accounts that the agency's own system keeps, told line by line)."""
    with _running(port) as (_, ground):
        agency.run(console(), ground.settings)


@demo.command()
@click.option("--port", default=8450, show_default=True, help="服务的端口。")
@click.option("--programme", default=None, help="只演示一个项目；不写为全部。")
@click.option("--seed", default=1, show_default=True, help="同一天同一种子，同样的一天。")
@click.option("--stays", default=18, show_default=True, help="多少次住院。")
def ward(port: int, programme: str | None, seed: int, stays: int) -> None:
    """模拟医院的一天：预结算、结算、确认、中途结算、双窗口、重复、冲销、断线与日对账 (a hospital's day at the desk, told line by line)."""
    with _running(port) as (url, ground):
        desks = [login for login in ground.logins if login.role == "provider" and programme in {None, login.programme}]
        if not desks:
            raise Wrong(_NO_PROGRAMME)
        for login in {one.programme: one for one in reversed(desks)}.values():
            hospital.run(console(), url, login, ground.settings, seed, stays)


@demo.command()
@click.option("--port", default=8450, show_default=True, help="服务的端口。")
@click.option("--programme", default=None, help="只演示一个项目；不写为第一个可由资助方出资的。")
@click.option("-o", "--output", type=click.Path(file_okay=False, path_type=Path), default=Path("sponsored"), show_default=True,
              help="名册、不受理清单与结算单放在哪里。")
def sponsor(port: int, programme: str | None, output: Path) -> None:
    """资助参保：名册上传、核对、另一人确认、办理，留下不受理清单与结算单 (a small file of people, checked, confirmed, run, and its statement)."""
    _tell(sponsoring.run, port, programme, output, "没有可由资助方出资的产品 (nothing that a sponsor may pay for)")


@demo.command()
@click.option("--port", default=8450, show_default=True, help="服务的端口。")
@click.option("--programme", default=None, help="只演示一个项目；不写为第一个有账户资金的。")
@click.option("-o", "--output", type=click.Path(file_okay=False, path_type=Path), default=Path("remittance"), show_default=True,
              help="划转文件与对账单放在哪里。")
def remit(port: int, programme: str | None, output: Path) -> None:
    """账户资金划转：投保、列批、银行支付、保险公司确认，留下文件与可打印的对账单 (a batch of account money, with its file and statement)."""
    _tell(remitting.run, port, programme, output, "没有可以划转的账户资金 (no account money to remit)")


_NO_PROGRAMME: Final = "没有这个项目 (no such programme)"


class _Story(Protocol):
    """What one programme of the running demonstration shows; False where it has nothing of the kind."""

    def __call__(
        self, console: Console, url: str, founded: Founded, known: tuple[Login, ...], settings: Settings, folder: Path
    ) -> bool: ...


def _tell(story: _Story, port: int, programme: str | None, folder: Path, nothing: str) -> None:
    """Tells it of the first programme that has it; or says that there is nothing."""
    with _running(port) as (url, ground):
        found = [one for one in ground.founded if programme in {None, one.code}]
        if not found:
            raise Wrong(_NO_PROGRAMME)
        if not any(story(console(), url, one, ground.logins, ground.settings, folder) for one in found):
            raise Wrong(nothing)


@contextmanager
def _running(port: int) -> Iterator[tuple[str, demonstration.Ground]]:
    """The demonstration on this port and the next, and what stands there. Raises `Wrong` where nothing answers, and changes nothing."""
    url = f"http://127.0.0.1:{port}"
    try:
        httpx.get(f"{url}/health", timeout=10)
        yield url, _standing(port)
    except httpx.TransportError:
        raise Wrong(f"端口 {port} 或 {port + 1} 没有应答，请先运行 ./demo (nothing answers there: run ./demo first)") from None


def _standing(port: int) -> demonstration.Ground:
    """What the demonstration on this port has; nothing is changed, whichever port was named."""
    try:
        ground = demonstration.standing(f"http://127.0.0.1:{port + 1}")
    except (DatabaseTrouble, SettingWrong) as trouble:
        raise Wrong(str(trouble)) from None
    if ground is None:
        raise Wrong("这里还没有演示数据，请先运行 ./demo (no demonstration here yet: run ./demo first)")
    return ground
