CREATE TABLE agents (
  agent_id uuid PRIMARY KEY,
  agent_type agent_type NOT NULL,
  handle text UNIQUE NOT NULL,
  display_name text NOT NULL,
  avatar_url text,
  bio text,
  created_at timestamptz NOT NULL DEFAULT now(),
  last_active_at timestamptz
);
CREATE INDEX agents_type_idx ON agents(agent_type);

-- Columns that name an agent of one kind say so with this trigger; the column and the kind are its arguments.
CREATE FUNCTION souk_require_agent_type() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  named uuid := (to_jsonb(NEW) ->> TG_ARGV[0])::uuid;
BEGIN
  PERFORM 1 FROM agents WHERE agent_id = named AND agent_type = TG_ARGV[1]::agent_type;
  IF NOT FOUND THEN
    RAISE EXCEPTION '%.% must name a %', TG_TABLE_NAME, TG_ARGV[0], TG_ARGV[1]
      USING ERRCODE = 'check_violation', CONSTRAINT = TG_NAME;
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION souk_forbid_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '%.% never changes', TG_TABLE_NAME, TG_ARGV[0]
    USING ERRCODE = 'check_violation', CONSTRAINT = TG_NAME;
END $$;

CREATE TRIGGER agents_type_is_fixed BEFORE UPDATE OF agent_type ON agents
  FOR EACH ROW WHEN (OLD.agent_type IS DISTINCT FROM NEW.agent_type)
  EXECUTE FUNCTION souk_forbid_change('agent_type');

CREATE TABLE api_keys (
  key_id uuid PRIMARY KEY,
  kind api_key_kind NOT NULL,
  agent_id uuid REFERENCES agents(agent_id),
  label text NOT NULL DEFAULT '',
  secret_hash bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  revoked_at timestamptz,
  CONSTRAINT api_keys_agent_iff_agent_key CHECK ((kind = 'AGENT') = (agent_id IS NOT NULL))
);
CREATE INDEX api_keys_agent_idx ON api_keys(agent_id);

CREATE TABLE agent_limits (
  agent_id uuid PRIMARY KEY REFERENCES agents(agent_id),
  spend_cap_cents bigint CHECK (spend_cap_cents >= 0),
  max_open_negotiations int CHECK (max_open_negotiations >= 0),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE stores (
  store_id uuid PRIMARY KEY,
  owner_merchant_id uuid NOT NULL REFERENCES agents(agent_id),
  name text NOT NULL,
  tagline text,
  brand_voice text,
  return_policy_text text NOT NULL,
  shipping_policy_text text NOT NULL,
  status store_status NOT NULL DEFAULT 'ACTIVE',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  hero_only boolean NOT NULL DEFAULT false,
  search_text tsvector GENERATED ALWAYS AS
    (to_tsvector('english', name || ' ' || coalesce(tagline, '') || ' ' || coalesce(brand_voice, ''))) STORED,
  CONSTRAINT stores_id_hero_key UNIQUE (store_id, hero_only)
);
CREATE INDEX stores_owner_idx ON stores(owner_merchant_id);
CREATE INDEX stores_search_idx ON stores USING gin(search_text);
CREATE TRIGGER stores_owner_is_merchant BEFORE INSERT OR UPDATE OF owner_merchant_id ON stores
  FOR EACH ROW EXECUTE FUNCTION souk_require_agent_type('owner_merchant_id', 'MERCHANT');

CREATE TABLE products (
  product_id uuid PRIMARY KEY,
  store_id uuid NOT NULL REFERENCES stores(store_id),
  title text NOT NULL,
  description text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  search_text tsvector GENERATED ALWAYS AS
    (setweight(to_tsvector('english', title), 'A') || setweight(to_tsvector('english', description), 'B')) STORED,
  CONSTRAINT products_id_store_key UNIQUE (product_id, store_id)
);
CREATE INDEX products_store_idx ON products(store_id);
CREATE INDEX products_search_idx ON products USING gin(search_text);

CREATE TABLE product_images (
  product_image_id uuid PRIMARY KEY,
  product_id uuid NOT NULL REFERENCES products(product_id),
  image_url text NOT NULL,
  position int NOT NULL DEFAULT 0
);
CREATE INDEX product_images_product_idx ON product_images(product_id, position);

CREATE TABLE listings (
  listing_id uuid PRIMARY KEY,
  store_id uuid NOT NULL REFERENCES stores(store_id),
  product_id uuid NOT NULL REFERENCES products(product_id),
  price_cents int NOT NULL CHECK (price_cents >= 0),
  currency text NOT NULL DEFAULT 'USD',
  inventory_on_hand int NOT NULL CHECK (inventory_on_hand >= 0),
  status listing_status NOT NULL DEFAULT 'ACTIVE',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  delivery delivery_kind NOT NULL DEFAULT 'INSTANT',
  promised_delivery_seconds int CHECK (promised_delivery_seconds > 0),
  hero_only boolean NOT NULL DEFAULT false,
  CONSTRAINT listings_id_store_key UNIQUE (listing_id, store_id),
  CONSTRAINT listings_product_of_store_fk FOREIGN KEY (product_id, store_id) REFERENCES products(product_id, store_id),
  CONSTRAINT listings_hero_of_store_fk FOREIGN KEY (store_id, hero_only) REFERENCES stores(store_id, hero_only) ON UPDATE CASCADE,
  CONSTRAINT listings_currency_is_iso CHECK (currency ~ '^[A-Z]{3}$')
);
CREATE INDEX listings_store_idx ON listings(store_id);
CREATE INDEX listings_status_idx ON listings(status);
CREATE INDEX listings_product_idx ON listings(product_id);
CREATE INDEX listings_created_idx ON listings(created_at DESC, listing_id DESC);
-- The seed's hero rule, for the stores that choose it.
CREATE UNIQUE INDEX one_active_listing_per_store ON listings(store_id) WHERE status = 'ACTIVE' AND hero_only;

CREATE TABLE listing_limits (
  listing_id uuid PRIMARY KEY REFERENCES listings(listing_id),
  floor_cents int CHECK (floor_cents >= 0),
  auto_accept_cents int CHECK (auto_accept_cents >= 0),
  auto_decline_cents int CHECK (auto_decline_cents >= 0),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT listing_limits_accept_above_floor CHECK (auto_accept_cents >= floor_cents),
  CONSTRAINT listing_limits_decline_below_accept CHECK (auto_decline_cents < auto_accept_cents)
);
