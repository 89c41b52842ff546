"""What a policy has used so far, as one text: the accumulators of the fold, by their keys."""

from collections.abc import Mapping
from typing import Final

import msgspec

from huibao.benefits.fold import Key

_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(list[tuple[str, int, str, str, int]])


def written(used: Mapping[Key, int]) -> str:
    """The accumulators as they are kept, the same text for the same state."""
    return _ENCODER.encode(sorted((*key, fen) for key, fen in used.items() if fen)).decode()


def read(text: str | bytes) -> dict[Key, int]:
    """What `written` wrote."""
    return {(letter, place, who, what): fen for letter, place, who, what, fen in _DECODER.decode(text)}
