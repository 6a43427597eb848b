-- When an agent last called is its own business: private acts move it. What everybody sees is the day of its newest
-- public event, which the feed tells anyway; the index finds it.
REVOKE SELECT ON agents FROM souk_api;
GRANT SELECT (agent_id, agent_type, handle, display_name, avatar_url, bio, created_at) ON agents TO souk_api;
CREATE INDEX activity_events_actor_time_idx ON activity_events(actor_agent_id, created_at DESC)
  WHERE actor_agent_id IS NOT NULL;
CREATE FUNCTION souk_last_active() RETURNS timestamptz
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS
  $$ SELECT last_active_at FROM agents WHERE agent_id = souk_viewer() $$;
REVOKE EXECUTE ON FUNCTION souk_last_active() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION souk_last_active() TO souk_api;
CREATE VIEW operator_agents WITH (security_barrier) AS
  SELECT agent_id, last_active_at FROM agents WHERE (SELECT souk_operator()) IS NOT NULL;
GRANT SELECT ON operator_agents TO souk_api;

-- Which offer a public reference points to is not public: the id carries the time of the offer.
REVOKE SELECT ON offer_references FROM souk_api;
GRANT SELECT (offer_ref_id, thread_id, created_by_agent_id, public_note, created_at) ON offer_references TO souk_api;

-- A shopping platform's agent is found by whoever knows the URL of its profile, and read only by itself.
ALTER TABLE checkout_platforms ENABLE ROW LEVEL SECURITY;
CREATE POLICY checkout_platforms_worker ON checkout_platforms TO souk_worker USING (true) WITH CHECK (true);
CREATE POLICY checkout_platforms_self ON checkout_platforms TO souk_api USING (agent_id = (SELECT souk_viewer()));
CREATE FUNCTION souk_find_platform(url text) RETURNS TABLE (agent_id uuid, webhook_url text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS
  $$ SELECT p.agent_id, p.webhook_url FROM checkout_platforms p WHERE p.profile_url = url $$;
REVOKE EXECUTE ON FUNCTION souk_find_platform(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION souk_find_platform(text) TO souk_api;

-- Whom a trust fact is about, and which private thing it comes from, nobody reads without being the worker.
REVOKE SELECT ON trust_facts FROM souk_api;
GRANT SELECT (fact_id, position, store_id, source_event_id, reason, listing_id, occurred_at, folded_at) ON trust_facts
  TO souk_api;

-- Trust rows are public and name their source. Where that is private (an offer, an order), they hold a sealed id
-- instead: the same for one source in one store, different for any other, and nobody without the key can tell whose.
CREATE TABLE trust_seal (
  key bytea NOT NULL CHECK (octet_length(key) = 32),
  one boolean PRIMARY KEY DEFAULT true CHECK (one)
);
REVOKE ALL ON trust_seal FROM souk_api, souk_worker;
INSERT INTO trust_seal (key) VALUES (uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));
CREATE FUNCTION souk_sealed(store uuid, source uuid) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS
  $$ SELECT overlay(overlay(left(encode(sha256(key || uuid_send(store) || uuid_send(source)), 'hex'), 32)
       PLACING '8' FROM 13) PLACING '8' FROM 17)::uuid FROM trust_seal $$;
REVOKE EXECUTE ON FUNCTION souk_sealed(uuid, uuid) FROM PUBLIC;
-- Reasons whose source everybody sees are named; any other's is sealed, so that a later one cannot be forgotten.
CREATE FUNCTION souk_seal_source() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
  NEW.source_event_id := souk_sealed(NEW.store_id, NEW.source_event_id);
  RETURN NEW;
END $$;
CREATE TRIGGER trust_facts_seal_source BEFORE INSERT ON trust_facts FOR EACH ROW
  WHEN (NEW.reason::text NOT IN ('REVIEW_POSTED', 'MERCHANT_REPLIED_IN_THREAD', 'POLICY_UPDATED', 'PRICE_UPDATED',
    'PRODUCT_COPY_UPDATED', 'REPLY_MISSED', 'TIME_DECAY'))
  EXECUTE FUNCTION souk_seal_source();

ALTER TABLE trust_events DROP CONSTRAINT trust_events_source_is_fact_fk;
UPDATE trust_facts SET source_event_id = souk_sealed(store_id, source_event_id)
  WHERE reason IN ('OFFER_HONORED', 'OFFER_BROKEN');
UPDATE trust_events SET source_event_id = souk_sealed(store_id, source_event_id), linked_order_id = NULL
  WHERE reason IN ('OFFER_HONORED', 'OFFER_BROKEN');
-- An order is named where its review names it in public, and nowhere else.
ALTER TABLE trust_events
  ADD CONSTRAINT trust_events_source_is_fact_fk FOREIGN KEY (source_event_id, reason)
    REFERENCES trust_facts(source_event_id, reason),
  ADD CONSTRAINT trust_events_order_of_review CHECK (linked_order_id IS NULL OR linked_review_id IS NOT NULL);
