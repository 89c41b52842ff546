"""Surrender, and the money that goes back: each source gets its part of what it paid, the way it came."""
