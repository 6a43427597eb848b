-- A market with a past, for the growth bench. Words in <> are numbers that seeding.py fills in. Keys look like
-- those of db.ids (time first), and follow from a kind and a number, so that rows can refer to each other.
-- Everything that could wait is over: no row here expects a process, but for the stores' own. Most indexes are made
-- afterwards, so no statement here may need one.

-- step: keys
CREATE FUNCTION pg_temp.at(n bigint, total bigint) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
  SELECT to_timestamp(<start> + (n::float8 / total) * <span>) $$;
CREATE FUNCTION pg_temp.key(kind int, n bigint, total bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
  SELECT (lpad(to_hex(((<start> + (n::float8 / total) * <span>) * 1000)::bigint), 12, '0') || '7'
    || lpad(to_hex(kind), 3, '0') || '8' || lpad(to_hex(n), 15, '0'))::uuid $$;

CREATE TEMP TABLE customer_keys AS SELECT n, pg_temp.key(2, n, <customers>) AS id FROM generate_series(1, <customers>) n;
CREATE TEMP TABLE thread_keys AS SELECT n, pg_temp.key(6, n, <threads>) AS id FROM generate_series(1, <threads>) n;
CREATE TEMP TABLE listing_keys AS SELECT n, pg_temp.key(5, n, <listings>) AS id,
    pg_temp.key(3, 1 + (n - 1) % <merchants>, <merchants>) AS store_id FROM generate_series(1, <listings>) n;
ANALYZE customer_keys, thread_keys, listing_keys;

-- step: agents
INSERT INTO agents (agent_id, agent_type, handle, display_name, created_at)
  SELECT pg_temp.key(1, n, <merchants>), 'MERCHANT', 'seed-merchant-' || n, 'Merchant ' || n, to_timestamp(<start>)
  FROM generate_series(1, <merchants>) n;
INSERT INTO agents (agent_id, agent_type, handle, display_name, created_at)
  SELECT pg_temp.key(2, n, <customers>), 'CUSTOMER', 'seed-customer-' || n, 'Customer ' || n, to_timestamp(<start>)
  FROM generate_series(1, <customers>) n;

-- step: stores
INSERT INTO stores (store_id, owner_merchant_id, name, tagline, return_policy_text, shipping_policy_text, created_at,
    updated_at)
  SELECT pg_temp.key(3, n, <merchants>), pg_temp.key(1, n, <merchants>), 'Store ' || n,
    (ARRAY['Lamps and oil', 'Maps of nowhere', 'Boats that float', 'Cages for birds'])[1 + n % 4],
    'Returns within 30 days.', 'Ships within 2 days.', pg_temp.at(n, <merchants>), pg_temp.at(n, <merchants>)
  FROM generate_series(1, <merchants>) n;

-- step: listings
INSERT INTO products (product_id, store_id, title, description, created_at, updated_at)
  SELECT pg_temp.key(4, n, <listings>), pg_temp.key(3, 1 + (n - 1) % <merchants>, <merchants>),
    (ARRAY['Brass', 'Copper', 'Silver', 'Tin', 'Clay'])[1 + n % 5] || ' '
      || (ARRAY['kettle', 'compass', 'mirror', 'saddle', 'carpet', 'teapot', 'drum'])[1 + n % 7]
      || CASE WHEN n % <rare> = 0 THEN ' lamp' ELSE '' END,
    'Number ' || n || ' of its kind.', pg_temp.at(n, <listings>), pg_temp.at(n, <listings>)
  FROM generate_series(1, <listings>) n;
INSERT INTO listings (listing_id, store_id, product_id, price_cents, inventory_on_hand, created_at, updated_at)
  SELECT pg_temp.key(5, n, <listings>), pg_temp.key(3, 1 + (n - 1) % <merchants>, <merchants>),
    pg_temp.key(4, n, <listings>), 1000 + n % 9000, 100000, pg_temp.at(n, <listings>), pg_temp.at(n, <listings>)
  FROM generate_series(1, <listings>) n;
INSERT INTO stock_movements (movement_id, listing_id, delta, reason, created_at)
  SELECT pg_temp.key(13, n, <listings>), pg_temp.key(5, n, <listings>), 100000, 'INITIAL', pg_temp.at(n, <listings>)
  FROM generate_series(1, <listings>) n;

-- step: threads
INSERT INTO threads (thread_id, type, title, created_by_agent_id, context_store_id, context_listing_id, created_at)
  SELECT t.id, 'GENERAL', 'Question ' || t.n || ' about it', c.id, l.store_id, l.id, pg_temp.at(t.n - 1, <threads>)
  FROM thread_keys t JOIN customer_keys c ON c.n = 1 + t.n * 31 % <customers>
    JOIN listing_keys l ON l.n = 1 + t.n * 7919 % <listings> ORDER BY t.n;

-- step: messages
INSERT INTO messages (message_id, thread_id, author_agent_id, body, created_at)
  SELECT uuidv7(pg_temp.at(m.n, <messages>) - now()), t.id, c.id, 'It burns all night.', pg_temp.at(m.n, <messages>)
  FROM generate_series(1, <messages>) m(n) JOIN thread_keys t ON t.n = 1 + (m.n - 1) * <threads> / <messages>
    JOIN customer_keys c ON c.n = 1 + m.n * 31 % <customers>;

-- step: negotiations
-- Of twenty offers three are accepted and bought, twelve declined, five expire.
INSERT INTO negotiations (negotiation_id, listing_id, buyer_customer_id, seller_store_id, status, opened_at, closed_at,
    close_reason)
  SELECT pg_temp.key(8, o.n, <offers>), l.id, c.id, l.store_id,
    (CASE WHEN o.n % 20 < 3 THEN 'ACCEPTED' WHEN o.n % 20 < 15 THEN 'REJECTED' ELSE 'EXPIRED' END)::offer_status,
    pg_temp.at(o.n, <offers>), pg_temp.at(o.n, <offers>) + interval '30 minutes',
    CASE WHEN o.n % 20 < 3 THEN 'PURCHASED' WHEN o.n % 20 < 15 THEN 'DECLINED' ELSE 'NOT_ANSWERED' END
  FROM generate_series(1, <offers>) o(n) JOIN listing_keys l ON l.n = 1 + o.n * 104729 % <listings>
    JOIN customer_keys c ON c.n = 1 + o.n * 17 % <customers>;

-- step: offers
INSERT INTO offers (offer_id, negotiation_id, listing_id, buyer_customer_id, seller_store_id, proposed_price_cents,
    list_price_cents, status, created_at, expires_at, accepted_at, rejected_at, purchase_by, closed_at, close_reason,
    round, proposed_by)
  SELECT n.negotiation_id, n.negotiation_id, n.listing_id, n.buyer_customer_id, n.seller_store_id, 900, l.price_cents,
    n.status, n.opened_at, n.opened_at + interval '48 hours',
    CASE WHEN n.status = 'ACCEPTED' THEN n.opened_at + interval '10 minutes' END,
    CASE WHEN n.status = 'REJECTED' THEN n.closed_at END,
    CASE WHEN n.status = 'ACCEPTED' THEN n.opened_at + interval '24 hours' END, n.closed_at, n.close_reason, 1, 'BUYER'
  FROM negotiations n JOIN listings l USING (listing_id) ORDER BY n.negotiation_id;

-- step: orders
INSERT INTO interaction_evidence (evidence_id, customer_id, listing_id, type, offer_id, created_at)
  SELECT DISTINCT ON (o.buyer_customer_id, o.listing_id) o.offer_id, o.buyer_customer_id, o.listing_id,
    'OFFER_MADE'::interaction_type, o.offer_id, o.created_at
  FROM offers o WHERE o.status = 'ACCEPTED' ORDER BY o.buyer_customer_id, o.listing_id, o.created_at;
INSERT INTO stock_holds (offer_id, listing_id, quantity, expires_at, created_at, released_at, release)
  SELECT offer_id, listing_id, quantity, purchase_by, accepted_at, closed_at, 'SPENT' FROM offers
  WHERE status = 'ACCEPTED';
INSERT INTO stock_movements (movement_id, listing_id, delta, reason, offer_id, created_at)
  SELECT offer_id, listing_id, -quantity, 'OFFER_HELD', offer_id, accepted_at FROM offers WHERE status = 'ACCEPTED';
INSERT INTO orders (order_id, buyer_customer_id, store_id, listing_id, unit_price_cents, total_price_cents, status,
    placed_at, delivered_at, source_offer_id, return_window_closes_at, closed_at)
  SELECT offer_id, buyer_customer_id, seller_store_id, listing_id, proposed_price_cents, proposed_price_cents,
    'DELIVERED', closed_at, closed_at, offer_id, closed_at, closed_at
  FROM offers WHERE status = 'ACCEPTED' ORDER BY offer_id;
UPDATE listings l SET inventory_on_hand = inventory_on_hand - sold.n
  FROM (SELECT listing_id, count(*) AS n FROM orders GROUP BY listing_id) sold WHERE sold.listing_id = l.listing_id;

-- step: reviews
-- Every fifteenth order has one. The key of a listing's review thread is the listing's with another kind.
INSERT INTO threads (thread_id, type, title, created_by_agent_id, context_store_id, context_listing_id, created_at)
  SELECT overlay(d.listing_id::text PLACING '00b' FROM 16 FOR 3)::uuid, 'REVIEW', 'Reviews', d.buyer_customer_id,
    d.store_id, d.listing_id, d.placed_at
  FROM (SELECT DISTINCT ON (listing_id) * FROM orders WHERE get_byte(uuid_send(order_id), 15) % 15 = 0
        ORDER BY listing_id, placed_at) d;
INSERT INTO messages (message_id, thread_id, author_agent_id, body, created_at)
  SELECT overlay(order_id::text PLACING '00c' FROM 16 FOR 3)::uuid,
    overlay(listing_id::text PLACING '00b' FROM 16 FOR 3)::uuid, buyer_customer_id, 'All night.', placed_at
  FROM orders WHERE get_byte(uuid_send(order_id), 15) % 15 = 0;
INSERT INTO reviews (review_id, order_id, author_customer_id, rating, body, message_id, created_at)
  SELECT overlay(order_id::text PLACING '00c' FROM 16 FOR 3)::uuid, order_id, buyer_customer_id, 4, 'All night.',
    overlay(order_id::text PLACING '00c' FROM 16 FOR 3)::uuid, placed_at
  FROM orders WHERE get_byte(uuid_send(order_id), 15) % 15 = 0;
INSERT INTO review_windows (order_id, opened_at, closes_at, status, closed_at)
  SELECT o.order_id, o.delivered_at, o.delivered_at,
    (CASE WHEN r.order_id IS NULL THEN 'LAPSED' ELSE 'REVIEWED' END)::review_window_status, o.delivered_at
  FROM orders o LEFT JOIN reviews r USING (order_id);

-- step: counters
INSERT INTO store_stats (store_id, orders_placed, orders_delivered, reviews_posted, rating_sum)
  SELECT s.store_id, count(o.order_id), count(o.order_id), count(r.order_id), coalesce(sum(r.rating), 0)
  FROM stores s LEFT JOIN orders o USING (store_id) LEFT JOIN reviews r USING (order_id) GROUP BY s.store_id;
INSERT INTO inbox_events (inbox_event_id, agent_id, type, store_id, listing_id, offer_id, created_at, txid)
  SELECT o.offer_id, s.owner_merchant_id, 'OFFER_MADE', o.seller_store_id, o.listing_id, o.offer_id, o.created_at,
    <firsttx> + (<txs> * (extract(epoch FROM o.created_at) - <start>) / <span>)::bigint
  FROM offers o JOIN stores s ON s.store_id = o.seller_store_id ORDER BY o.offer_id;
INSERT INTO processed_commands (command_id, kind, entity_id, outcome, created_at)
  SELECT offer_id, 'make_offer', offer_id, 'ok', created_at FROM offers ORDER BY offer_id;
