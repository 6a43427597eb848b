-- An order that is neither paid nor delivered ends by itself; its seller may decline it before.
ALTER TABLE orders ADD COLUMN payment_due_at timestamptz, ADD COLUMN payment_remind_at timestamptz,
  ADD COLUMN decline_reason text;
-- What was under way has the time to pay that a new order has.
UPDATE orders SET payment_due_at = now() + interval '24 hours', payment_remind_at = now() + interval '18 hours'
  WHERE status = 'PLACED' AND closed_at IS NULL AND paid_at IS NULL
    AND NOT EXISTS (SELECT 1 FROM checkout_lines l JOIN checkout_payments p USING (checkout_id)
      WHERE l.order_id = orders.order_id AND p.handler_id <> 'souk_market');

-- What one buyer has taken of a listing without having paid, and what it let lapse.
CREATE INDEX orders_unpaid_idx ON orders(buyer_customer_id, listing_id) WHERE paid_at IS NULL AND closed_at IS NULL;
CREATE INDEX orders_lapsed_idx ON orders(buyer_customer_id, listing_id) WHERE refund_reason = 'NOT_PAID';
CREATE INDEX negotiations_lapsed_idx ON negotiations(buyer_customer_id, listing_id)
  WHERE close_reason = 'NOT_PURCHASED';

-- Operators see when an order was paid, and until when that is awaited.
CREATE OR REPLACE VIEW operator_orders WITH (security_barrier) AS
  SELECT order_id, buyer_customer_id, store_id, listing_id, status, delivery, placed_at, delivered_at, promised_at,
    remind_at, reminded_at, refund_requested_at, refund_answer_due_at, refund_declined_at, refunded_at,
    refund_reason, return_window_closes_at, closed_at, source_offer_id IS NOT NULL AS negotiated, paid_at,
    payment_due_at
  FROM orders WHERE (SELECT souk_operator()) IS NOT NULL;
