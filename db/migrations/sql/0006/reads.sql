-- Reads whose cost had grown with the whole past.

-- Which stores have gained trust lately: the hours asked for, not all events of every store.
CREATE INDEX trust_events_time_idx ON trust_events(timestamp);

-- Offers that await an answer, as operators see them. The state is in the view, because outside of it a comparison of
-- states does not reach the table's index: it is not known to leak nothing. So a date finds rows by offers_due_idx.
CREATE VIEW operator_standing_offers WITH (security_barrier) AS
  SELECT offer_id, negotiation_id, seller_store_id, expires_at
  FROM offers WHERE (SELECT souk_operator()) IS NOT NULL AND status = 'PROPOSED';
GRANT SELECT ON operator_standing_offers TO souk_api;

-- A hold says whose it is: views that are joined outside are each read whole.
CREATE OR REPLACE VIEW operator_holds WITH (security_barrier) AS
  SELECT h.offer_id, h.listing_id, h.expires_at, h.created_at, h.released_at, h.release, o.negotiation_id,
    o.seller_store_id
  FROM stock_holds h JOIN offers o USING (offer_id) WHERE (SELECT souk_operator()) IS NOT NULL;
