"""SQL stands in files, by name, with a line that says what it does; Python holds none.

    -- :name insert_requests
    -- Writes the keys of a batch that are new, and answers which were.
    INSERT INTO request (key, body) SELECT … FROM unnest(%(keys)s::uuid[], …) ON CONFLICT DO NOTHING;
"""

import re
from collections.abc import Iterator, Mapping
from importlib import resources
from types import MappingProxyType
from typing import Final

from huibao.db.errors import SqlFileRefused

#: Statements by name, as psycopg takes them: placeholders are %s or %(name)s.
Queries = Mapping[str, str]

_NAME: Final = re.compile(r"^-- *:name\b *(.*?) *$", re.MULTILINE)
_IDENTIFIER: Final = re.compile(r"[a-z][a-z0-9_]*")
#: A comment right below a name, with a word in it.
_ABOUT: Final = re.compile(r"\n-- *\w")

#: What a comment may stand in without being one, then comments, then the end of a statement.
_TOKEN: Final = re.compile(
    r"""(?P<kept>'(?:[^']|'')*' | "[^"]*" | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$)
      | (?P<comment>--[^\n]* | /\*.*?\*/)
      | (?P<end>;)""",
    re.DOTALL | re.VERBOSE,
)


def load(package: str, file: str = "queries.sql") -> Queries:
    """The statements of a file that stands in `package`. Raises `SqlFileRefused` with every mistake in it."""
    return parse(f"{package.replace('.', '/')}/{file}", (resources.files(package) / file).read_text("utf-8"))


def parse(file: str, text: str) -> Queries:
    """The statements in `text` without their comments; `file` is what messages call it. Raises `SqlFileRefused`."""
    found: dict[str, str] = {}
    mistakes: list[str] = []
    for line, name, body in _sections(text):
        statements = _statements(body)
        mistakes += (f"{file}:{line}: {mistake}" for mistake in _mistakes(name, name in found, body, statements))
        found[name] = "".join(statements)
    if mistakes:
        raise SqlFileRefused(f"{file} 有 {len(mistakes)} 处错误。", "\n    ".join(mistakes))
    return MappingProxyType(found)


def _sections(text: str) -> Iterator[tuple[int, str, str]]:
    """Each name with its line and what follows it; a statement before the first name has the name ""."""
    heads = list(_NAME.finditer(text))
    ends = [*(head.start() for head in heads), len(text)]
    if _statements(text[:ends[0]]):
        yield 1, "", text[:ends[0]]
    for head, end in zip(heads, ends[1:], strict=True):
        yield text.count("\n", 0, head.start()) + 1, head[1], text[head.end():end]


def _mistakes(name: str, known: bool, body: str, statements: list[str]) -> Iterator[str]:
    if not _IDENTIFIER.fullmatch(name):
        yield f"{name!r} is no name: write a line such as -- :name insert_requests above the statement"
        return
    if known:
        yield f"{name} stands here twice: rename one"
    if not _ABOUT.match(body):
        yield f"{name} does not say what it does: write so in a comment right below its name"
    if len(statements) != 1:
        yield f"{name} has {len(statements)} statements: one name is one statement" if statements else f"{name} has no statement"


def _statements(text: str) -> list[str]:
    """The statements of a text, without their comments and semicolons."""
    parts = [""]
    at = 0
    for token in _TOKEN.finditer(text):
        parts[-1] += text[at:token.start()] + (token["kept"] or "")
        at = token.end()
        if token["end"]:
            parts.append("")
        elif token["comment"]:
            parts[-1] += " "  # a comment parts words, as a blank does
    parts[-1] += text[at:]
    return [part.strip() for part in parts if part.strip()]
