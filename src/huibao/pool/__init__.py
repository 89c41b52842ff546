"""The co-insurance pool: shares on cumulative totals, so that nothing is left over."""
