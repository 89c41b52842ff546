"""What goes wrong between this program and its database.

    DatabaseTrouble
    ├── BackupRefused          a backup that cannot be taken, or is not whole; a restore that would overwrite, or cannot get there
    ├── DatabaseUnreachable    no server there, or one that cannot be used
    ├── EmbeddedFailed         the server that comes along did not start
    ├── MigrationRefused       files and database disagree; nothing of the file in question was done
    ├── ProgrammeRefused       a programme that cannot be made as asked
    └── SqlFileRefused         a file of named statements with mistakes
"""


class DatabaseTrouble(Exception):
    """`zh` and `en` say what happened, why, and what to do now; neither holds a password or a person's data."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(f"{zh}\n    {en}")
        self.zh = zh
        self.en = en


class BackupRefused(DatabaseTrouble):
    """A backup that cannot be taken or is not whole, a place that is not empty, an instant that it does not reach."""


class DatabaseUnreachable(DatabaseTrouble):
    """No server answers there, or one that is too old or does not keep its texts in UTF-8."""


class EmbeddedFailed(DatabaseTrouble):
    """The server that comes along could not be found, made or started."""


class MigrationRefused(DatabaseTrouble):
    """Migration files out of order, or changed after they were applied."""


class ProgrammeRefused(DatabaseTrouble):
    """A code that is none, or one that another programme has."""


class SqlFileRefused(DatabaseTrouble):
    """A file of named statements with mistakes, each with its line."""
