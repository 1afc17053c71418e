"""Reports: collect lineages, statistics, tables."""
