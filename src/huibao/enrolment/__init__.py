"""Orders: purchase from account, cash or a sponsor, payment, release, and the policies that come of them."""
