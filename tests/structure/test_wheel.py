"""An installed wheel has the rule files: they are data of the package and not of the working tree."""

import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

from tests.structure.tree import PACKAGE, ROOT


def test_the_wheel_carries_every_rule_file(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    shutil.copytree(ROOT / "src", tree / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, tree / name)
    # Offline: what builds it is in the lock.
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
    done = subprocess.run([*build, "-w", tmp_path, tree], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

    [wheel] = tmp_path.glob("huibao-*.whl")
    packed = {name for name in ZipFile(wheel).namelist() if name.startswith("huibao/")}
    ours = [*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.toml"), *PACKAGE.rglob("*.json"), *PACKAGE.rglob("*.sql")]
    assert packed == {f"huibao/{path.relative_to(PACKAGE).as_posix()}" for path in ours}
