"""A checkpoint over tasks and languages; submissions; suites and their aggregation."""
