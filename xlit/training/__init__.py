"""The training loop, batches, schedule and recipes."""
