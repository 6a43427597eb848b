-- A place in the feeds is (txid, seq), and txid is more than a transaction's id: above its 44 bits is an epoch. A
-- cluster that a dump was restored into counts from the beginning; with a higher epoch what it writes comes after all
-- there was, and places that callers hold stay in order. Raised by db/platform/epochs.py, which replaces the function: so it
-- costs nothing to read, and goes along in every dump.
CREATE FUNCTION souk_epoch_base() RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN 0::bigint;

-- The place of what this transaction writes.
CREATE FUNCTION souk_place() RETURNS bigint LANGUAGE sql STABLE
  RETURN souk_epoch_base() + (pg_current_xact_id()::text)::bigint;

-- Every transaction before it is over: readers stop here.
CREATE FUNCTION souk_horizon() RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE
  RETURN souk_epoch_base() + (pg_snapshot_xmin(pg_current_snapshot())::text)::bigint;

-- No transaction has it or one after it yet: what is stored with such a place comes from another cluster.
CREATE FUNCTION souk_beyond() RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE
  RETURN souk_epoch_base() + (pg_snapshot_xmax(pg_current_snapshot())::text)::bigint;

ALTER TABLE activity_events ALTER COLUMN txid SET DEFAULT souk_place();
ALTER TABLE inbox_events ALTER COLUMN txid SET DEFAULT souk_place();
