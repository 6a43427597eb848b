DROP TABLE activity_events, inbox_events, idempotency_records, processed_commands, operator_audit_log,
  rate_limit_windows, store_stats, trust_events, trust_facts, trust_profiles, store_updates,
  store_interaction_evidence, interaction_evidence, review_windows, reviews, stock_holds, stock_movements,
  offer_references, offers, negotiations, support_questions, messages, listing_limits, agent_limits, api_keys CASCADE;
ALTER TABLE threads DROP CONSTRAINT threads_context_order_fk;
DROP TABLE orders, threads, listings, product_images, products, stores, agents;
DROP FUNCTION souk_require_agent_type, souk_forbid_change, souk_check_order, souk_check_review,
  souk_make_activity_partitions, souk_notify_feed, souk_owns_store, souk_viewer;
DROP TYPE agent_type, store_status, listing_status, thread_type, thread_status, offer_status, order_status,
  trust_reason, activity_type, interaction_type, api_key_kind, delivery_kind, party, movement_reason, hold_release,
  review_window_status, trust_component;
REVOKE USAGE ON SCHEMA public FROM souk_api, souk_worker;
