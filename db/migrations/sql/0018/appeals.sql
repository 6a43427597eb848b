-- A buyer's appeal against a declined refund, and until when its operators decide.
ALTER TABLE orders ADD COLUMN appeal_by timestamptz, ADD COLUMN appealed_at timestamptz, ADD COLUMN appeal_reason text,
  ADD COLUMN appeal_due_at timestamptz, ADD COLUMN appeal_declined_at timestamptz,
  ADD CONSTRAINT orders_appealed_has_date CHECK ((appealed_at IS NULL) = (appeal_due_at IS NULL)),
  ADD CONSTRAINT orders_appeal_of_declined CHECK (appealed_at IS NULL OR refund_declined_at IS NOT NULL);
CREATE INDEX orders_appeals_idx ON orders(appeal_due_at)
  WHERE appealed_at IS NOT NULL AND appeal_declined_at IS NULL AND closed_at IS NULL;

CREATE OR REPLACE VIEW operator_orders WITH (security_barrier) AS
  SELECT order_id, buyer_customer_id, store_id, listing_id, status, delivery, placed_at, delivered_at, promised_at,
    remind_at, reminded_at, refund_requested_at, refund_answer_due_at, refund_declined_at, refunded_at,
    refund_reason, return_window_closes_at, closed_at, source_offer_id IS NOT NULL AS negotiated, paid_at,
    payment_due_at, appeal_by, appealed_at, appeal_due_at, appeal_declined_at
  FROM orders WHERE (SELECT souk_operator()) IS NOT NULL;
-- Those that await a decision. The state is in the view, so that the index finds them.
CREATE VIEW operator_appeals WITH (security_barrier) AS
  SELECT order_id, store_id, appealed_at, appeal_due_at FROM orders
  WHERE (SELECT souk_operator()) IS NOT NULL
    AND appealed_at IS NOT NULL AND appeal_declined_at IS NULL AND closed_at IS NULL;
GRANT SELECT ON operator_appeals TO souk_api;

-- What the parties wrote is shown with the terms: a reason for it is in the log first.
CREATE OR REPLACE FUNCTION souk_reveal_terms(entity uuid, audit uuid) RETURNS jsonb
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
        'currency', d.currency, 'refund_request_reason', d.refund_request_reason,
        'decline_reason', d.decline_reason, 'appeal_reason', d.appeal_reason)
      FROM orders d WHERE d.order_id = entity));
END $$;
