"""Account money on its way to insurers: where each takes it, batches on a schedule, what banks answer, who confirms."""
