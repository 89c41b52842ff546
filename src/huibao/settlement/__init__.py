"""One-stop settlement at the discharge desk: offered, confirmed, taken back, explained."""
