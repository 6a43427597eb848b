"""What every context's activities are built of. Knows no context."""
