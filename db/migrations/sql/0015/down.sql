DROP INDEX offers_bids_idx;
