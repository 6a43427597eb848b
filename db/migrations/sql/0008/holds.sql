-- A buyer lets go of what was held for it.
ALTER TYPE hold_release ADD VALUE 'RELEASED';

-- How much a buyer has open: what awaits an answer, and what is held for it.
CREATE INDEX negotiations_open_buyer_idx ON negotiations(buyer_customer_id) WHERE closed_at IS NULL;
