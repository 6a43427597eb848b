-- Customers whom a store's owner keeps away. Only the owner reads the list and its reasons.
CREATE TABLE store_blocks (
  store_id uuid NOT NULL REFERENCES stores(store_id),
  agent_id uuid NOT NULL REFERENCES agents(agent_id),
  reason text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (store_id, agent_id)
);
CREATE TRIGGER store_blocks_agent_is_customer BEFORE INSERT ON store_blocks
  FOR EACH ROW EXECUTE FUNCTION souk_require_agent_type('agent_id', 'CUSTOMER');
GRANT SELECT, INSERT, UPDATE, DELETE ON store_blocks TO souk_api, souk_worker;
ALTER TABLE store_blocks ENABLE ROW LEVEL SECURITY;
CREATE POLICY store_blocks_worker ON store_blocks TO souk_worker USING (true) WITH CHECK (true);
CREATE POLICY store_blocks_owner ON store_blocks TO souk_api
  USING (souk_owns_store(store_id)) WITH CHECK (souk_owns_store(store_id));

-- Whether the viewer itself is kept away: it hears that by every refusal, and no more.
CREATE FUNCTION souk_blocks_me(store uuid) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER
  SET search_path = pg_catalog, public AS
  $$ SELECT EXISTS (SELECT 1 FROM store_blocks WHERE store_id = store AND agent_id = souk_viewer()) $$;
REVOKE EXECUTE ON FUNCTION souk_blocks_me(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION souk_blocks_me(uuid) TO souk_api, souk_worker;
