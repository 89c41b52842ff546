"""What authorities watch: how account money was used, order by order and in total, as of any day."""
