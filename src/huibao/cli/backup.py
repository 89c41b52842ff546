"""Commands for the day when everything is gone, and for all the days before it."""

import sys
from datetime import datetime
from pathlib import Path

import click

from huibao.app.secrets import Secrets
from huibao.app.settings import SettingWrong, clock, secrets_file
from huibao.cli.base import WRONG, Wrong, main
from huibao.cli.service import report
from huibao.core.time import SHANGHAI
from huibao.db import backup as backups
from huibao.db import restore as restoring
from huibao.db.backup import Home
from huibao.db.embedded import Embedded
from huibao.db.errors import DatabaseTrouble
from huibao.db.settings import data_folder, database_url, open_database
from huibao.verify.run import verify_all

_KEYS_APART = ("密钥文件不在备份里，请另行、分开保存：没有它，封存的内容都打不开；和备份放在一起，删除个人信息就落空。"
               " (the keys are not in the backup: keep them, and apart)")


@main.command()
@click.argument("home", type=click.Path(path_type=Path, file_okay=False))
@click.option("--keep", type=click.IntRange(1), metavar="N", help="只保留最近 N 份，及其以后的日志。")
@click.option("--restart", is_flag=True, help="数据库启动时未开启归档的，重启一次。")
@click.option("--erasures-only", is_flag=True, help="只更新已删除个人信息的名单，几秒钟；可以用于 DATABASE_URL 的数据库。")
def backup(home: Path, keep: int | None, restart: bool, erasures_only: bool) -> None:
    """备份随附的数据库：整库一份，此后的日志持续归档 (a base copy while it serves, and its log from then on).

    HOME 是存放备份的目录，最好在另一块磁盘上。可以恢复到首份备份完成以后的任一时刻。
    """
    place = Home(home.absolute())
    try:
        url = open_database()
        if not erasures_only:
            if database_url():
                raise Wrong("DATABASE_URL 的数据库由专人维护，请用其备份工具（见 docs/how-to/back-up-and-restore.md），"
                            "再执行 huibao backup --erasures-only (that server has its own tools)")
            base = backups.take(Embedded(data_folder()), place, _keys(place).fingerprints, keep, may_restart=restart)
            click.echo(f"已备份 {place.folder(base)}，可恢复到 {base.finished_at.astimezone(SHANGHAI)} 以后的任一时刻"
                       " (restorable to any instant from then on)")
            click.echo(_KEYS_APART)
        place.path.mkdir(parents=True, exist_ok=True)
        noted = restoring.note_erasures(url, place)
    except (DatabaseTrouble, SettingWrong) as trouble:
        raise Wrong(str(trouble)) from None
    people = sum(len(ids) for ids in noted.programmes.values())
    click.echo(f"已记录 {people} 名已删除个人信息的人员 ({people} erased people noted)")


@main.command()
@click.argument("home", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="恢复到哪个空目录；以后作为 HUIBAO_DATA。")
@click.option("--to", "instant", metavar="INSTANT", help="恢复到哪一刻，如 2026-11-22T11:50:00+08:00；不写为日志的末尾。")
@click.option("--erasures-only", is_flag=True, help="数据库已用别的工具恢复：只重新删除名单上的个人信息，并核对账本。")
def restore(home: Path, data: Path | None, instant: str | None, erasures_only: bool) -> None:
    """从备份恢复到某一刻，重新删除已删除的个人信息，并核对账本 (restore to an instant, erase again, verify)."""
    place = Home(home.absolute())
    if erasures_only == (data is not None):
        raise Wrong("请写 --data 目录；或者只写 --erasures-only (say --data, or --erasures-only alone)")
    try:
        if data is None:
            url = open_database()
        else:
            server = Embedded(data.absolute())
            base = restoring.restore(place, server, _instant(instant), _keys(place).fingerprints)
            url = server.url()
            click.echo(f"已从备份 {base.label} 恢复到 {data} (restored)")
        count, noted = restoring.erase_again(url, place)
    except (DatabaseTrouble, SettingWrong) as trouble:
        raise Wrong(str(trouble)) from None
    click.echo(f"已重新删除 {count} 人的个人信息，名单截至 {noted.as_of.astimezone(SHANGHAI)} ({count} people erased again)")
    sound = [report(verified, brief=True) for verified in verify_all(url, clock().now())]
    if data is not None:
        click.echo(f"启动服务：HUIBAO_DATA={data} huibao serve；请尽快备份到一个新的目录 (serve it; back it up to a new folder soon)")
    if not all(sound):
        sys.exit(WRONG)


def _keys(place: Home) -> Secrets:
    """The keys, which are there and kept apart. Raises `Wrong`."""
    file = secrets_file().absolute()
    if not file.exists():
        raise Wrong(f"没有密钥文件 {file}，请用 HUIBAO_SECRETS 指明 (there are no keys: name their file in HUIBAO_SECRETS)")
    if place.path in file.parents:
        raise Wrong(f"密钥文件 {file} 在备份目录里，请移到别处分开保存 (the keys lie among the backups: move them elsewhere)")
    return Secrets.open(file)


def _instant(text: str | None) -> datetime | None:
    """An instant as it was typed; without a zone it is Shanghai's. Raises `Wrong`."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Wrong(f"--to {text}：不是时刻，请写如 2026-11-22T11:50:00+08:00 (that is no instant)") from None
    return at if at.tzinfo else at.replace(tzinfo=SHANGHAI)
