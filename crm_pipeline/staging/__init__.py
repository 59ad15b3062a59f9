"""The staging store's tables: typed and target-shaped, with what was wrong on the way."""
