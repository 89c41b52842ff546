"""The oracle: every invariant of the books and the record, and who offends it."""
