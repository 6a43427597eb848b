"""The market's tables and queries."""
