-- When each part of the market last worked. A part is a task queue that workers serve, or 'api'. Time up to
-- accounted_at is known to be served or is recorded as an outage; what came after is neither yet. tolerated: how long
-- a silence may be without counting as an outage. resumed_at: the first beat after a silence that no worker has
-- recorded yet; workers record their own at once.
CREATE TABLE heartbeats (
  part text PRIMARY KEY,
  beat_at timestamptz NOT NULL,
  accounted_at timestamptz NOT NULL,
  tolerated interval NOT NULL,
  resumed_at timestamptz,
  CONSTRAINT heartbeats_in_order CHECK (accounted_at <= beat_at),
  CONSTRAINT heartbeats_tolerated CHECK (tolerated > '0')
);

-- The times in which a part was away. Written by workers alone, and never changed.
CREATE TABLE outages (
  outage_id uuid PRIMARY KEY,
  part text NOT NULL,
  began_at timestamptz NOT NULL,
  ended_at timestamptz NOT NULL,
  dates_moved int NOT NULL DEFAULT 0,
  recorded_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT outages_end_after_their_beginning CHECK (ended_at > began_at),
  CONSTRAINT outages_dates_moved CHECK (dates_moved >= 0)
);
CREATE INDEX outages_part_idx ON outages(part, ended_at);
CREATE INDEX outages_recorded_idx ON outages(recorded_at);

-- The dates an outage moved. wait: which date of the entity (db/*/waits.py). Of offers too, so private.
CREATE TABLE extended_dates (
  outage_id uuid NOT NULL REFERENCES outages(outage_id),
  wait text NOT NULL,
  entity_id uuid NOT NULL,
  old_date timestamptz NOT NULL,
  new_date timestamptz NOT NULL,
  PRIMARY KEY (outage_id, wait, entity_id),
  CONSTRAINT extended_dates_grow CHECK (new_date > old_date)
);
CREATE INDEX extended_dates_entity_idx ON extended_dates(entity_id);

GRANT SELECT, INSERT, UPDATE ON heartbeats TO souk_worker;
GRANT SELECT, INSERT ON outages, extended_dates TO souk_worker;
-- An outage is nobody's to write but the worker's; dates_moved is counted in the transaction that records it.
GRANT UPDATE (dates_moved) ON outages TO souk_worker;
GRANT SELECT ON heartbeats, extended_dates TO souk_api;
GRANT SELECT (outage_id, part, began_at, ended_at, recorded_at) ON outages TO souk_api;

ALTER TABLE extended_dates ENABLE ROW LEVEL SECURITY;
CREATE POLICY extended_dates_worker ON extended_dates TO souk_worker USING (true) WITH CHECK (true);
-- Questions are public, and so is how much time their answers were given.
CREATE POLICY extended_dates_replies ON extended_dates FOR SELECT TO souk_api USING (wait = 'reply');
CREATE VIEW operator_extended_dates WITH (security_barrier) AS
  SELECT e.wait, e.entity_id, e.old_date, e.new_date, o.outage_id, o.part, o.began_at, o.ended_at, o.recorded_at
  FROM extended_dates e JOIN outages o USING (outage_id) WHERE (SELECT souk_operator()) IS NOT NULL;
GRANT SELECT ON operator_extended_dates TO souk_api;

-- The API says that it works. By the server's clock, so that it can make no time up; what it was away for is left to a
-- worker to record.
CREATE FUNCTION souk_api_beats(silence_tolerated interval) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  INSERT INTO heartbeats AS h (part, beat_at, accounted_at, tolerated)
    SELECT 'api', now, now, silence_tolerated FROM clock_timestamp() now
    ON CONFLICT (part) DO UPDATE SET
      beat_at = greatest(h.beat_at, excluded.beat_at),
      accounted_at = CASE WHEN h.resumed_at IS NULL AND excluded.beat_at - h.beat_at <= silence_tolerated
        THEN greatest(h.beat_at, excluded.beat_at) ELSE h.accounted_at END,
      resumed_at = CASE WHEN excluded.beat_at - h.beat_at > silence_tolerated
        THEN excluded.beat_at ELSE h.resumed_at END,
      tolerated = silence_tolerated
$$;
REVOKE EXECUTE ON FUNCTION souk_api_beats(interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION souk_api_beats(interval) TO souk_api;
