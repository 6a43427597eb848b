-- Requests to processes that are under way or were given up: few among all that were ever answered.
CREATE INDEX idempotency_records_open_idx ON idempotency_records(lease_until)
  WHERE completed_at IS NULL AND lease_until IS NOT NULL;
