"""The statements of this slice."""

from typing import Final

from huibao.db import sqlfile

SQL: Final = sqlfile.load("huibao.app")
