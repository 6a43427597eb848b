CREATE TABLE negotiations (
  negotiation_id uuid PRIMARY KEY,
  listing_id uuid NOT NULL REFERENCES listings(listing_id),
  buyer_customer_id uuid NOT NULL REFERENCES agents(agent_id),
  seller_store_id uuid NOT NULL REFERENCES stores(store_id),
  status offer_status NOT NULL DEFAULT 'PROPOSED',
  rounds int NOT NULL DEFAULT 1 CHECK (rounds > 0),
  opened_at timestamptz NOT NULL DEFAULT now(),
  closed_at timestamptz,
  close_reason text,
  CONSTRAINT negotiations_listing_of_store_fk FOREIGN KEY (listing_id, seller_store_id) REFERENCES listings(listing_id, store_id),
  CONSTRAINT negotiations_open_while_proposed CHECK (status <> 'PROPOSED' OR closed_at IS NULL)
);
CREATE UNIQUE INDEX one_open_negotiation_per_buyer_and_listing ON negotiations(buyer_customer_id, listing_id)
  WHERE status = 'PROPOSED';
CREATE INDEX negotiations_open_listing_idx ON negotiations(listing_id) WHERE closed_at IS NULL;
CREATE INDEX negotiations_open_store_idx ON negotiations(seller_store_id) WHERE closed_at IS NULL;
CREATE TRIGGER negotiations_buyer_is_customer BEFORE INSERT OR UPDATE OF buyer_customer_id ON negotiations
  FOR EACH ROW EXECUTE FUNCTION souk_require_agent_type('buyer_customer_id', 'CUSTOMER');

CREATE TABLE offers (
  offer_id uuid PRIMARY KEY,
  listing_id uuid NOT NULL REFERENCES listings(listing_id),
  buyer_customer_id uuid NOT NULL REFERENCES agents(agent_id),
  seller_store_id uuid NOT NULL REFERENCES stores(store_id),
  proposed_price_cents int NOT NULL CHECK (proposed_price_cents >= 0),
  currency text NOT NULL DEFAULT 'USD',
  buyer_message text,
  status offer_status NOT NULL DEFAULT 'PROPOSED',
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz,
  accepted_at timestamptz,
  rejected_at timestamptz,
  negotiation_id uuid NOT NULL REFERENCES negotiations(negotiation_id),
  round int NOT NULL CHECK (round > 0),
  proposed_by party NOT NULL,
  quantity int NOT NULL DEFAULT 1 CHECK (quantity > 0),
  seller_message text,
  list_price_cents int NOT NULL CHECK (list_price_cents >= 0),
  closed_at timestamptz,
  close_reason text,
  superseded_by uuid REFERENCES offers(offer_id) DEFERRABLE INITIALLY DEFERRED,
  purchase_by timestamptz,
  CONSTRAINT offer_expires_future CHECK (expires_at IS NULL OR expires_at > created_at),
  CONSTRAINT offers_listing_of_store_fk FOREIGN KEY (listing_id, seller_store_id) REFERENCES listings(listing_id, store_id),
  CONSTRAINT offers_round_key UNIQUE (negotiation_id, round),
  CONSTRAINT offers_accepted_has_time CHECK (status <> 'ACCEPTED' OR (accepted_at IS NOT NULL AND purchase_by IS NOT NULL)),
  CONSTRAINT offers_rejected_has_time CHECK (status <> 'REJECTED' OR rejected_at IS NOT NULL)
);
CREATE INDEX offers_listing_idx ON offers(listing_id, created_at DESC);
CREATE INDEX offers_buyer_idx ON offers(buyer_customer_id, created_at DESC);
CREATE INDEX offers_seller_store_idx ON offers(seller_store_id, created_at DESC);
CREATE INDEX offers_status_idx ON offers(status);
CREATE INDEX offers_due_idx ON offers(expires_at) WHERE status = 'PROPOSED';
CREATE UNIQUE INDEX one_standing_offer_per_negotiation ON offers(negotiation_id) WHERE status = 'PROPOSED';
CREATE UNIQUE INDEX one_accepted_offer_per_negotiation ON offers(negotiation_id) WHERE accepted_at IS NOT NULL;
CREATE TRIGGER offers_buyer_is_customer BEFORE INSERT OR UPDATE OF buyer_customer_id ON offers
  FOR EACH ROW EXECUTE FUNCTION souk_require_agent_type('buyer_customer_id', 'CUSTOMER');

