"""What every route stands on: identity, idempotency, limits, pages, problems, streams."""
