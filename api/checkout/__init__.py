"""The Universal Commerce Protocol over the market's processes: discovery, catalog, carts, sessions, orders."""
