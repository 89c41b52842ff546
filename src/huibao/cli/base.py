"""The group that every command joins, and how a command says that something was wrong."""

from typing import IO, Any

import click
from rich.console import Console

#: Exit statuses: something was wrong with the call or a rule file; rows of a file were rejected (the rest is settled).
WRONG, SOME_REJECTED = 1, 3


class Wrong(click.ClickException):
    exit_code = WRONG

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(self.message, file=file, err=file is None)


def console() -> Console:
    made = Console()
    return made if made.is_terminal else Console(width=160)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="huibao")
def main() -> None:
    """惠保 · 城市补充商业健康保险平台 (supplementary commercial health insurance for a Chinese city)."""
