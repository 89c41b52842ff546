"""How long files and functions are, and the ratchet: what is over a limit stands in a table and may only shrink."""

import ast
from collections.abc import Iterator, Mapping


def functions(source: str) -> Iterator[tuple[str, int]]:
    """Every function of a module by its dotted name, with its lines from `def` to the end."""
    yield from _functions(ast.parse(source), "")


def _functions(node: ast.AST, within: str) -> Iterator[tuple[str, int]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = f"{within}{child.name}"
            if not isinstance(child, ast.ClassDef):
                yield name, (child.end_lineno or child.lineno) - child.lineno + 1
            yield from _functions(child, f"{name}.")
        else:
            yield from _functions(child, within)


def ratchet(limit: int, exceptions: Mapping[str, int], sizes: Mapping[str, int]) -> list[str]:
    """What breaks the limit or its table of exceptions; empty where all is well."""
    wrong = []
    for name, size in sizes.items():
        known = exceptions.get(name)
        if known is None and size > limit:
            wrong.append(f"{name} has {size} lines, the limit is {limit}: is it two things?")
        elif known is not None and size > known:
            wrong.append(f"{name} grew from {known} to {size} lines; an exception may only shrink")
        elif known is not None and size <= limit:
            wrong.append(f"{name} is down to {size} lines: take it off the table")
        elif known is not None and size < known:
            wrong.append(f"{name} is down to {size} lines: write {size} instead of {known} in the table")
    wrong += [f"{name} is gone: take it off the table" for name in exceptions if name not in sizes]
    return wrong
