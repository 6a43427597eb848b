CREATE TABLE trust_profiles (
  store_id uuid PRIMARY KEY REFERENCES stores(store_id) ON DELETE CASCADE,
  overall_score float NOT NULL,
  product_satisfaction_score float NOT NULL,
  claim_accuracy_score float NOT NULL,
  support_responsiveness_score float NOT NULL,
  policy_clarity_score float NOT NULL,
  last_updated_at timestamptz NOT NULL DEFAULT now(),
  -- The evidence behind the scores (units of 1/1000), in the order product, claim, support, policy.
  evidence_r bigint[] NOT NULL DEFAULT '{0,0,0,0}',
  evidence_s bigint[] NOT NULL DEFAULT '{0,0,0,0}',
  policy_slots jsonb NOT NULL DEFAULT '{}'::jsonb,
  generation int NOT NULL DEFAULT 0,
  sequence bigint NOT NULL DEFAULT 0,
  folds bigint NOT NULL DEFAULT 0,
  rank_milli int NOT NULL DEFAULT 0,
  rated boolean NOT NULL DEFAULT false,
  decay_due_at timestamptz NOT NULL,
  CONSTRAINT trust_profiles_evidence_shape CHECK (cardinality(evidence_r) = 4 AND cardinality(evidence_s) = 4),
  CONSTRAINT trust_profiles_evidence_positive CHECK (0 <= ALL (evidence_r) AND 0 <= ALL (evidence_s))
);
CREATE INDEX trust_profiles_rank_idx ON trust_profiles(rated DESC, rank_milli DESC, store_id);

CREATE TABLE trust_facts (
  fact_id uuid PRIMARY KEY,
  position bigint GENERATED ALWAYS AS IDENTITY,
  store_id uuid NOT NULL REFERENCES stores(store_id) ON DELETE CASCADE,
  source_event_id uuid NOT NULL,
  reason trust_reason NOT NULL,
  inputs jsonb NOT NULL DEFAULT '{}'::jsonb,
  subject_agent_id uuid REFERENCES agents(agent_id),
  listing_id uuid REFERENCES listings(listing_id),
  linked_thread_id uuid REFERENCES threads(thread_id),
  linked_order_id uuid REFERENCES orders(order_id),
  linked_review_id uuid REFERENCES reviews(review_id),
  occurred_at timestamptz NOT NULL DEFAULT now(),
  folded_at timestamptz,
  CONSTRAINT trust_facts_source_key UNIQUE (source_event_id, reason)
);
CREATE INDEX trust_facts_pending_idx ON trust_facts(store_id, position) WHERE folded_at IS NULL;
CREATE INDEX trust_facts_subject_idx ON trust_facts(store_id, reason, subject_agent_id) WHERE folded_at IS NOT NULL;
CREATE INDEX trust_facts_listing_idx ON trust_facts(listing_id, reason, folded_at) WHERE folded_at IS NOT NULL;

CREATE TABLE trust_events (
  trust_event_id uuid PRIMARY KEY,
  store_id uuid NOT NULL REFERENCES stores(store_id) ON DELETE CASCADE,
  timestamp timestamptz NOT NULL DEFAULT now(),
  reason trust_reason NOT NULL,
  delta_overall float NOT NULL,
  delta_product_satisfaction float NOT NULL DEFAULT 0,
  delta_claim_accuracy float NOT NULL DEFAULT 0,
  delta_support_responsiveness float NOT NULL DEFAULT 0,
  delta_policy_clarity float NOT NULL DEFAULT 0,
  linked_thread_id uuid REFERENCES threads(thread_id),
  linked_order_id uuid REFERENCES orders(order_id),
  linked_review_id uuid REFERENCES reviews(review_id),
  meta jsonb NOT NULL DEFAULT '{}'::jsonb,
  sequence bigint NOT NULL,
  fold bigint NOT NULL,
  fact_id uuid NOT NULL REFERENCES trust_facts(fact_id),
  source_event_id uuid NOT NULL,
  component trust_component NOT NULL,
  delta_r bigint NOT NULL,
  delta_s bigint NOT NULL,
  formula_version int NOT NULL,
  inputs jsonb NOT NULL,
  component_before_milli int NOT NULL,
  component_after_milli int NOT NULL,
  overall_before_milli int NOT NULL,
  overall_after_milli int NOT NULL,
  CONSTRAINT trust_events_source_key UNIQUE (source_event_id, reason, component),
  CONSTRAINT trust_events_sequence_key UNIQUE (store_id, sequence),
  CONSTRAINT trust_events_source_is_fact_fk FOREIGN KEY (source_event_id, reason) REFERENCES trust_facts(source_event_id, reason)
);
CREATE INDEX trust_events_store_time_idx ON trust_events(store_id, timestamp DESC);

CREATE TABLE store_updates (
  store_update_id uuid PRIMARY KEY,
  store_id uuid NOT NULL REFERENCES stores(store_id) ON DELETE CASCADE,
  created_by_agent_id uuid NOT NULL REFERENCES agents(agent_id),
  update_type text NOT NULL,
  field_name text,
  old_value text,
  new_value text,
  reason text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  linked_listing_id uuid REFERENCES listings(listing_id),
  linked_product_id uuid REFERENCES products(product_id),
  linked_thread_id uuid REFERENCES threads(thread_id)
);
CREATE INDEX store_updates_store_time_idx ON store_updates(store_id, created_at DESC);
CREATE INDEX store_updates_listing_idx ON store_updates(linked_listing_id, created_at DESC);

-- Sales counted where they happen, so that a leaderboard reads no orders.
CREATE TABLE store_stats (
  store_id uuid PRIMARY KEY REFERENCES stores(store_id) ON DELETE CASCADE,
  orders_placed bigint NOT NULL DEFAULT 0,
  orders_delivered bigint NOT NULL DEFAULT 0,
  orders_refunded bigint NOT NULL DEFAULT 0,
  reviews_posted bigint NOT NULL DEFAULT 0,
  rating_sum bigint NOT NULL DEFAULT 0
);
CREATE INDEX store_stats_sales_idx ON store_stats(orders_delivered DESC, store_id);
