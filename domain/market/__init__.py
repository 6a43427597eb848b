"""The market's rules: negotiation, orders, reviews, gating, trust."""
