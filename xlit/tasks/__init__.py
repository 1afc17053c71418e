"""Cards, sources, readers, rows and subsets."""
