"""Pure rules and values of the market: no I/O, no clock, no randomness."""
