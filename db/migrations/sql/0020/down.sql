-- Before it was known why: what was accepted is broken by the seller, an unpaid order is declined by it.
UPDATE negotiations n SET close_reason = CASE WHEN EXISTS (
    SELECT 1 FROM offers o WHERE o.negotiation_id = n.negotiation_id AND o.accepted_at IS NOT NULL
  ) THEN 'BROKEN_BY_SELLER' ELSE 'WITHDRAWN' END WHERE close_reason = 'BUYER_BLOCKED';
UPDATE offers SET close_reason = CASE WHEN accepted_at IS NULL THEN 'WITHDRAWN' ELSE 'BROKEN_BY_SELLER' END
  WHERE close_reason = 'BUYER_BLOCKED';
UPDATE orders SET refund_reason = 'DECLINED_BY_SELLER' WHERE refund_reason = 'BUYER_BLOCKED';

DROP FUNCTION souk_blocks_me;
DROP TABLE store_blocks;
