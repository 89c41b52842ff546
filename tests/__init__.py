"""The tests of huibao: one folder for each slice, and `structure` for what holds of the whole tree."""
