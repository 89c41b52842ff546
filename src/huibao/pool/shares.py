"""Shares of a pool to the fen: largest remainder on the cumulative total of a stream.

What a member has of everything so far is its quota rounded up or down, so that no member gets the odd fen half a
million times. What it has of one amount is the difference of two such totals.
"""

from collections.abc import Sequence


def of_total(total_fen: int, weights: Sequence[int]) -> list[int]:
    """Each member's part of a cumulative total: the parts add up, and each is within a fen of its quota.

    The odd fens go to the largest remainders, the earlier member first where two are equal. Weights are positive.
    """
    whole = sum(weights)
    parts = [total_fen * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda n: (-(total_fen * weights[n] % whole), n))
    for n in by_remainder[: total_fen - sum(parts)]:
        parts[n] += 1
    return parts


def of_amount(before_fen: int, amount_fen: int, weights: Sequence[int]) -> list[int]:
    """Each member's part of an amount that follows on a cumulative total; the parts add up to the amount."""
    earlier, later = of_total(before_fen, weights), of_total(before_fen + amount_fen, weights)
    return [after - before for before, after in zip(earlier, later, strict=True)]
