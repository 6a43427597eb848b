"""Drills: Souk attacked by its own makers, on a stack of its own. ``souk drill crash | leak | flood``."""
