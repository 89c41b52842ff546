"""A hospital's day beside ours: totals, then details, differences as cases with their likely cause."""
