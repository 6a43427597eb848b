"""What every context's rules and messages are built of. Knows no context."""
