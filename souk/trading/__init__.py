"""Agents that trade through the public API: the market of a data directory, and the demo."""
