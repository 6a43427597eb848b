-- Checkout sessions, carts, and what they are priced with. Statuses are the words of the Universal Commerce Protocol.

-- Additions to the market: what a buyer was really charged for an order, and a session as gating evidence.
ALTER TABLE orders ADD COLUMN charged_cents int,
  ADD CONSTRAINT orders_charged_at_most_total CHECK (charged_cents BETWEEN 0 AND total_price_cents);
ALTER TYPE interaction_type ADD VALUE 'CHECKOUT_SESSION';

-- The customer agent made for a shopping platform at its first contact, found by the URL of its profile.
CREATE TABLE checkout_platforms (
  agent_id uuid PRIMARY KEY REFERENCES agents(agent_id),
  profile_url text NOT NULL UNIQUE,
  profile jsonb NOT NULL DEFAULT '{}'::jsonb,
  webhook_url text,
  fetched_at timestamptz NOT NULL DEFAULT now(),
  created_at timestamptz NOT NULL DEFAULT now()
);

-- A merchant's discount codes: private, applied in the order of position.
CREATE TABLE store_discounts (
  discount_id uuid PRIMARY KEY,
  store_id uuid NOT NULL REFERENCES stores(store_id),
  code text NOT NULL CHECK (code <> ''),
  title text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('percentage', 'fixed_amount')),
  value int NOT NULL CHECK (value > 0 AND (kind <> 'percentage' OR value <= 100)),
  position int NOT NULL DEFAULT 1 CHECK (position >= 1),
  active boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX store_discounts_code_key ON store_discounts(store_id, upper(code));

-- What a store asks for a delivery; country NULL is everywhere. Where a country has a rate of its own, it counts.
CREATE TABLE shipping_rates (
  rate_id uuid PRIMARY KEY,
  store_id uuid NOT NULL REFERENCES stores(store_id),
  option_id text NOT NULL,
  title text NOT NULL,
  service_level text NOT NULL,
  country text,
  price_cents int NOT NULL CHECK (price_cents >= 0),
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT shipping_rates_option_key UNIQUE (store_id, option_id)
);

-- When a service level costs nothing: from a subtotal on, or with one of these listings.
CREATE TABLE shipping_promotions (
  promotion_id uuid PRIMARY KEY,
  store_id uuid NOT NULL REFERENCES stores(store_id),
  title text NOT NULL,
  service_level text NOT NULL DEFAULT 'standard',
  min_subtotal_cents int CHECK (min_subtotal_cents >= 0),
  listing_ids uuid[] NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT shipping_promotions_says_when CHECK (min_subtotal_cents IS NOT NULL OR cardinality(listing_ids) > 0)
);
CREATE INDEX shipping_promotions_store_idx ON shipping_promotions(store_id);

CREATE TABLE carts (
  cart_id uuid PRIMARY KEY,
  agent_id uuid NOT NULL REFERENCES agents(agent_id),
  store_id uuid NOT NULL REFERENCES stores(store_id),
  items jsonb NOT NULL,
  buyer jsonb,
  discount_codes text[] NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  canceled_at timestamptz
);
CREATE INDEX carts_expiry_idx ON carts(expires_at);

