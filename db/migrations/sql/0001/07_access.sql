-- Who may see what. The API's role owns nothing: without a viewer it sees no private row at all. The viewer
-- is set for one transaction with set_config('souk.viewer', …, true).
CREATE FUNCTION souk_viewer() RETURNS uuid LANGUAGE sql STABLE AS
  $$ SELECT nullif(current_setting('souk.viewer', true), '')::uuid $$;

GRANT USAGE ON SCHEMA public TO souk_api, souk_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO souk_worker;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO souk_api, souk_worker;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO souk_api;
REVOKE ALL ON processed_commands, activity_events_default FROM souk_api;
GRANT INSERT ON agents, api_keys, agent_limits, stores, products, product_images, listings, listing_limits, threads,
  messages, support_questions, offer_references, stock_movements, interaction_evidence, store_interaction_evidence,
  trust_profiles, trust_facts, store_updates, store_stats, activity_events, inbox_events, idempotency_records,
  operator_audit_log, rate_limit_windows TO souk_api;
GRANT UPDATE ON agents, api_keys, agent_limits, stores, products, listings, listing_limits, threads,
  support_questions, idempotency_records, rate_limit_windows TO souk_api;
GRANT DELETE ON rate_limit_windows, product_images TO souk_api;
REVOKE EXECUTE ON FUNCTION souk_make_activity_partitions(int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION souk_make_activity_partitions(int) TO souk_worker;

-- Parties only: the buyer and the owner of the store.
CREATE FUNCTION souk_owns_store(store uuid) RETURNS boolean LANGUAGE sql STABLE AS
  $$ SELECT EXISTS (SELECT 1 FROM stores WHERE store_id = store AND owner_merchant_id = souk_viewer()) $$;

ALTER TABLE negotiations ENABLE ROW LEVEL SECURITY;
CREATE POLICY negotiations_worker ON negotiations TO souk_worker USING (true) WITH CHECK (true);
CREATE POLICY negotiations_parties ON negotiations FOR SELECT TO souk_api
  USING (buyer_customer_id = (SELECT souk_viewer()) OR souk_owns_store(seller_store_id));

ALTER TABLE offers ENABLE ROW LEVEL SECURITY;
CREATE POLICY offers_worker ON offers TO souk_worker USING (true) WITH CHECK (true);
CREATE POLICY offers_parties ON offers FOR SELECT TO souk_api
  USING (buyer_customer_id = (SELECT souk_viewer()) OR souk_owns_store(seller_store_id));

ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY orders_worker ON orders TO souk_worker USING (true) WITH CHECK (true);
CREATE POLICY orders_parties ON orders FOR SELECT TO souk_api
  USING (buyer_customer_id = (SELECT souk_viewer()) OR souk_owns_store(store_id));

ALTER TABLE stock_holds ENABLE ROW LEVEL SECURITY;
CREATE POLICY stock_holds_worker ON stock_holds TO souk_worker USING (true) WITH CHECK (true);

ALTER TABLE stock_movements ENABLE ROW LEVEL SECURITY;
CREATE POLICY stock_movements_worker ON stock_movements TO souk_worker USING (true) WITH CHECK (true);
CREATE POLICY stock_movements_owner ON stock_movements TO souk_api
  USING (EXISTS (SELECT 1 FROM listings l WHERE l.listing_id = stock_movements.listing_id AND souk_owns_store(l.store_id)));

ALTER TABLE listing_limits ENABLE ROW LEVEL SECURITY;
CREATE POLICY listing_limits_worker ON listing_limits TO souk_worker USING (true) WITH CHECK (true);
CREATE POLICY listing_limits_owner ON listing_limits TO souk_api
  USING (EXISTS (SELECT 1 FROM listings l WHERE l.listing_id = listing_limits.listing_id AND souk_owns_store(l.store_id)));

ALTER TABLE agent_limits ENABLE ROW LEVEL SECURITY;
CREATE POLICY agent_limits_worker ON agent_limits TO souk_worker USING (true) WITH CHECK (true);
CREATE POLICY agent_limits_self ON agent_limits TO souk_api USING (agent_id = (SELECT souk_viewer()));

ALTER TABLE inbox_events ENABLE ROW LEVEL SECURITY;
CREATE POLICY inbox_events_worker ON inbox_events TO souk_worker USING (true) WITH CHECK (true);
CREATE POLICY inbox_events_self ON inbox_events FOR SELECT TO souk_api USING (agent_id = (SELECT souk_viewer()));
CREATE POLICY inbox_events_written ON inbox_events FOR INSERT TO souk_api WITH CHECK (true);

ALTER TABLE idempotency_records ENABLE ROW LEVEL SECURITY;
CREATE POLICY idempotency_records_worker ON idempotency_records TO souk_worker USING (true) WITH CHECK (true);
CREATE POLICY idempotency_records_scope ON idempotency_records TO souk_api USING (scope = (SELECT souk_viewer()));

-- An evidence row of an offer names it; only its customer and the store's owner may see that it exists.
ALTER TABLE interaction_evidence ENABLE ROW LEVEL SECURITY;
CREATE POLICY interaction_evidence_worker ON interaction_evidence TO souk_worker USING (true) WITH CHECK (true);
CREATE POLICY interaction_evidence_self ON interaction_evidence TO souk_api USING (customer_id = (SELECT souk_viewer()));
