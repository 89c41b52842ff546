"""The command line: every job a person starts by hand, which `huibao --help` lists."""

from huibao.cli import backup, bench, plans, service
from huibao.cli.base import main

__all__ = ["backup", "bench", "main", "plans", "service"]
