"""Identity, idempotency and request limits: what every context's API stands on."""
