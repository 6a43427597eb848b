"""The seed document's named indexes and its constraints, as the catalogue spells them. See ``seed_columns``."""

INDEXES = """
INDEX activity_events_listing_time_idx ON activity_events (listing_id, created_at DESC)
UNIQUE INDEX activity_events_pkey ON activity_events (activity_event_id)
INDEX activity_events_store_time_idx ON activity_events (store_id, created_at DESC)
INDEX activity_events_time_idx ON activity_events (created_at DESC)
INDEX activity_events_type_time_idx ON activity_events (type, created_at DESC)
UNIQUE INDEX agents_handle_key ON agents (handle)
UNIQUE INDEX agents_pkey ON agents (agent_id)
INDEX agents_type_idx ON agents (agent_type)
INDEX interaction_evidence_customer_listing_idx ON interaction_evidence (customer_id, listing_id, created_at DESC)
UNIQUE INDEX interaction_evidence_pkey ON interaction_evidence (evidence_id)
UNIQUE INDEX interaction_evidence_unique ON interaction_evidence (customer_id, listing_id, type)
UNIQUE INDEX listings_pkey ON listings (listing_id)
INDEX listings_status_idx ON listings (status)
INDEX listings_store_idx ON listings (store_id)
UNIQUE INDEX one_active_listing_per_store ON listings (store_id) WHERE (status = 'ACTIVE'::listing_status)
INDEX messages_author_created_idx ON messages (author_agent_id, created_at DESC)
UNIQUE INDEX messages_pkey ON messages (message_id)
INDEX messages_thread_created_idx ON messages (thread_id, created_at)
UNIQUE INDEX offer_references_pkey ON offer_references (offer_ref_id)
INDEX offer_refs_offer_idx ON offer_references (offer_id)
INDEX offer_refs_thread_created_idx ON offer_references (thread_id, created_at DESC)
INDEX offers_buyer_idx ON offers (buyer_customer_id, created_at DESC)
INDEX offers_listing_idx ON offers (listing_id, created_at DESC)
UNIQUE INDEX offers_pkey ON offers (offer_id)
INDEX offers_seller_store_idx ON offers (seller_store_id, created_at DESC)
INDEX offers_status_idx ON offers (status)
INDEX orders_buyer_placed_idx ON orders (buyer_customer_id, placed_at DESC)
INDEX orders_listing_placed_idx ON orders (listing_id, placed_at DESC)
UNIQUE INDEX orders_pkey ON orders (order_id)
INDEX orders_store_placed_idx ON orders (store_id, placed_at DESC)
UNIQUE INDEX product_images_pkey ON product_images (product_image_id)
INDEX product_images_product_idx ON product_images (product_id, "position")
UNIQUE INDEX products_pkey ON products (product_id)
INDEX products_store_idx ON products (store_id)
INDEX reviews_created_idx ON reviews (created_at DESC)
UNIQUE INDEX reviews_order_id_key ON reviews (order_id)
UNIQUE INDEX reviews_pkey ON reviews (review_id)
UNIQUE INDEX store_updates_pkey ON store_updates (store_update_id)
INDEX store_updates_store_time_idx ON store_updates (store_id, created_at DESC)
INDEX stores_owner_idx ON stores (owner_merchant_id)
UNIQUE INDEX stores_pkey ON stores (store_id)
UNIQUE INDEX one_review_thread_per_listing ON threads (context_listing_id) WHERE (type = 'REVIEW'::thread_type)
INDEX threads_context_listing_idx ON threads (context_listing_id)
INDEX threads_context_store_idx ON threads (context_store_id)
UNIQUE INDEX threads_pkey ON threads (thread_id)
INDEX threads_type_created_idx ON threads (type, created_at DESC)
UNIQUE INDEX trust_events_pkey ON trust_events (trust_event_id)
INDEX trust_events_store_time_idx ON trust_events (store_id, "timestamp" DESC)
UNIQUE INDEX trust_profiles_pkey ON trust_profiles (store_id)
"""

