"""What is owed for claims: agreed with hospitals, paid by banks, called in from co-insurers."""
