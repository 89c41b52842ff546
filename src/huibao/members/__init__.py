"""People of a programme: families, enrolment and standing by date, found by equality only."""
