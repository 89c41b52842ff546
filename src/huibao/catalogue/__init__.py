"""What is sold: products under their plans, the terms they are agreed to by, insurers that are connected."""
