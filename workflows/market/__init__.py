"""The market's processes: Negotiation, Order, ReviewWindow, StoreTrust, and the sweep that keeps them awake."""