-- The projection of a Checkout process. It is over when closed_at is set.
CREATE TABLE checkouts (
  checkout_id uuid PRIMARY KEY,
  agent_id uuid NOT NULL REFERENCES agents(agent_id),
  store_id uuid NOT NULL REFERENCES stores(store_id),
  currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  status text NOT NULL CHECK (status IN ('incomplete', 'requires_escalation', 'ready_for_complete',
    'complete_in_progress', 'completed', 'canceled')),
  offer_id uuid REFERENCES offers(offer_id),
  cart_id uuid,
  subtotal_cents int NOT NULL CHECK (subtotal_cents >= 0),
  discount_cents int NOT NULL CHECK (discount_cents BETWEEN 0 AND subtotal_cents),
  fulfillment_cents int NOT NULL CHECK (fulfillment_cents >= 0),
  total_cents int NOT NULL CHECK (total_cents >= 0),
  -- Personal data: emptied some days after the end, when scrubbed_at is set.
  buyer jsonb,
  fulfillment jsonb NOT NULL DEFAULT '{"methods": []}'::jsonb,
  discounts jsonb NOT NULL DEFAULT '{"codes": [], "applied": []}'::jsonb,
  messages jsonb NOT NULL DEFAULT '[]'::jsonb,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  attempt int NOT NULL DEFAULT 0 CHECK (attempt >= 0),
  order_id uuid UNIQUE,
  closed_at timestamptz,
  close_reason text,
  scrubbed_at timestamptz,
  CONSTRAINT checkouts_total_adds_up CHECK (total_cents = subtotal_cents - discount_cents + fulfillment_cents),
  CONSTRAINT checkouts_closed_when_over CHECK ((status IN ('completed', 'canceled')) = (closed_at IS NOT NULL)),
  CONSTRAINT checkouts_completed_has_order CHECK (status <> 'completed' OR order_id IS NOT NULL)
);
CREATE INDEX checkouts_agent_open_idx ON checkouts(agent_id) WHERE closed_at IS NULL;
CREATE INDEX checkouts_open_idx ON checkouts(expires_at) WHERE closed_at IS NULL;
CREATE INDEX checkouts_store_idx ON checkouts(store_id, created_at DESC);
CREATE INDEX checkouts_unscrubbed_idx ON checkouts(closed_at) WHERE scrubbed_at IS NULL;
CREATE UNIQUE INDEX one_open_checkout_per_cart ON checkouts(cart_id) WHERE closed_at IS NULL;
CREATE UNIQUE INDEX one_open_checkout_per_offer ON checkouts(offer_id) WHERE closed_at IS NULL;
CREATE TRIGGER checkouts_buyer_is_customer BEFORE INSERT OR UPDATE OF agent_id ON checkouts
  FOR EACH ROW EXECUTE FUNCTION souk_require_agent_type('agent_id', 'CUSTOMER');

CREATE TABLE checkout_lines (
  checkout_id uuid NOT NULL REFERENCES checkouts(checkout_id) ON DELETE CASCADE,
  line_id text NOT NULL,
  position int NOT NULL,
  listing_id uuid NOT NULL REFERENCES listings(listing_id),
  title text NOT NULL,
  image_url text,
  shipped boolean NOT NULL,
  quantity int NOT NULL CHECK (quantity > 0),
  unit_price_cents int NOT NULL CHECK (unit_price_cents >= 0),
  base_cents int NOT NULL,
  discount_cents int NOT NULL CHECK (discount_cents BETWEEN 0 AND base_cents),
  total_cents int NOT NULL,
  order_id uuid UNIQUE REFERENCES orders(order_id),
  -- When what was charged for the line was paid back, because its order was refunded.
  refunded_at timestamptz,
  PRIMARY KEY (checkout_id, line_id),
  CONSTRAINT checkout_lines_base_is_unit_times_quantity CHECK (base_cents::bigint = unit_price_cents::bigint * quantity),
  CONSTRAINT checkout_lines_total_adds_up CHECK (total_cents = base_cents - discount_cents)
);
CREATE INDEX checkout_lines_unrefunded_idx ON checkout_lines(order_id) WHERE refunded_at IS NULL;

-- One row per attempt to complete, with the id of its command. The credential is never stored.
CREATE TABLE checkout_payments (
  payment_id uuid PRIMARY KEY,
  checkout_id uuid NOT NULL REFERENCES checkouts(checkout_id),
  attempt int NOT NULL CHECK (attempt > 0),
  handler_id text NOT NULL,
  instrument_id text,
  amount_cents int NOT NULL CHECK (amount_cents >= 0),
  currency text NOT NULL,
  status text NOT NULL CHECK (status IN
    ('PENDING', 'AUTHORIZED', 'PLACED', 'CAPTURED', 'DECLINED', 'ESCALATED', 'VOIDED')),
  failure text,
  reference text,
  delivery_refunded_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT checkout_payments_attempt_key UNIQUE (checkout_id, attempt)
);
CREATE UNIQUE INDEX one_payment_per_checkout ON checkout_payments(checkout_id) WHERE status = 'CAPTURED';

ALTER TABLE interaction_evidence ADD COLUMN checkout_id uuid REFERENCES checkouts(checkout_id);

-- The test-only mode: known customers' addresses, and the names under which CSV files know listings.
CREATE TABLE address_book (
  address_id text PRIMARY KEY,
  email text NOT NULL,
  address jsonb NOT NULL
);
CREATE INDEX address_book_email_idx ON address_book(lower(email));
CREATE TABLE simulation_items (
  item_id text PRIMARY KEY,
  listing_id uuid NOT NULL UNIQUE REFERENCES listings(listing_id)
);

