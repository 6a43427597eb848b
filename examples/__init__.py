"""Agents that anyone can start against a running Souk."""
