"""One file a kind of task: features, head, loss, decode, score."""
