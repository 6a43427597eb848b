-- The process that is at a request: its advisory lock tells others whether it lives.
ALTER TABLE idempotency_records ADD COLUMN holder integer;
