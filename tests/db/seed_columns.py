"""The seed document's schema, column by column: the contract the migrations keep.

Taken from Postgres after running the document's own SQL, so types and defaults read as the catalogue spells
them. Short names: int, float, timestamptz.
"""

ENUMS = """
agent_type
  MERCHANT CUSTOMER
store_status
  ACTIVE PAUSED CLOSED
listing_status
  ACTIVE PAUSED SOLD_OUT
thread_type
  LAUNCH_DROP LOOKING_FOR CLAIM_CHALLENGE NEGOTIATION REVIEW GENERAL
thread_status
  OPEN CLOSED ARCHIVED
offer_status
  PROPOSED ACCEPTED REJECTED EXPIRED CANCELLED
order_status
  PLACED DELIVERED REFUNDED
trust_reason
  REVIEW_POSTED MERCHANT_REPLIED_IN_THREAD POLICY_UPDATED PRICE_UPDATED PRODUCT_COPY_UPDATED
  OFFER_HONORED
activity_type
  STORE_CREATED LISTING_DROPPED THREAD_CREATED MESSAGE_POSTED OFFER_MADE OFFER_ACCEPTED
  OFFER_REJECTED OFFER_REFERENCE_POSTED ORDER_PLACED ORDER_DELIVERED REVIEW_POSTED
  STORE_UPDATE_POSTED TRUST_UPDATED
interaction_type
  QUESTION_POSTED OFFER_MADE LOOKING_FOR_PARTICIPATION
"""

COLUMNS = """
agents
  agent_id uuid NOT NULL
  agent_type agent_type NOT NULL
  handle text NOT NULL
  display_name text NOT NULL
  avatar_url text
  bio text
  created_at timestamptz NOT NULL DEFAULT now()
  last_active_at timestamptz
stores
  store_id uuid NOT NULL
  owner_merchant_id uuid NOT NULL
  name text NOT NULL
  tagline text
  brand_voice text
  return_policy_text text NOT NULL
  shipping_policy_text text NOT NULL
  status store_status NOT NULL DEFAULT 'ACTIVE'::store_status
  created_at timestamptz NOT NULL DEFAULT now()
  updated_at timestamptz NOT NULL DEFAULT now()
products
  product_id uuid NOT NULL
  store_id uuid NOT NULL
  title text NOT NULL
  description text NOT NULL
  created_at timestamptz NOT NULL DEFAULT now()
  updated_at timestamptz NOT NULL DEFAULT now()
product_images
  product_image_id uuid NOT NULL
  product_id uuid NOT NULL
  image_url text NOT NULL
  position int NOT NULL DEFAULT 0
listings
  listing_id uuid NOT NULL
  store_id uuid NOT NULL
  product_id uuid NOT NULL
  price_cents int NOT NULL
  currency text NOT NULL DEFAULT 'USD'::text
  inventory_on_hand int NOT NULL
  status listing_status NOT NULL DEFAULT 'ACTIVE'::listing_status
  created_at timestamptz NOT NULL DEFAULT now()
  updated_at timestamptz NOT NULL DEFAULT now()
threads
  thread_id uuid NOT NULL
  type thread_type NOT NULL
  status thread_status NOT NULL DEFAULT 'OPEN'::thread_status
  title text NOT NULL
  created_by_agent_id uuid NOT NULL
  context_store_id uuid
  context_listing_id uuid
  context_order_id uuid
  created_at timestamptz NOT NULL DEFAULT now()
messages
  message_id uuid NOT NULL
  thread_id uuid NOT NULL
  author_agent_id uuid NOT NULL
  parent_message_id uuid
  body text NOT NULL
  created_at timestamptz NOT NULL DEFAULT now()
offers
  offer_id uuid NOT NULL
  listing_id uuid NOT NULL
  buyer_customer_id uuid NOT NULL
  seller_store_id uuid NOT NULL
  proposed_price_cents int NOT NULL
  currency text NOT NULL DEFAULT 'USD'::text
  buyer_message text
  status offer_status NOT NULL DEFAULT 'PROPOSED'::offer_status
  created_at timestamptz NOT NULL DEFAULT now()
  expires_at timestamptz
  accepted_at timestamptz
  rejected_at timestamptz
offer_references
  offer_ref_id uuid NOT NULL
  offer_id uuid NOT NULL
  thread_id uuid NOT NULL
  created_by_agent_id uuid NOT NULL
  public_note text
  created_at timestamptz NOT NULL DEFAULT now()
orders
  order_id uuid NOT NULL
  buyer_customer_id uuid NOT NULL
  store_id uuid NOT NULL
  listing_id uuid NOT NULL
  quantity int NOT NULL DEFAULT 1
  unit_price_cents int NOT NULL
  total_price_cents int NOT NULL
  currency text NOT NULL DEFAULT 'USD'::text
  status order_status NOT NULL DEFAULT 'PLACED'::order_status
  placed_at timestamptz NOT NULL DEFAULT now()
  delivered_at timestamptz
  source_offer_id uuid
reviews
  review_id uuid NOT NULL
  order_id uuid NOT NULL
  author_customer_id uuid NOT NULL
  rating int NOT NULL
  title text
  body text NOT NULL
  created_at timestamptz NOT NULL DEFAULT now()
trust_profiles
  store_id uuid NOT NULL
  overall_score float NOT NULL
  product_satisfaction_score float NOT NULL
  claim_accuracy_score float NOT NULL
  support_responsiveness_score float NOT NULL
  policy_clarity_score float NOT NULL
  last_updated_at timestamptz NOT NULL DEFAULT now()
trust_events
  trust_event_id uuid NOT NULL
  store_id uuid NOT NULL
  timestamp timestamptz NOT NULL DEFAULT now()
  reason trust_reason NOT NULL
  delta_overall float NOT NULL
  delta_product_satisfaction float NOT NULL DEFAULT 0
  delta_claim_accuracy float NOT NULL DEFAULT 0
  delta_support_responsiveness float NOT NULL DEFAULT 0
  delta_policy_clarity float NOT NULL DEFAULT 0
  linked_thread_id uuid
  linked_order_id uuid
  linked_review_id uuid
  meta jsonb NOT NULL DEFAULT '{}'::jsonb
store_updates
  store_update_id uuid NOT NULL
  store_id uuid NOT NULL
  created_by_agent_id uuid NOT NULL
  update_type text NOT NULL
  field_name text
  old_value text
  new_value text
  reason text NOT NULL
  created_at timestamptz NOT NULL DEFAULT now()
  linked_listing_id uuid
  linked_product_id uuid
  linked_thread_id uuid
interaction_evidence
  evidence_id uuid NOT NULL
  customer_id uuid NOT NULL
  listing_id uuid NOT NULL
  type interaction_type NOT NULL
  thread_id uuid
  message_id uuid
  offer_id uuid
  created_at timestamptz NOT NULL DEFAULT now()
activity_events
  activity_event_id uuid NOT NULL
  type activity_type NOT NULL
  created_at timestamptz NOT NULL DEFAULT now()
  actor_agent_id uuid
  store_id uuid
  listing_id uuid
  thread_id uuid
  message_id uuid
  offer_ref_id uuid
  order_id uuid
  review_id uuid
  store_update_id uuid
  trust_event_id uuid
  meta jsonb NOT NULL DEFAULT '{}'::jsonb
"""
