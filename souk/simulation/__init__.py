"""The test-only mode's made-up shop: read from CSV files, written as the market's own facts."""
