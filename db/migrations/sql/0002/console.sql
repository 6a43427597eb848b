-- What operators see of private rows: states and dates, no term. A transaction names its operator with
-- set_config('souk.operator', key_id, true); without one, or with a revoked key, these views are empty. A view
-- reads with its owner's rights, so row-level security does not hide the rows from it: its columns are the limit.
CREATE FUNCTION souk_operator() RETURNS uuid LANGUAGE sql STABLE AS
  $$ SELECT key_id FROM api_keys
     WHERE key_id = nullif(current_setting('souk.operator', true), '')::uuid
       AND kind = 'OPERATOR' AND revoked_at IS NULL $$;

CREATE VIEW operator_negotiations WITH (security_barrier) AS
  SELECT negotiation_id, listing_id, buyer_customer_id, seller_store_id, status, rounds, opened_at, closed_at,
    close_reason
  FROM negotiations WHERE (SELECT souk_operator()) IS NOT NULL;

CREATE VIEW operator_offers WITH (security_barrier) AS
  SELECT offer_id, negotiation_id, listing_id, round, proposed_by, status, created_at, expires_at, accepted_at,
    rejected_at, closed_at, close_reason, purchase_by
  FROM offers WHERE (SELECT souk_operator()) IS NOT NULL;

CREATE VIEW operator_orders WITH (security_barrier) AS
  SELECT order_id, buyer_customer_id, store_id, listing_id, status, delivery, placed_at, delivered_at, promised_at,
    remind_at, reminded_at, refund_requested_at, refund_answer_due_at, refund_declined_at, refunded_at,
    refund_reason, return_window_closes_at, closed_at, source_offer_id IS NOT NULL AS negotiated
  FROM orders WHERE (SELECT souk_operator()) IS NOT NULL;

CREATE VIEW operator_holds WITH (security_barrier) AS
  SELECT offer_id, listing_id, expires_at, created_at, released_at, release
  FROM stock_holds WHERE (SELECT souk_operator()) IS NOT NULL;

-- A reference to an offer is public, and so is what became of that offer; nothing else of it.
CREATE VIEW offer_reference_states WITH (security_barrier) AS
  SELECT r.offer_ref_id, r.thread_id, o.listing_id, o.status
  FROM offer_references r JOIN offers o ON o.offer_id = r.offer_id;

-- The terms behind a negotiation or an order, for the operator whose entry in the log was made in this very
-- transaction. Whoever wants to see must first have left the reason.
CREATE FUNCTION souk_reveal_terms(entity uuid, audit uuid) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
  PERFORM 1 FROM operator_audit_log l
    WHERE l.audit_id = audit AND l.action = 'terms.reveal' AND l.meta ->> 'entity' = entity::text
      AND l.key_id = souk_operator() AND l.created_at = now();
  IF NOT FOUND THEN
    RAISE EXCEPTION 'terms are shown to an operator who has logged the reason' USING ERRCODE = '42501';
  END IF;
  RETURN jsonb_build_object(
    'offers', (SELECT coalesce(jsonb_agg(jsonb_build_object(
        'offer_id', o.offer_id, 'round', o.round, 'proposed_by', o.proposed_by, 'quantity', o.quantity,
        'proposed_price_cents', o.proposed_price_cents, 'currency', o.currency,
        'buyer_message', o.buyer_message, 'seller_message', o.seller_message) ORDER BY o.round), '[]')
      FROM offers o WHERE o.negotiation_id = entity
        OR o.offer_id = (SELECT source_offer_id FROM orders WHERE order_id = entity)),
    'order', (SELECT jsonb_build_object(
        'quantity', d.quantity, 'unit_price_cents', d.unit_price_cents, 'total_price_cents', d.total_price_cents,
        'currency', d.currency, 'refund_request_reason', d.refund_request_reason)
      FROM orders d WHERE d.order_id = entity));
END $$;
REVOKE EXECUTE ON FUNCTION souk_reveal_terms(uuid, uuid) FROM PUBLIC;

GRANT SELECT ON operator_negotiations, operator_offers, operator_orders, operator_holds, offer_reference_states
  TO souk_api;
GRANT EXECUTE ON FUNCTION souk_reveal_terms(uuid, uuid) TO souk_api;

-- The story of one order.
CREATE INDEX activity_events_order_idx ON activity_events(order_id) WHERE order_id IS NOT NULL;
-- Which operator did what, newest first.
CREATE INDEX operator_audit_log_created_idx ON operator_audit_log(created_at DESC);
