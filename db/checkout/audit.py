"""The invariants of checkout sessions, as SQL that the audit runs."""

INVARIANTS: dict[int, tuple[str, str]] = {
    9: (
        "a session is completed exactly when each of its lines is one order, as it was agreed",
        """
        SELECT 'checkout ' || c.checkout_id FROM checkouts c
          WHERE c.status = 'completed'
            AND NOT EXISTS (SELECT 1 FROM checkout_lines l WHERE l.checkout_id = c.checkout_id)
        UNION ALL
        SELECT 'checkout ' || c.checkout_id || ' line ' || l.line_id
          FROM checkouts c JOIN checkout_lines l USING (checkout_id)
          LEFT JOIN checkout_payments p ON p.checkout_id = c.checkout_id AND p.attempt = c.attempt
          WHERE (l.order_id IS NOT NULL) <> (c.status = 'completed' OR coalesce(p.status = 'PLACED', false))
        UNION ALL
        SELECT 'order ' || r.order_id
          FROM checkouts c JOIN checkout_lines l USING (checkout_id) JOIN orders r ON r.order_id = l.order_id
          WHERE r.buyer_customer_id <> c.agent_id OR r.listing_id <> l.listing_id OR r.quantity <> l.quantity
             OR r.unit_price_cents <> l.unit_price_cents OR r.currency <> c.currency
             OR coalesce(r.charged_cents, r.total_price_cents) <> l.total_cents
             OR r.source_offer_id IS DISTINCT FROM c.offer_id
        """,
    ),
    10: (
        "a completed session was charged once: its orders and its delivery; any other session was not",
        """
        SELECT 'checkout ' || c.checkout_id FROM checkouts c
          LEFT JOIN LATERAL (SELECT count(*) AS n, coalesce(sum(p.amount_cents), 0) AS charged
                             FROM checkout_payments p
                             WHERE p.checkout_id = c.checkout_id AND p.status = 'CAPTURED') p ON true
          LEFT JOIN LATERAL (SELECT coalesce(sum(l.total_cents), 0) AS goods, coalesce(sum(l.base_cents), 0) AS base
                             FROM checkout_lines l WHERE l.checkout_id = c.checkout_id) l ON true
          WHERE p.n <> (c.status = 'completed')::int
             OR (c.status = 'completed' AND (p.charged <> c.total_cents OR l.goods + c.fulfillment_cents <> p.charged))
             OR l.base <> c.subtotal_cents OR l.base - l.goods <> c.discount_cents
        UNION ALL
        SELECT 'checkout ' || c.checkout_id FROM checkouts c
          WHERE (c.status = 'complete_in_progress') <> EXISTS (SELECT 1 FROM checkout_payments p
            WHERE p.checkout_id = c.checkout_id AND p.status IN ('PENDING', 'AUTHORIZED', 'PLACED'))
        """,
    ),
}
