"""What a tidy tree does not contain: each rule finds its offenders in one text, by line."""

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

WIDTH: Final = 140
#: Tables of cases may be wider: a row stays a row.
TEST_WIDTH: Final = 180

Find = Callable[[str], Iterator[int]]


@dataclass(frozen=True, slots=True)
class Rule:
    """`find` yields the line numbers of offenders in a text; `applies` says for which paths from the root."""

    name: str
    mend: str
    applies: Callable[[str], bool]
    find: Find

    def offenders(self, path: str, text: str) -> list[str]:
        """What stands in the way, as a reader of the failed test wants it; empty where all is well."""
        if not self.applies(path):
            return []
        return [f"{path}:{line}: {self.name}; {self.mend}" for line in self.find(text)]


def _python(path: str) -> bool:
    return path.endswith(".py")


def _source(path: str) -> bool:
    return path.startswith("src/") and _python(path)


def _code(path: str) -> bool:
    """What is read as code; prose in docs/ may have lines as long as its sentences."""
    return _python(path) or path.startswith(("src/", "scripts/")) or path in {"demo", "test", "pyproject.toml"}


def _any_file(path: str) -> bool:
    return bool(path)


def _lines(pattern: str) -> Find:
    compiled = re.compile(pattern)

    def find(text: str) -> Iterator[int]:
        return (number for number, line in enumerate(text.split("\n"), 1) if compiled.search(line))

    return find


def _nodes(offends: Callable[[ast.AST], bool]) -> Find:
    def find(text: str) -> Iterator[int]:
        return (getattr(node, "lineno", 0) for node in ast.walk(ast.parse(text)) if offends(node))

    return find


def _dotted(node: ast.AST) -> str:
    """`datetime.datetime.now` as text; an empty text for what is no chain of names."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return ""


# ── binary floats ────────────────────────────────────────────────────────────────────────────────────────────────────

_FLOAT_FREE: Final = ("src/huibao/core/", "src/huibao/scheme/", "src/huibao/benefits/")

#: Files of those slices that may use binary floats, with the reason. Money never is one.
FLOATS_ALLOWED: Final[dict[str, str]] = {}


def _float_free(path: str) -> bool:
    return path.startswith(_FLOAT_FREE) and _python(path) and path not in FLOATS_ALLOWED


def _is_float(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        return _dotted(node.func) == "float"
    if isinstance(node, ast.Constant):
        return isinstance(node.value, float)
    return isinstance(node, ast.Attribute) and node.attr in {"float16", "float32", "float64", "double"}


# ── clocks and dice ──────────────────────────────────────────────────────────────────────────────────────────────────

_CLOCK_HOME: Final = "src/huibao/core/time.py"
_CLOCKS: Final = re.compile(r"(^|\.)(datetime\.(now|utcnow|today)|date\.today|time\.(time|time_ns|localtime|gmtime|ctime))$")


def _clockless(path: str) -> bool:
    return _source(path) and path != _CLOCK_HOME


def _is_clock(node: ast.AST) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.module == "time" and any(alias.name in {"time", "time_ns", "localtime", "gmtime"} for alias in node.names)
    return isinstance(node, ast.Attribute) and bool(_CLOCKS.search(_dotted(node)))


_SEEDED: Final = frozenset({"random.Random", "np.random.default_rng", "numpy.random.default_rng"})


def _is_unseeded(node: ast.AST) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.module == "random" and any(alias.name != "Random" for alias in node.names)
    if not isinstance(node, ast.Call):
        return False
    name = _dotted(node.func)
    if name in _SEEDED or name in {"Random", "default_rng"}:
        return not node.args and not node.keywords
    if name.endswith((".Generator", ".SeedSequence", ".PCG64")):
        return False
    return name.startswith(("random.", "np.random.", "numpy.random."))


# ── exceptions ───────────────────────────────────────────────────────────────────────────────────────────────────────

#: Files that may catch whatever comes, each with the reason.
CATCH_ALL_ALLOWED: Final[dict[str, str]] = {
    "src/huibao/record/lane.py": "a lane outlives any command: the next one must be served",
    "src/huibao/app/caretaker.py": "what it looks after is still there, so it begins again",
    "src/huibao/web/service.py": "a request that fails is answered, and logged",
}


def _expecting(path: str) -> bool:
    return _source(path) and path not in CATCH_ALL_ALLOWED


# ── the rest ─────────────────────────────────────────────────────────────────────────────────────────────────────────

_SPEAKERS: Final = re.compile(r"src/huibao/(cli|demo|bench)(\.py|/)")


def _silent(path: str) -> bool:
    return _source(path) and not _SPEAKERS.match(path)


def _is_print(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and _dotted(node.func) == "print"


def _catches_all(node: ast.AST) -> bool:
    if not isinstance(node, ast.ExceptHandler):
        return False
    caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
    return any(one is None or _dotted(one) in {"Exception", "BaseException"} for one in caught)


def _ends_wrong(text: str) -> Iterator[int]:
    if text and (not text.endswith("\n") or text.endswith("\n\n")):
        yield text.count("\n")


_HOSTS: Final = r"pypi[.]org|python[h]osted|npmjs[.](org|com)|deb[.]debian|registry[.]\w"
_MACHINE_PATHS: Final = r"(?<![\w.])/(root|home/\w+|Users/\w+|work|tmp)/[.\w]"



def _narrow(path: str) -> bool:
    return _code(path) and not _wide(path) and not path.endswith(".json")


def _wide(path: str) -> bool:
    return path.startswith("tests/")


RULES: Final = (
    Rule("a binary float", "money is an int of fen, a ratio an int of ten-thousandths", _float_free, _nodes(_is_float)),
    Rule("a clock", "take the time as an argument; only core/time.py reads it", _clockless, _nodes(_is_clock)),
    Rule("chance without a seed", "take a random.Random(seed): a failure can be run again", _source, _nodes(_is_unseeded)),
    Rule("print", "return the text; cli, demo and bench speak", _silent, _nodes(_is_print)),
    Rule("an except that catches everything", "name what is expected; a bug must be seen", _expecting, _nodes(_catches_all)),
    Rule("unfinished work", "finish it, or write an issue", _python, _lines(r"\b(T[O]DO|F[I]XME|X{3})\b")),
    Rule(f"a line of more than {WIDTH} characters", "break it", _narrow, _lines(f"^.{{{WIDTH + 1}}}")),
    Rule(f"a line of more than {TEST_WIDTH} characters", "break it", _wide, _lines(f"^.{{{TEST_WIDTH + 1}}}")),
    Rule("a tab", "indent with spaces", _any_file, _lines("\t")),
    Rule("a trailing blank", "take it off", _any_file, _lines(r"[ \u3000]$")),
    Rule("no clean end", "end the file with one line break", _any_file, _ends_wrong),
    Rule("a registry's host", "name the package alone", _any_file, _lines(_HOSTS)),
    Rule("a path of one machine", "use a path from the project's root, or a setting", _any_file, _lines(_MACHINE_PATHS)),
)
