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
        'currency', d.currency, 'refund_request_reason', d.refund_request_reason)
      FROM orders d WHERE d.order_id = entity));
END $$;
-- It was operators who granted it.
UPDATE orders SET refund_reason = 'BY_OPERATOR' WHERE refund_reason = 'APPEAL_GRANTED';
DROP VIEW operator_appeals;
DROP VIEW operator_orders;
CREATE VIEW operator_orders WITH (security_barrier) AS
  SELECT order_id, buyer_customer_id, store_id, listing_id, status, delivery, placed_at, delivered_at, promised_at,
    remind_at, reminded_at, refund_requested_at, refund_answer_due_at, refund_declined_at, refunded_at,
    refund_reason, return_window_closes_at, closed_at, source_offer_id IS NOT NULL AS negotiated, paid_at,
    payment_due_at
  FROM orders WHERE (SELECT souk_operator()) IS NOT NULL;
GRANT SELECT ON operator_orders TO souk_api;
DROP INDEX orders_appeals_idx;
ALTER TABLE orders DROP COLUMN appeal_by, DROP COLUMN appealed_at, DROP COLUMN appeal_reason,
  DROP COLUMN appeal_due_at, DROP COLUMN appeal_declined_at;
