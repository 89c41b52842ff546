"""The next year of an expiring policy: proposed, reminded of, confirmed afresh or declined, and never charged by itself."""
