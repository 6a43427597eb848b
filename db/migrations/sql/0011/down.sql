ALTER TABLE trust_events DROP CONSTRAINT trust_events_source_is_fact_fk, DROP CONSTRAINT trust_events_order_of_review;
-- A seal cannot be opened; what it may stand for is tried.
CREATE TEMPORARY TABLE sealed_sources ON COMMIT DROP AS
  SELECT souk_sealed(store_id, order_id) AS sealed, order_id AS source FROM orders
  UNION ALL SELECT souk_sealed(seller_store_id, offer_id), offer_id FROM offers WHERE accepted_at IS NOT NULL;
UPDATE trust_facts f SET source_event_id = s.source FROM sealed_sources s WHERE s.sealed = f.source_event_id;
UPDATE trust_events e SET source_event_id = f.source_event_id, linked_order_id = f.linked_order_id
  FROM trust_facts f WHERE f.fact_id = e.fact_id AND f.reason IN ('OFFER_HONORED', 'OFFER_BROKEN');
ALTER TABLE trust_events ADD CONSTRAINT trust_events_source_is_fact_fk FOREIGN KEY (source_event_id, reason)
  REFERENCES trust_facts(source_event_id, reason);
DROP TRIGGER trust_facts_seal_source ON trust_facts;
DROP FUNCTION souk_seal_source, souk_sealed;
DROP TABLE trust_seal;
REVOKE SELECT (fact_id, position, store_id, source_event_id, reason, listing_id, occurred_at, folded_at) ON trust_facts
  FROM souk_api;
GRANT SELECT ON trust_facts TO souk_api;
DROP FUNCTION souk_find_platform;
DROP POLICY checkout_platforms_worker ON checkout_platforms;
DROP POLICY checkout_platforms_self ON checkout_platforms;
ALTER TABLE checkout_platforms DISABLE ROW LEVEL SECURITY;
REVOKE SELECT (offer_ref_id, thread_id, created_by_agent_id, public_note, created_at) ON offer_references
  FROM souk_api;
GRANT SELECT ON offer_references TO souk_api;
DROP VIEW operator_agents;
DROP FUNCTION souk_last_active;
DROP INDEX activity_events_actor_time_idx;
REVOKE SELECT (agent_id, agent_type, handle, display_name, avatar_url, bio, created_at) ON agents FROM souk_api;
GRANT SELECT ON agents TO souk_api;
