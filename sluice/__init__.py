"""Sluice: rehearse the day when everybody comes at once."""

__version__ = "0.1.0"
