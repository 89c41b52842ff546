"""The systems around us: what they send, read into the words of the slices, and refused in words that they can act on."""
