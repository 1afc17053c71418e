"""Benchmarks: `make bench`, or `python -m tests.benchmarks`. pytest collects nothing here."""
