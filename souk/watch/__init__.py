"""The market in a terminal: the live feed, and one store, listing, order or negotiation with its history."""
