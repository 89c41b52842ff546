"""Mandates: who may act for whom, for what, how long and on which evidence, until it is revoked, over, or one of the two has died."""