CONSTRAINTS = """
activity_events
  activity_events_actor_agent_id_fkey: FOREIGN KEY (actor_agent_id) REFERENCES agents(agent_id)
  activity_events_listing_id_fkey: FOREIGN KEY (listing_id) REFERENCES listings(listing_id)
  activity_events_message_id_fkey: FOREIGN KEY (message_id) REFERENCES messages(message_id)
  activity_events_offer_ref_id_fkey: FOREIGN KEY (offer_ref_id) REFERENCES offer_references(offer_ref_id)
  activity_events_order_id_fkey: FOREIGN KEY (order_id) REFERENCES orders(order_id)
  activity_events_pkey: PRIMARY KEY (activity_event_id)
  activity_events_review_id_fkey: FOREIGN KEY (review_id) REFERENCES reviews(review_id)
  activity_events_store_id_fkey: FOREIGN KEY (store_id) REFERENCES stores(store_id)
  activity_events_store_update_id_fkey: FOREIGN KEY (store_update_id) REFERENCES store_updates(store_update_id)
  activity_events_thread_id_fkey: FOREIGN KEY (thread_id) REFERENCES threads(thread_id)
  activity_events_trust_event_id_fkey: FOREIGN KEY (trust_event_id) REFERENCES trust_events(trust_event_id)
agents
  agents_handle_key: UNIQUE (handle)
  agents_pkey: PRIMARY KEY (agent_id)
interaction_evidence
  interaction_evidence_customer_id_fkey: FOREIGN KEY (customer_id) REFERENCES agents(agent_id)
  interaction_evidence_listing_id_fkey: FOREIGN KEY (listing_id) REFERENCES listings(listing_id)
  interaction_evidence_message_id_fkey: FOREIGN KEY (message_id) REFERENCES messages(message_id)
  interaction_evidence_offer_id_fkey: FOREIGN KEY (offer_id) REFERENCES offers(offer_id)
  interaction_evidence_pkey: PRIMARY KEY (evidence_id)
  interaction_evidence_thread_id_fkey: FOREIGN KEY (thread_id) REFERENCES threads(thread_id)
listings
  listings_inventory_on_hand_check: CHECK ((inventory_on_hand >= 0))
  listings_pkey: PRIMARY KEY (listing_id)
  listings_price_cents_check: CHECK ((price_cents >= 0))
  listings_product_id_fkey: FOREIGN KEY (product_id) REFERENCES products(product_id)
  listings_store_id_fkey: FOREIGN KEY (store_id) REFERENCES stores(store_id)
messages
  messages_author_agent_id_fkey: FOREIGN KEY (author_agent_id) REFERENCES agents(agent_id)
  messages_parent_message_id_fkey: FOREIGN KEY (parent_message_id) REFERENCES messages(message_id) ON DELETE CASCADE
  messages_pkey: PRIMARY KEY (message_id)
  messages_thread_id_fkey: FOREIGN KEY (thread_id) REFERENCES threads(thread_id) ON DELETE CASCADE
offer_references
  offer_references_created_by_agent_id_fkey: FOREIGN KEY (created_by_agent_id) REFERENCES agents(agent_id)
  offer_references_offer_id_fkey: FOREIGN KEY (offer_id) REFERENCES offers(offer_id) ON DELETE CASCADE
  offer_references_pkey: PRIMARY KEY (offer_ref_id)
  offer_references_thread_id_fkey: FOREIGN KEY (thread_id) REFERENCES threads(thread_id) ON DELETE CASCADE
offers
  offer_expires_future: CHECK (((expires_at IS NULL) OR (expires_at > created_at)))
  offers_buyer_customer_id_fkey: FOREIGN KEY (buyer_customer_id) REFERENCES agents(agent_id)
  offers_listing_id_fkey: FOREIGN KEY (listing_id) REFERENCES listings(listing_id)
  offers_pkey: PRIMARY KEY (offer_id)
  offers_proposed_price_cents_check: CHECK ((proposed_price_cents >= 0))
  offers_seller_store_id_fkey: FOREIGN KEY (seller_store_id) REFERENCES stores(store_id)
orders
  orders_buyer_customer_id_fkey: FOREIGN KEY (buyer_customer_id) REFERENCES agents(agent_id)
  orders_listing_id_fkey: FOREIGN KEY (listing_id) REFERENCES listings(listing_id)
  orders_pkey: PRIMARY KEY (order_id)
  orders_quantity_check: CHECK ((quantity > 0))
  orders_source_offer_id_fkey: FOREIGN KEY (source_offer_id) REFERENCES offers(offer_id)
  orders_store_id_fkey: FOREIGN KEY (store_id) REFERENCES stores(store_id)
  orders_total_price_cents_check: CHECK ((total_price_cents >= 0))
  orders_unit_price_cents_check: CHECK ((unit_price_cents >= 0))
product_images
  product_images_pkey: PRIMARY KEY (product_image_id)
  product_images_product_id_fkey: FOREIGN KEY (product_id) REFERENCES products(product_id)
products
  products_pkey: PRIMARY KEY (product_id)
  products_store_id_fkey: FOREIGN KEY (store_id) REFERENCES stores(store_id)
reviews
  reviews_author_customer_id_fkey: FOREIGN KEY (author_customer_id) REFERENCES agents(agent_id)
  reviews_order_id_fkey: FOREIGN KEY (order_id) REFERENCES orders(order_id) ON DELETE CASCADE
  reviews_order_id_key: UNIQUE (order_id)
  reviews_pkey: PRIMARY KEY (review_id)
  reviews_rating_check: CHECK (((rating >= 1) AND (rating <= 5)))
store_updates
  store_updates_created_by_agent_id_fkey: FOREIGN KEY (created_by_agent_id) REFERENCES agents(agent_id)
  store_updates_linked_listing_id_fkey: FOREIGN KEY (linked_listing_id) REFERENCES listings(listing_id)
  store_updates_linked_product_id_fkey: FOREIGN KEY (linked_product_id) REFERENCES products(product_id)
  store_updates_linked_thread_id_fkey: FOREIGN KEY (linked_thread_id) REFERENCES threads(thread_id)
  store_updates_pkey: PRIMARY KEY (store_update_id)
  store_updates_store_id_fkey: FOREIGN KEY (store_id) REFERENCES stores(store_id) ON DELETE CASCADE
stores
  stores_owner_merchant_id_fkey: FOREIGN KEY (owner_merchant_id) REFERENCES agents(agent_id)
  stores_pkey: PRIMARY KEY (store_id)
threads
  threads_context_listing_id_fkey: FOREIGN KEY (context_listing_id) REFERENCES listings(listing_id)
  threads_context_order_fk: FOREIGN KEY (context_order_id) REFERENCES orders(order_id)
  threads_context_store_id_fkey: FOREIGN KEY (context_store_id) REFERENCES stores(store_id)
  threads_created_by_agent_id_fkey: FOREIGN KEY (created_by_agent_id) REFERENCES agents(agent_id)
  threads_pkey: PRIMARY KEY (thread_id)
trust_events
  trust_events_linked_order_id_fkey: FOREIGN KEY (linked_order_id) REFERENCES orders(order_id)
  trust_events_linked_review_id_fkey: FOREIGN KEY (linked_review_id) REFERENCES reviews(review_id)
  trust_events_linked_thread_id_fkey: FOREIGN KEY (linked_thread_id) REFERENCES threads(thread_id)
  trust_events_pkey: PRIMARY KEY (trust_event_id)
  trust_events_store_id_fkey: FOREIGN KEY (store_id) REFERENCES stores(store_id) ON DELETE CASCADE
trust_profiles
  trust_profiles_pkey: PRIMARY KEY (store_id)
  trust_profiles_store_id_fkey: FOREIGN KEY (store_id) REFERENCES stores(store_id) ON DELETE CASCADE
"""
