"""The market's routes."""
