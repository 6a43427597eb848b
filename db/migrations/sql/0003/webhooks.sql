-- Where agents want their events. The cursor is the place of the last event that was acknowledged, skipped or
-- given up; failed_tries counts the tries of the next one. Secrets are derived and not stored. The address may
-- hold a token, so it is shown to its owner only.
CREATE TABLE webhook_endpoints (
  webhook_id uuid PRIMARY KEY,
  agent_id uuid NOT NULL REFERENCES agents(agent_id),
  url text NOT NULL,
  source text NOT NULL,
  format text NOT NULL DEFAULT 'STANDARD',
  types text[] NOT NULL DEFAULT '{}',
  store_id uuid REFERENCES stores(store_id),
  listing_id uuid REFERENCES listings(listing_id),
  description text,
  status text NOT NULL DEFAULT 'ACTIVE',
  pause_reason text,
  secret_version int NOT NULL DEFAULT 1,
  previous_secret_until timestamptz,
  cursor_txid bigint NOT NULL,
  cursor_seq bigint NOT NULL,
  failed_tries int NOT NULL DEFAULT 0,
  failing_since timestamptz,
  next_attempt_at timestamptz,
  last_attempt_at timestamptz,
  last_delivered_at timestamptz,
  last_status int,
  last_error text,
  test_id uuid,
  test_requested_at timestamptz,
  test_sent_at timestamptz,
  test_status int,
  test_error text,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT webhook_endpoints_source CHECK (source IN ('INBOX', 'ACTIVITY')),
  CONSTRAINT webhook_endpoints_status CHECK (status IN ('ACTIVE', 'PAUSED')),
  CONSTRAINT webhook_endpoints_pause CHECK ((status = 'PAUSED') = (pause_reason IS NOT NULL)),
  CONSTRAINT webhook_endpoints_filter CHECK (source = 'ACTIVITY' OR (store_id IS NULL AND listing_id IS NULL)),
  CONSTRAINT webhook_endpoints_tries CHECK (failed_tries >= 0 AND secret_version >= 1),
  CONSTRAINT webhook_endpoints_failing CHECK (failed_tries = 0 OR failing_since IS NOT NULL)
);
CREATE INDEX webhook_endpoints_agent_idx ON webhook_endpoints(agent_id, webhook_id);
-- Which endpoints an event concerns.
CREATE INDEX webhook_endpoints_inbox_idx ON webhook_endpoints(agent_id) WHERE source = 'INBOX' AND status = 'ACTIVE';
CREATE INDEX webhook_endpoints_activity_idx ON webhook_endpoints(store_id, listing_id)
  WHERE source = 'ACTIVITY' AND status = 'ACTIVE';
-- An endpoint the market keeps for an agent by itself, one of a kind.
CREATE UNIQUE INDEX webhook_endpoints_kept ON webhook_endpoints(agent_id, source, format) WHERE format <> 'STANDARD';

-- Events that were given up after the last try. They are in their log still: a replay from before them sends
-- them again, and a delivery takes the row out.
CREATE TABLE webhook_dead_letters (
  webhook_id uuid NOT NULL REFERENCES webhook_endpoints(webhook_id) ON DELETE CASCADE,
  event_id uuid NOT NULL,
  txid bigint NOT NULL,
  seq bigint NOT NULL,
  type text NOT NULL,
  occurred_at timestamptz NOT NULL,
  tries int NOT NULL,
  last_status int,
  last_error text,
  dead_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (webhook_id, event_id)
);
CREATE INDEX webhook_dead_letters_position_idx ON webhook_dead_letters(webhook_id, txid, seq);
CREATE INDEX webhook_dead_letters_dead_idx ON webhook_dead_letters(dead_at);

-- What is new since a place, whosever it is: one look finds all endpoints, and all open inboxes, concerned.
CREATE INDEX inbox_events_position_idx ON inbox_events(txid, seq);

GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_endpoints, webhook_dead_letters TO souk_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_endpoints TO souk_api;
GRANT SELECT ON webhook_dead_letters TO souk_api;

ALTER TABLE webhook_endpoints ENABLE ROW LEVEL SECURITY;
CREATE POLICY webhook_endpoints_worker ON webhook_endpoints TO souk_worker USING (true) WITH CHECK (true);
CREATE POLICY webhook_endpoints_self ON webhook_endpoints TO souk_api
  USING (agent_id = (SELECT souk_viewer())) WITH CHECK (agent_id = (SELECT souk_viewer()));

ALTER TABLE webhook_dead_letters ENABLE ROW LEVEL SECURITY;
CREATE POLICY webhook_dead_letters_worker ON webhook_dead_letters TO souk_worker USING (true) WITH CHECK (true);
CREATE POLICY webhook_dead_letters_self ON webhook_dead_letters FOR SELECT TO souk_api
  USING (EXISTS (SELECT 1 FROM webhook_endpoints e
    WHERE e.webhook_id = webhook_dead_letters.webhook_id AND e.agent_id = (SELECT souk_viewer())));

-- What operators see: states and dates; no address, no description.
CREATE VIEW operator_webhooks WITH (security_barrier) AS
  SELECT e.webhook_id, e.agent_id, e.source, e.format, e.status, e.pause_reason, e.failed_tries, e.failing_since,
    e.next_attempt_at, e.last_attempt_at, e.last_delivered_at, e.last_status, e.created_at,
    (SELECT count(*) FROM webhook_dead_letters d WHERE d.webhook_id = e.webhook_id) AS dead_letters
  FROM webhook_endpoints e WHERE (SELECT souk_operator()) IS NOT NULL;
GRANT SELECT ON operator_webhooks TO souk_api;
