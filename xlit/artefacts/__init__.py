"""Manifests, the store and the pipes."""
