DROP VIEW operator_holds, operator_standing_offers;
DROP INDEX trust_events_time_idx;
CREATE VIEW operator_holds WITH (security_barrier) AS
  SELECT offer_id, listing_id, expires_at, created_at, released_at, release
  FROM stock_holds WHERE (SELECT souk_operator()) IS NOT NULL;
GRANT SELECT ON operator_holds TO souk_api;
