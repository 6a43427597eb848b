"""Checks anyone can run against a Souk: the market's invariants, and every trust score from its events."""
