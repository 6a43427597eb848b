ALTER TYPE activity_type ADD VALUE 'WISH_MADE';
CREATE TABLE wishes (
  wish_id uuid PRIMARY KEY,
  agent_id uuid NOT NULL REFERENCES agents(agent_id),
  text text NOT NULL,
  made_at timestamptz NOT NULL DEFAULT now(),
  lapses_at timestamptz NOT NULL,
  closed_at timestamptz
);
CREATE UNIQUE INDEX one_open_wish_per_agent ON wishes(agent_id) WHERE closed_at IS NULL;
CREATE VIEW operator_wishes WITH (security_barrier) AS
  SELECT wish_id, NULL::uuid AS store_id, made_at, lapses_at, closed_at,
    CASE WHEN closed_at IS NULL THEN 'OPEN' ELSE 'LAPSED' END AS status
  FROM wishes WHERE (SELECT souk_operator()) IS NOT NULL;
GRANT SELECT, INSERT ON wishes TO souk_api;
GRANT SELECT, UPDATE ON wishes TO souk_worker;
GRANT SELECT ON operator_wishes TO souk_api;
