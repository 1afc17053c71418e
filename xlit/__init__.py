"""xlit: cross-lingual intermediate training from the shell."""

__version__ = "0.1.0"
