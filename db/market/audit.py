"""The market's invariants as SQL. Each query answers with the ids that breach it."""

from domain.market.states import ActivityType

_OWN_KINDS = ", ".join(f"'{kind}'" for kind in ActivityType)

INVARIANTS: dict[int, tuple[str, str]] = {
    1: (
        "on-hand stock is the sum of its movements and never negative; holds are the accepted, unspent offers",
        """
        SELECT 'listing ' || l.listing_id FROM listings l
          LEFT JOIN LATERAL (SELECT coalesce(sum(m.delta), 0) AS total FROM stock_movements m
                             WHERE m.listing_id = l.listing_id) s ON true
          WHERE l.inventory_on_hand <> s.total OR l.inventory_on_hand < 0
        UNION ALL
        SELECT 'listing ' || l.listing_id FROM listings l
          WHERE (l.status = 'SOLD_OUT' AND l.inventory_on_hand > 0 AND NOT l.hero_only)
             OR (l.status = 'ACTIVE' AND l.inventory_on_hand = 0)
        UNION ALL
        SELECT 'hold ' || coalesce(h.offer_id, o.offer_id)
          FROM (SELECT * FROM stock_holds WHERE released_at IS NULL) h
          FULL JOIN (SELECT o.* FROM offers o JOIN negotiations n USING (negotiation_id)
                     WHERE o.status = 'ACCEPTED' AND n.closed_at IS NULL) o ON o.offer_id = h.offer_id
          WHERE h.offer_id IS NULL OR o.offer_id IS NULL OR h.quantity <> o.quantity
        """,
    ),
    2: (
        "an accepted offer has at most one order, with the offer's price, quantity and buyer",
        """
        SELECT 'order ' || r.order_id FROM orders r JOIN offers o ON o.offer_id = r.source_offer_id
          WHERE o.accepted_at IS NULL OR r.unit_price_cents <> o.proposed_price_cents OR r.quantity <> o.quantity
             OR r.buyer_customer_id <> o.buyer_customer_id OR r.currency <> o.currency
        UNION ALL
        SELECT 'offer ' || source_offer_id FROM orders WHERE source_offer_id IS NOT NULL
          GROUP BY source_offer_id HAVING count(*) > 1
        """,
    ),
    3: (
        "every order has gating evidence older than itself",
        """
        SELECT 'order ' || r.order_id FROM orders r
          WHERE NOT EXISTS (SELECT 1 FROM interaction_evidence e WHERE e.customer_id = r.buyer_customer_id
                            AND e.listing_id = r.listing_id AND e.created_at <= r.placed_at)
        """,
    ),
    4: (
        "reviews only on delivered orders by their buyers, at most one each; one REVIEW thread per listing",
        """
        SELECT 'review ' || v.review_id FROM reviews v JOIN orders r USING (order_id)
          WHERE r.delivered_at IS NULL OR v.created_at < r.delivered_at
             OR v.author_customer_id <> r.buyer_customer_id
        UNION ALL
        SELECT 'order ' || order_id FROM reviews GROUP BY order_id HAVING count(*) > 1
        UNION ALL
        SELECT 'listing ' || context_listing_id FROM threads WHERE type = 'REVIEW'
          GROUP BY context_listing_id HAVING count(*) > 1
        """,
    ),
    5: (
        "every trust profile is the fold of its trust events; every event has a fact",
        """
        SELECT 'store ' || p.store_id FROM trust_profiles p
          LEFT JOIN LATERAL (
            SELECT count(*) AS events, coalesce(max(e.sequence), 0) AS last,
              ARRAY[coalesce(sum(delta_r) FILTER (WHERE component = 'product'), 0),
                    coalesce(sum(delta_r) FILTER (WHERE component = 'claim'), 0),
                    coalesce(sum(delta_r) FILTER (WHERE component = 'support'), 0),
                    coalesce(sum(delta_r) FILTER (WHERE component = 'policy'), 0)]::bigint[] AS r,
              ARRAY[coalesce(sum(delta_s) FILTER (WHERE component = 'product'), 0),
                    coalesce(sum(delta_s) FILTER (WHERE component = 'claim'), 0),
                    coalesce(sum(delta_s) FILTER (WHERE component = 'support'), 0),
                    coalesce(sum(delta_s) FILTER (WHERE component = 'policy'), 0)]::bigint[] AS s
            FROM trust_events e WHERE e.store_id = p.store_id) f ON true
          WHERE p.evidence_r <> f.r OR p.evidence_s <> f.s OR p.sequence <> f.last OR p.sequence <> f.events
        UNION ALL
        SELECT 'trust event ' || e.trust_event_id FROM trust_events e JOIN trust_facts t USING (fact_id)
          WHERE t.folded_at IS NULL OR t.store_id <> e.store_id OR t.reason <> e.reason
             OR t.source_event_id <> e.source_event_id
        """,
    ),
    6: (
        "every row that should have an activity event has exactly one",
        f"""
        WITH due AS (
          SELECT 'STORE_CREATED' AS type, store_id::text AS key, 1 AS n FROM stores
          UNION ALL SELECT 'LISTING_DROPPED', listing_id::text, 1 FROM listings
          UNION ALL SELECT 'THREAD_CREATED', thread_id::text, 1 FROM threads
          UNION ALL SELECT 'MESSAGE_POSTED', message_id::text, 1 FROM messages
          UNION ALL SELECT 'OFFER_REFERENCE_POSTED', offer_ref_id::text, 1 FROM offer_references
          UNION ALL SELECT 'ORDER_PLACED', order_id::text, 1 FROM orders
          UNION ALL SELECT 'ORDER_DELIVERED', order_id::text, 1 FROM orders WHERE delivered_at IS NOT NULL
          UNION ALL SELECT 'ORDER_REFUNDED', order_id::text, 1 FROM orders WHERE refunded_at IS NOT NULL
          UNION ALL SELECT 'REVIEW_POSTED', review_id::text, 1 FROM reviews
          UNION ALL SELECT 'STORE_UPDATE_POSTED', store_update_id::text, 1 FROM store_updates
          UNION ALL SELECT 'TRUST_UPDATED', store_id || '/' || fold, 1 FROM trust_events GROUP BY store_id, fold
          -- An event must not name its offer, so offers are counted per listing.
          UNION ALL SELECT 'OFFER_MADE', listing_id::text, count(*) FROM offers GROUP BY listing_id
          UNION ALL SELECT 'OFFER_ACCEPTED', listing_id::text, count(*) FROM offers
            WHERE accepted_at IS NOT NULL GROUP BY listing_id
          UNION ALL SELECT 'OFFER_REJECTED', listing_id::text, count(*) FROM offers
            WHERE status = 'REJECTED' GROUP BY listing_id
          UNION ALL SELECT 'OFFER_EXPIRED', listing_id::text, count(*) FROM offers
            WHERE status = 'EXPIRED' GROUP BY listing_id
          UNION ALL SELECT 'OFFER_CANCELLED', listing_id::text, count(*) FROM offers
            WHERE status = 'CANCELLED' AND close_reason <> 'SUPERSEDED' GROUP BY listing_id
        ), found AS (
          SELECT a.type::text AS type, CASE a.type
              WHEN 'STORE_CREATED' THEN a.store_id::text
              WHEN 'THREAD_CREATED' THEN a.thread_id::text
              WHEN 'MESSAGE_POSTED' THEN a.message_id::text
              WHEN 'OFFER_REFERENCE_POSTED' THEN a.offer_ref_id::text
              WHEN 'ORDER_PLACED' THEN a.order_id::text
              WHEN 'ORDER_DELIVERED' THEN a.order_id::text
              WHEN 'ORDER_REFUNDED' THEN a.order_id::text
              WHEN 'REVIEW_POSTED' THEN a.review_id::text
              WHEN 'STORE_UPDATE_POSTED' THEN a.store_update_id::text
              WHEN 'TRUST_UPDATED' THEN t.store_id || '/' || t.fold
              ELSE a.listing_id::text END AS key, count(*) AS n
          FROM activity_events a LEFT JOIN trust_events t ON t.trust_event_id = a.trust_event_id
          WHERE a.type IN ({_OWN_KINDS})
          GROUP BY 1, 2
        )
        SELECT coalesce(d.type, f.type) || ' ' || coalesce(d.key, f.key, '?')
          FROM due d FULL JOIN found f ON f.type = d.type AND f.key = d.key
          WHERE d.n IS DISTINCT FROM f.n
        """,  # noqa: S608 - names of our own
    ),
    7: (
        "no activity event holds a term or an id of an offer, or tells who bargains",
        """
        SELECT 'activity event ' || a.activity_event_id FROM activity_events a
          WHERE a.meta ? 'offer_id' OR (a.type::text LIKE 'OFFER_%' AND a.type <> 'OFFER_REFERENCE_POSTED'
            AND (a.actor_agent_id IS NOT NULL OR a.offer_ref_id IS NOT NULL))
        """,
    ),
}
