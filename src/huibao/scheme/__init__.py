"""A programme's rules as data: who may buy what for whom with which money, from a dated file, decided purely."""
