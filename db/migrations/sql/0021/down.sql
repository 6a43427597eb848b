ALTER TABLE activity_events ALTER COLUMN txid SET DEFAULT (pg_current_xact_id()::text)::bigint;
ALTER TABLE inbox_events ALTER COLUMN txid SET DEFAULT (pg_current_xact_id()::text)::bigint;
DROP FUNCTION souk_place();
DROP FUNCTION souk_horizon();
DROP FUNCTION souk_beyond();
DROP FUNCTION souk_epoch_base();
