"""Checkout sessions and carts: what a shopping platform fills in before it buys, and how it ends in orders."""
