DROP INDEX negotiations_open_buyer_idx;

UPDATE negotiations SET close_reason = 'WITHDRAWN' WHERE close_reason = 'RELEASED_BY_BUYER';
UPDATE offers SET close_reason = 'WITHDRAWN' WHERE close_reason = 'RELEASED_BY_BUYER';

DROP VIEW operator_holds;
ALTER TYPE hold_release RENAME TO hold_release_0008;
CREATE TYPE hold_release AS ENUM ('SPENT', 'LAPSED', 'BROKEN');
-- Not bought either way.
ALTER TABLE stock_holds ALTER COLUMN release TYPE hold_release
  USING CASE release::text WHEN 'RELEASED' THEN 'LAPSED' ELSE release::text END::hold_release;
DROP TYPE hold_release_0008;
CREATE VIEW operator_holds WITH (security_barrier) AS
  SELECT h.offer_id, h.listing_id, h.expires_at, h.created_at, h.released_at, h.release, o.negotiation_id,
    o.seller_store_id
  FROM stock_holds h JOIN offers o USING (offer_id) WHERE (SELECT souk_operator()) IS NOT NULL;
GRANT SELECT ON operator_holds TO souk_api;
