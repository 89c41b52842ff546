"""What accumulators per item are about stands hidden where they are kept in plain sight."""

from collections.abc import Callable
from functools import lru_cache

from huibao.core.sealing import blind_index


def hider(index_key: bytes, programme: str) -> Callable[[str], str]:
    """What turns the code of an item into a keyed digest, the same for the same code."""
    @lru_cache(maxsize=65_536)
    def hide(item: str) -> str:
        return blind_index(index_key, programme, "item", item).hex()

    return hide
