-- Whether an order is paid: a checkout took the money, or its seller says that it has it. Nothing else is known of
-- money that changes hands outside Souk, which is what souk_market stands for in a checkout.
CREATE TYPE payment_source AS ENUM ('CAPTURED', 'CONFIRMED');
ALTER TABLE orders ADD COLUMN paid_at timestamptz, ADD COLUMN payment_source payment_source,
  ADD CONSTRAINT orders_paid_has_source CHECK ((paid_at IS NULL) = (payment_source IS NULL));
UPDATE orders o SET paid_at = p.updated_at, payment_source = 'CAPTURED'
  FROM checkout_lines l JOIN checkout_payments p USING (checkout_id)
  WHERE l.order_id = o.order_id AND p.status = 'CAPTURED' AND p.handler_id <> 'souk_market';
