-- A buyer's newest bids in one store, found without reading what else it bids.
CREATE INDEX offers_bids_idx ON offers(buyer_customer_id, seller_store_id, created_at) WHERE proposed_by = 'BUYER';
