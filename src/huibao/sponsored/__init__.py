"""Groups that a sponsor pays for: a file of people, checked, confirmed by a second person, run in parts."""
