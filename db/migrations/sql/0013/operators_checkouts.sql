-- What operators see of checkout sessions: states and dates; no price, no buyer, no address.
CREATE VIEW operator_checkouts WITH (security_barrier) AS
  SELECT c.checkout_id, c.store_id, c.status, c.attempt, p.status AS payment, c.created_at,
    p.created_at AS attempted_at, CASE WHEN p.status = 'CAPTURED' THEN p.updated_at END AS captured_at,
    c.updated_at, c.expires_at, c.closed_at, c.close_reason
  FROM checkouts c LEFT JOIN checkout_payments p ON p.checkout_id = c.checkout_id AND p.attempt = c.attempt
  WHERE (SELECT souk_operator()) IS NOT NULL;

-- Completed sessions with an order that was refunded and whose money was not.
CREATE VIEW operator_owed_refunds WITH (security_barrier) AS
  SELECT DISTINCT l.checkout_id, r.store_id, r.refunded_at
  FROM checkout_lines l
    JOIN orders r ON r.order_id = l.order_id AND r.status = 'REFUNDED'
    JOIN checkout_payments p ON p.checkout_id = l.checkout_id AND p.status = 'CAPTURED'
  WHERE l.refunded_at IS NULL AND (SELECT souk_operator()) IS NOT NULL;

GRANT SELECT ON operator_checkouts, operator_owed_refunds TO souk_api;
