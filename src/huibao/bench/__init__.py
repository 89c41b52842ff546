"""Headline figures beside their yardsticks, measured in one run, interleaved, as medians."""
