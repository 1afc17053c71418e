"""Metrics as the official evaluators compute them; plain Python and numpy."""
