"""What every context's workflows are built of. Knows no context."""
