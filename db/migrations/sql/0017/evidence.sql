-- A refund takes back what its order proved.
ALTER TYPE trust_reason ADD VALUE 'ORDER_REFUNDED';
-- What an order proved; what was said without payment and weighed something; how often evidence has faded since.
CREATE INDEX trust_facts_order_idx ON trust_facts(linked_order_id) WHERE linked_order_id IS NOT NULL;
CREATE INDEX trust_events_unpaid_idx ON trust_events(store_id, fact_id) WHERE inputs -> 'paid' = 'false'::jsonb;
CREATE INDEX trust_events_decay_idx ON trust_events(store_id, sequence) WHERE reason = 'TIME_DECAY';
CREATE INDEX trust_events_fact_idx ON trust_events(fact_id);
-- Who has asked in a thread.
CREATE INDEX support_questions_thread_idx ON support_questions(thread_id, asked_at);
