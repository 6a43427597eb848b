"""Benchmarks: Souk against the floor it stands on, each on a stack of its own. ``souk bench NAME``."""
