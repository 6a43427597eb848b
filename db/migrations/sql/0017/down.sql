-- A ledger is never cut: a store that has taken evidence back can be read by no rule that does not know how.
DO $$ BEGIN
  IF EXISTS (SELECT 1 FROM trust_facts WHERE reason = 'ORDER_REFUNDED') THEN
    RAISE EXCEPTION 'trust was taken back after refunds: there is no way back for its ledger';
  END IF;
END $$;
DROP INDEX trust_facts_order_idx, trust_events_unpaid_idx, trust_events_decay_idx, trust_events_fact_idx,
  support_questions_thread_idx;
ALTER TABLE trust_events DROP CONSTRAINT trust_events_source_is_fact_fk;
DROP TRIGGER trust_facts_seal_source ON trust_facts;
ALTER TYPE trust_reason RENAME TO trust_reason_0017;
CREATE TYPE trust_reason AS ENUM (
  'REVIEW_POSTED', 'MERCHANT_REPLIED_IN_THREAD', 'POLICY_UPDATED', 'PRICE_UPDATED', 'PRODUCT_COPY_UPDATED',
  'OFFER_HONORED', 'REPLY_MISSED', 'OFFER_BROKEN', 'TIME_DECAY'
);
ALTER TABLE trust_facts ALTER COLUMN reason TYPE trust_reason USING reason::text::trust_reason;
ALTER TABLE trust_events ALTER COLUMN reason TYPE trust_reason USING reason::text::trust_reason;
DROP TYPE trust_reason_0017;
ALTER TABLE trust_events ADD CONSTRAINT trust_events_source_is_fact_fk
  FOREIGN KEY (source_event_id, reason) REFERENCES trust_facts(source_event_id, reason);
CREATE TRIGGER trust_facts_seal_source BEFORE INSERT ON trust_facts FOR EACH ROW
  WHEN (NEW.reason::text NOT IN ('REVIEW_POSTED', 'MERCHANT_REPLIED_IN_THREAD', 'POLICY_UPDATED', 'PRICE_UPDATED',
    'PRODUCT_COPY_UPDATED', 'REPLY_MISSED', 'TIME_DECAY'))
  EXECUTE FUNCTION souk_seal_source();
