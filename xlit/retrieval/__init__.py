"""Encode, search, score margins, mine, evaluate."""
