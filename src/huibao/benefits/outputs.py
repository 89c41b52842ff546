"""Payments as columns that people and other programs read: one row per settlement and benefit, amounts in yuan."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa

from huibao.benefits import arrays
from huibao.benefits.batch import Folded

FIGURES: Final = ("base", "deductible", "covered", "payable", "pay", "difference")
STATUS: Final = ("settled", "reversed", "reversal")


def schema(money: Any, words: Any) -> Any:
    """The columns of a result: `money` is the type of its amounts, `words` that of benefit and status."""
    return pa.schema([("setl_id", pa.string()), ("benefit", words), *((name, money) for name in FIGURES), ("status", words),
                      ("provisional", pa.bool_())])


def tables(benefits: Sequence[str], setl_id: Any, folded: Folded, of: Any) -> Iterator[pa.Table]:
    """The rows of each benefit in turn, for the settlements that were taken up. `setl_id` has one for each row of the batch."""
    result = folded.result
    taken = np.flatnonzero(result.status <= arrays.REVERSAL)
    everything = len(taken) == len(setl_id)
    ids = (setl_id if everything else setl_id.take(pa.array(folded.rows[taken]))).cast(pa.string())
    status = pa.DictionaryArray.from_arrays(pa.array(result.status[taken].astype(np.int8)), pa.array(STATUS))
    provisional = pa.array(folded.provisional[taken])
    # What was posted beyond what would be right; settled bills only, since a reversal has squared a reversed one.
    difference = np.where(result.status == arrays.SETTLED, result.pay - result.target, 0)
    names = pa.array(benefits)
    for b in range(len(benefits)):
        benefit = pa.DictionaryArray.from_arrays(pa.array(np.full(len(taken), b, np.int8)), names)
        fen = (result.base[b], result.deductible[b], result.covered[b], result.payable[b], result.pay[b], difference[b])
        columns = [ids, benefit, *(_yuan(figures if everything else figures[taken]) for figures in fen), status, provisional]
        yield pa.table([column if column.type == field.type else column.cast(field.type)
                        for column, field in zip(columns, of, strict=True)], schema=of)


def _yuan(fen: arrays.Ints) -> Any:
    """Fen as a decimal column of yuan, without touching the numbers."""
    return pa.Array.from_buffers(pa.decimal64(18, 2), len(fen), [None, pa.py_buffer(np.ascontiguousarray(fen))])
