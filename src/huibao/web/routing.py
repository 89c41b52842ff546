"""Which operation an address is: a tree of path segments, walked once.

A framework's router costs as much as everything that we do with a request beside it (decision 0011), and of a framework we
would use nothing else: what is asked is read strictly by us, and the document is drawn from the same operations.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

B = TypeVar("B")

Methods = dict[str, B]


@dataclass(slots=True)
class _Node(Generic[B]):
    """A segment: what follows it by name, what follows it whatever the name, and what answers here by method."""

    named: dict[str, "_Node[B]"] = field(default_factory=dict)
    part: "tuple[str, _Node[B]] | None" = None
    methods: Methods[B] = field(default_factory=dict)


class Router(Generic[B]):
    """Finds what was bound to a path like `/v1/{programme}/orders/{order}`."""

    def __init__(self, bound: Iterable[tuple[str, str, B]]) -> None:
        """`bound` has method, path and what answers there. Two names for one variable part are a mistake."""
        self._root: _Node[B] = _Node()
        for method, path, answers in bound:
            node = self._root
            for segment in path.strip("/").split("/"):
                node = self._step(node, segment)
            node.methods[method] = answers

    def find(self, path: str) -> tuple[Methods[B], Mapping[str, str]] | None:
        """What answers at an address, by method, and the address's variable parts; None where nothing does."""
        node, parts = self._root, dict[str, Any]()
        for segment in path[1:].split("/"):
            following = node.named.get(segment)
            if following is None:
                if node.part is None or not segment:
                    return None
                name, following = node.part
                parts[name] = segment
            node = following
        return (node.methods, parts) if node.methods else None

    @staticmethod
    def _step(node: _Node[B], segment: str) -> _Node[B]:
        if not segment.startswith("{"):
            return node.named.setdefault(segment, _Node())
        if node.part is None:
            node.part = (segment[1:-1], _Node())
        assert node.part[0] == segment[1:-1], f"{segment} is called {node.part[0]} elsewhere"
        return node.part[1]
