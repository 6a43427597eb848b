DROP VIEW operator_orders;
CREATE VIEW operator_orders WITH (security_barrier) AS
  SELECT order_id, buyer_customer_id, store_id, listing_id, status, delivery, placed_at, delivered_at, promised_at,
    remind_at, reminded_at, refund_requested_at, refund_answer_due_at, refund_declined_at, refunded_at,
    refund_reason, return_window_closes_at, closed_at, source_offer_id IS NOT NULL AS negotiated
  FROM orders WHERE (SELECT souk_operator()) IS NOT NULL;
GRANT SELECT ON operator_orders TO souk_api;
-- A paid order that was declined is a broken promise, as a missed delivery is; the rest cost the store nothing.
UPDATE orders SET refund_reason = CASE WHEN refund_reason = 'DECLINED_BY_SELLER' AND paid_at IS NOT NULL
    THEN 'DELIVERY_MISSED' ELSE 'CANCELLED_BY_BUYER' END
  WHERE refund_reason IN ('DECLINED_BY_SELLER', 'NOT_PAID');
DROP INDEX negotiations_lapsed_idx, orders_lapsed_idx, orders_unpaid_idx;
ALTER TABLE orders DROP COLUMN payment_due_at, DROP COLUMN payment_remind_at, DROP COLUMN decline_reason;
