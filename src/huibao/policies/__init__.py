"""The contract and its number."""
