"""A generated little world: small, real, deterministic tasks for the demo and the tests."""