-- Answers that hold personal data are not kept as long as others.
CREATE INDEX idempotency_records_personal_idx ON idempotency_records(created_at) WHERE response_body ? 'personal';

-- Who knows a code may hear what it gives, and of no other.
CREATE FUNCTION souk_find_discounts(store uuid, codes text[]) RETURNS SETOF store_discounts
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS
  $$ SELECT * FROM store_discounts d WHERE d.store_id = store AND d.active
     AND upper(d.code) IN (SELECT upper(code) FROM unnest(codes) AS code) $$;
REVOKE EXECUTE ON FUNCTION souk_find_discounts(uuid, text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION souk_find_discounts(uuid, text[]) TO souk_api, souk_worker;

GRANT SELECT, INSERT, UPDATE, DELETE ON checkout_platforms, store_discounts, shipping_rates, shipping_promotions, carts,
  checkouts, checkout_lines, checkout_payments, address_book, simulation_items TO souk_worker;
GRANT SELECT ON checkout_platforms, store_discounts, shipping_rates, shipping_promotions, carts, checkouts,
  checkout_lines, checkout_payments, simulation_items TO souk_api;
GRANT INSERT, UPDATE ON checkout_platforms, store_discounts, shipping_rates, shipping_promotions, carts TO souk_api;
GRANT DELETE ON store_discounts, shipping_rates, shipping_promotions TO souk_api;

ALTER TABLE store_discounts ENABLE ROW LEVEL SECURITY;
CREATE POLICY store_discounts_worker ON store_discounts TO souk_worker USING (true) WITH CHECK (true);
CREATE POLICY store_discounts_owner ON store_discounts TO souk_api USING (souk_owns_store(store_id));

-- Rates and promotions are public; only their store writes them.
ALTER TABLE shipping_rates ENABLE ROW LEVEL SECURITY;
CREATE POLICY shipping_rates_worker ON shipping_rates TO souk_worker USING (true) WITH CHECK (true);
CREATE POLICY shipping_rates_read ON shipping_rates FOR SELECT TO souk_api USING (true);
CREATE POLICY shipping_rates_owner ON shipping_rates TO souk_api USING (souk_owns_store(store_id));
ALTER TABLE shipping_promotions ENABLE ROW LEVEL SECURITY;
CREATE POLICY shipping_promotions_worker ON shipping_promotions TO souk_worker USING (true) WITH CHECK (true);
CREATE POLICY shipping_promotions_read ON shipping_promotions FOR SELECT TO souk_api USING (true);
CREATE POLICY shipping_promotions_owner ON shipping_promotions TO souk_api USING (souk_owns_store(store_id));

ALTER TABLE carts ENABLE ROW LEVEL SECURITY;
CREATE POLICY carts_worker ON carts TO souk_worker USING (true) WITH CHECK (true);
CREATE POLICY carts_self ON carts TO souk_api USING (agent_id = (SELECT souk_viewer()));

-- The platform sees its sessions; the store's owner those that were completed, because it has to ship them.
ALTER TABLE checkouts ENABLE ROW LEVEL SECURITY;
CREATE POLICY checkouts_worker ON checkouts TO souk_worker USING (true) WITH CHECK (true);
CREATE POLICY checkouts_parties ON checkouts FOR SELECT TO souk_api
  USING (agent_id = (SELECT souk_viewer()) OR (status = 'completed' AND souk_owns_store(store_id)));
ALTER TABLE checkout_lines ENABLE ROW LEVEL SECURITY;
CREATE POLICY checkout_lines_worker ON checkout_lines TO souk_worker USING (true) WITH CHECK (true);
CREATE POLICY checkout_lines_parties ON checkout_lines FOR SELECT TO souk_api
  USING (EXISTS (SELECT 1 FROM checkouts c WHERE c.checkout_id = checkout_lines.checkout_id));
ALTER TABLE checkout_payments ENABLE ROW LEVEL SECURITY;
CREATE POLICY checkout_payments_worker ON checkout_payments TO souk_worker USING (true) WITH CHECK (true);
CREATE POLICY checkout_payments_parties ON checkout_payments FOR SELECT TO souk_api
  USING (EXISTS (SELECT 1 FROM checkouts c WHERE c.checkout_id = checkout_payments.checkout_id));
ALTER TABLE address_book ENABLE ROW LEVEL SECURITY;
CREATE POLICY address_book_worker ON address_book TO souk_worker USING (true) WITH CHECK (true);
