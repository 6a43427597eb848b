"""Activities: one method is one transaction, idempotent, in the vocabulary of the market."""
