ALTER TABLE idempotency_records DROP COLUMN holder;
