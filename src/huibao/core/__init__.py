"""What every slice speaks: money in fen, business time, refusals, and files that name their own mistakes."""
