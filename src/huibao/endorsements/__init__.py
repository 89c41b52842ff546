"""Endorsements （保全）: details mended, facts corrected as of a day, who a waiting order is for; each a row, what matters by two people."""
