"""Insurance plans and their arithmetic: one fold over a person's settlements, explained in Python and compiled over columns."""
