"""The systems around us as we need them for a demo and for tests: well-behaved, until they are told to fail."""