CREATE TABLE offer_references (
  offer_ref_id uuid PRIMARY KEY,
  offer_id uuid NOT NULL REFERENCES offers(offer_id) ON DELETE CASCADE,
  thread_id uuid NOT NULL REFERENCES threads(thread_id) ON DELETE CASCADE,
  created_by_agent_id uuid NOT NULL REFERENCES agents(agent_id),
  public_note text,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX offer_refs_thread_created_idx ON offer_references(thread_id, created_at DESC);
CREATE INDEX offer_refs_offer_idx ON offer_references(offer_id);

CREATE TABLE orders (
  order_id uuid PRIMARY KEY,
  buyer_customer_id uuid NOT NULL REFERENCES agents(agent_id),
  store_id uuid NOT NULL REFERENCES stores(store_id),
  listing_id uuid NOT NULL REFERENCES listings(listing_id),
  quantity int NOT NULL DEFAULT 1 CHECK (quantity > 0),
  unit_price_cents int NOT NULL CHECK (unit_price_cents >= 0),
  total_price_cents int NOT NULL CHECK (total_price_cents >= 0),
  currency text NOT NULL DEFAULT 'USD',
  status order_status NOT NULL DEFAULT 'PLACED',
  placed_at timestamptz NOT NULL DEFAULT now(),
  delivered_at timestamptz,
  source_offer_id uuid REFERENCES offers(offer_id),
  delivery delivery_kind NOT NULL DEFAULT 'INSTANT',
  promised_at timestamptz,
  remind_at timestamptz,
  reminded_at timestamptz,
  refund_requested_at timestamptz,
  refund_request_reason text,
  refund_answer_due_at timestamptz,
  refund_declined_at timestamptz,
  refunded_at timestamptz,
  refund_reason text,
  return_window_closes_at timestamptz,
  closed_at timestamptz,
  CONSTRAINT orders_total_is_unit_times_quantity CHECK (total_price_cents::bigint = unit_price_cents::bigint * quantity),
  CONSTRAINT orders_listing_of_store_fk FOREIGN KEY (listing_id, store_id) REFERENCES listings(listing_id, store_id),
  CONSTRAINT orders_delivered_has_time CHECK (status <> 'DELIVERED' OR delivered_at IS NOT NULL),
  CONSTRAINT orders_refunded_has_reason CHECK ((status = 'REFUNDED') = (refunded_at IS NOT NULL AND refund_reason IS NOT NULL)),
  CONSTRAINT orders_source_offer_key UNIQUE (source_offer_id)
);
CREATE INDEX orders_store_placed_idx ON orders(store_id, placed_at DESC);
CREATE INDEX orders_buyer_placed_idx ON orders(buyer_customer_id, placed_at DESC);
CREATE INDEX orders_listing_placed_idx ON orders(listing_id, placed_at DESC);
CREATE INDEX orders_open_idx ON orders(placed_at) WHERE closed_at IS NULL;
CREATE TRIGGER orders_buyer_is_customer BEFORE INSERT OR UPDATE OF buyer_customer_id ON orders
  FOR EACH ROW EXECUTE FUNCTION souk_require_agent_type('buyer_customer_id', 'CUSTOMER');

ALTER TABLE threads ADD CONSTRAINT threads_context_order_fk FOREIGN KEY (context_order_id) REFERENCES orders(order_id);

CREATE TABLE stock_movements (
  movement_id uuid PRIMARY KEY,
  listing_id uuid NOT NULL REFERENCES listings(listing_id),
  delta int NOT NULL CHECK (delta <> 0 OR reason = 'INITIAL'),
  reason movement_reason NOT NULL,
  offer_id uuid REFERENCES offers(offer_id),
  order_id uuid REFERENCES orders(order_id),
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX stock_movements_listing_idx ON stock_movements(listing_id, created_at);
CREATE UNIQUE INDEX one_initial_movement_per_listing ON stock_movements(listing_id) WHERE reason = 'INITIAL';

CREATE TABLE stock_holds (
  offer_id uuid PRIMARY KEY REFERENCES offers(offer_id),
  listing_id uuid NOT NULL REFERENCES listings(listing_id),
  quantity int NOT NULL CHECK (quantity > 0),
  expires_at timestamptz NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  released_at timestamptz,
  release hold_release,
  CONSTRAINT stock_holds_release_has_time CHECK ((released_at IS NULL) = (release IS NULL))
);
CREATE INDEX stock_holds_open_idx ON stock_holds(expires_at) WHERE released_at IS NULL;
CREATE INDEX stock_holds_listing_idx ON stock_holds(listing_id) WHERE released_at IS NULL;

CREATE TABLE reviews (
  review_id uuid PRIMARY KEY,
  order_id uuid NOT NULL UNIQUE REFERENCES orders(order_id) ON DELETE CASCADE,
  author_customer_id uuid NOT NULL REFERENCES agents(agent_id),
  rating int NOT NULL CHECK (rating BETWEEN 1 AND 5),
  title text,
  body text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  as_described int CHECK (as_described BETWEEN 1 AND 5),
  message_id uuid NOT NULL REFERENCES messages(message_id)
);
CREATE INDEX reviews_created_idx ON reviews(created_at DESC);

CREATE TABLE review_windows (
  order_id uuid PRIMARY KEY REFERENCES orders(order_id) ON DELETE CASCADE,
  opened_at timestamptz NOT NULL,
  closes_at timestamptz NOT NULL,
  status review_window_status NOT NULL DEFAULT 'OPEN',
  closed_at timestamptz,
  CONSTRAINT review_windows_closed_has_time CHECK ((status = 'OPEN') = (closed_at IS NULL))
);
CREATE INDEX review_windows_open_idx ON review_windows(closes_at) WHERE status = 'OPEN';

CREATE TABLE interaction_evidence (
  evidence_id uuid PRIMARY KEY,
  customer_id uuid NOT NULL REFERENCES agents(agent_id),
  listing_id uuid NOT NULL REFERENCES listings(listing_id),
  type interaction_type NOT NULL,
  thread_id uuid REFERENCES threads(thread_id),
  message_id uuid REFERENCES messages(message_id),
  offer_id uuid REFERENCES offers(offer_id),
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX interaction_evidence_customer_listing_idx ON interaction_evidence(customer_id, listing_id, created_at DESC);
CREATE UNIQUE INDEX interaction_evidence_unique ON interaction_evidence(customer_id, listing_id, type);

-- A question in a thread of the whole store is evidence for each of its listings, later ones too. It is kept
-- once, and copied to interaction_evidence for a listing when that listing is bought.
CREATE TABLE store_interaction_evidence (
  customer_id uuid NOT NULL REFERENCES agents(agent_id),
  store_id uuid NOT NULL REFERENCES stores(store_id),
  thread_id uuid NOT NULL REFERENCES threads(thread_id),
  message_id uuid NOT NULL REFERENCES messages(message_id),
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (customer_id, store_id)
);

-- The last line behind the rules: an order from an offer is that offer's, and nobody buys without interaction.
CREATE FUNCTION souk_check_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.source_offer_id IS NOT NULL THEN
    PERFORM 1 FROM offers o WHERE o.offer_id = NEW.source_offer_id AND o.status = 'ACCEPTED'
      AND o.buyer_customer_id = NEW.buyer_customer_id AND o.listing_id = NEW.listing_id
      AND o.proposed_price_cents = NEW.unit_price_cents AND o.quantity = NEW.quantity AND o.currency = NEW.currency;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'an order must match the accepted offer it comes from'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'orders_match_their_offer';
    END IF;
  END IF;
  PERFORM 1 FROM interaction_evidence e
    WHERE e.customer_id = NEW.buyer_customer_id AND e.listing_id = NEW.listing_id AND e.created_at <= NEW.placed_at;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'an order needs an earlier interaction of its buyer with the listing'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'orders_have_gating_evidence';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER orders_are_sound BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION souk_check_order();

CREATE FUNCTION souk_check_review() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM orders o WHERE o.order_id = NEW.order_id AND o.status = 'DELIVERED'
    AND o.buyer_customer_id = NEW.author_customer_id FOR SHARE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'a review needs a delivered order of its author'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'reviews_on_delivered_orders';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER reviews_are_earned BEFORE INSERT ON reviews FOR EACH ROW EXECUTE FUNCTION souk_check_review();
CREATE TRIGGER reviews_author_is_customer BEFORE INSERT ON reviews
  FOR EACH ROW EXECUTE FUNCTION souk_require_agent_type('author_customer_id', 'CUSTOMER');
