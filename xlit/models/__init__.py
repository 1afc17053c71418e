"""Encoders, the bundled encoder, pooling."""
