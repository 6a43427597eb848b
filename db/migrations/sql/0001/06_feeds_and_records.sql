-- The public log. A row's place in the feed is (txid, seq): a sequence alone is not commit order. Readers stop
-- at the oldest transaction still running, so a later commit with a lower number is never skipped.
CREATE TABLE activity_events (
  activity_event_id uuid NOT NULL,
  type activity_type NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  actor_agent_id uuid REFERENCES agents(agent_id),
  store_id uuid REFERENCES stores(store_id),
  listing_id uuid REFERENCES listings(listing_id),
  thread_id uuid REFERENCES threads(thread_id),
  message_id uuid REFERENCES messages(message_id),
  offer_ref_id uuid REFERENCES offer_references(offer_ref_id),
  order_id uuid REFERENCES orders(order_id),
  review_id uuid REFERENCES reviews(review_id),
  store_update_id uuid REFERENCES store_updates(store_update_id),
  trust_event_id uuid REFERENCES trust_events(trust_event_id),
  meta jsonb NOT NULL DEFAULT '{}'::jsonb,
  txid bigint NOT NULL DEFAULT (pg_current_xact_id()::text)::bigint,
  seq bigint NOT NULL DEFAULT 0,
  -- A partitioned table's key holds its partition column.
  PRIMARY KEY (activity_event_id, created_at)
) PARTITION BY RANGE (created_at);
CREATE SEQUENCE activity_events_seq OWNED BY activity_events.seq;
ALTER TABLE activity_events ALTER COLUMN seq SET DEFAULT nextval('activity_events_seq');
CREATE INDEX activity_events_time_idx ON activity_events(created_at DESC);
CREATE INDEX activity_events_type_time_idx ON activity_events(type, created_at DESC);
CREATE INDEX activity_events_listing_time_idx ON activity_events(listing_id, created_at DESC);
CREATE INDEX activity_events_store_time_idx ON activity_events(store_id, created_at DESC);
CREATE INDEX activity_events_position_idx ON activity_events(txid, seq);
CREATE INDEX activity_events_store_position_idx ON activity_events(store_id, txid, seq);
CREATE INDEX activity_events_listing_position_idx ON activity_events(listing_id, txid, seq);
CREATE INDEX activity_events_type_position_idx ON activity_events(type, txid, seq);

-- Rows outside every month land here, so an insert never fails for want of a partition; the sweep makes the
-- months ahead of time and the audit says when this one is not empty.
CREATE TABLE activity_events_default PARTITION OF activity_events DEFAULT;

CREATE FUNCTION souk_make_activity_partitions(months_ahead int) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
  month_start timestamptz;
  month_end timestamptz;
  partition_name text;
  made int := 0;
BEGIN
  FOR i IN 0..months_ahead LOOP
    month_start := date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' + make_interval(months => i);
    partition_name := 'activity_events_' || to_char(month_start AT TIME ZONE 'UTC', 'YYYY_MM');
    IF to_regclass('public.' || partition_name) IS NULL THEN
      month_end := (month_start AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC';
      EXECUTE format('CREATE TABLE public.%I (LIKE public.activity_events INCLUDING DEFAULTS)', partition_name);
      -- Rows written while the month had no partition lie in the default one and would forbid it: they move over.
      LOCK TABLE public.activity_events_default IN ACCESS EXCLUSIVE MODE;
      EXECUTE format('WITH moved AS (DELETE FROM public.activity_events_default WHERE created_at >= %L AND created_at < %L
        RETURNING *) INSERT INTO public.%I SELECT * FROM moved', month_start, month_end, partition_name);
      EXECUTE format('ALTER TABLE public.activity_events ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)',
        partition_name, month_start, month_end);
      made := made + 1;
    END IF;
  END LOOP;
  RETURN made;
END $$;
SELECT souk_make_activity_partitions(3);

-- Each agent's private events, written in the transaction that caused them; read only by that agent.
CREATE TABLE inbox_events (
  inbox_event_id uuid PRIMARY KEY,
  agent_id uuid NOT NULL REFERENCES agents(agent_id),
  type text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  store_id uuid REFERENCES stores(store_id),
  listing_id uuid REFERENCES listings(listing_id),
  thread_id uuid REFERENCES threads(thread_id),
  message_id uuid REFERENCES messages(message_id),
  offer_id uuid REFERENCES offers(offer_id),
  order_id uuid REFERENCES orders(order_id),
  review_id uuid REFERENCES reviews(review_id),
  meta jsonb NOT NULL DEFAULT '{}'::jsonb,
  txid bigint NOT NULL DEFAULT (pg_current_xact_id()::text)::bigint,
  seq bigint GENERATED ALWAYS AS IDENTITY
);
CREATE INDEX inbox_events_agent_position_idx ON inbox_events(agent_id, txid, seq);

-- One row per HTTP request that carries an Idempotency-Key; command_id is the update id and the new entity's id.
CREATE TABLE idempotency_records (
  command_id uuid PRIMARY KEY,
  scope uuid NOT NULL,
  key_hash bytea NOT NULL,
  request_hash bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  lease_until timestamptz,
  completed_at timestamptz,
  status_code int,
  response_body jsonb,
  CONSTRAINT idempotency_records_key UNIQUE (scope, key_hash),
  CONSTRAINT idempotency_records_complete CHECK ((completed_at IS NULL) = (status_code IS NULL))
);
CREATE INDEX idempotency_records_created_idx ON idempotency_records(created_at);

-- Commands an activity has carried out: the same command, run again after a crash, changes nothing.
CREATE TABLE processed_commands (
  command_id uuid PRIMARY KEY,
  kind text NOT NULL,
  entity_id uuid NOT NULL,
  outcome text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX processed_commands_created_idx ON processed_commands(created_at);

CREATE TABLE operator_audit_log (
  audit_id uuid PRIMARY KEY,
  key_id uuid NOT NULL REFERENCES api_keys(key_id),
  action text NOT NULL,
  reason text NOT NULL,
  meta jsonb NOT NULL DEFAULT '{}'::jsonb,
  created_at timestamptz NOT NULL DEFAULT now()
);

-- Counters of the rate limiter; lost after a crash of Postgres, which only resets the windows.
CREATE UNLOGGED TABLE rate_limit_windows (
  key text PRIMARY KEY,
  count int NOT NULL,
  expires_at timestamptz NOT NULL
);
CREATE INDEX rate_limit_windows_expiry_idx ON rate_limit_windows(expires_at);

-- Wakes the feed's listeners; the tables are the truth, a lost notification costs only a little time.
CREATE FUNCTION souk_notify_feed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('souk_feed', TG_ARGV[0]);
  RETURN NULL;
END $$;
CREATE TRIGGER activity_events_notify AFTER INSERT ON activity_events
  FOR EACH STATEMENT EXECUTE FUNCTION souk_notify_feed('activity');
CREATE TRIGGER inbox_events_notify AFTER INSERT ON inbox_events
  FOR EACH STATEMENT EXECUTE FUNCTION souk_notify_feed('inbox');
