-- Requests under way or given up: a handful among all that were ever answered.
CREATE INDEX idempotency_records_open_idx ON idempotency_records(lease_until) WHERE completed_at IS NULL;
