"""The books: transfers, holds, balances, and what accounts paid in a limit year."""
