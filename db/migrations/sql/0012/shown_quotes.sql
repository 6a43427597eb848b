-- Each pricing of a session has a number, and the API notes the last one that it answered to the session's platform.
ALTER TABLE checkouts
  ADD COLUMN quote_version int NOT NULL DEFAULT 1,
  ADD COLUMN shown_version int NOT NULL DEFAULT 0,
  ADD CONSTRAINT checkouts_shown_is_quoted CHECK (shown_version BETWEEN 0 AND quote_version);

-- What was priced until now was answered, but for new prices that a refused completion has written.
UPDATE checkouts SET shown_version = 1 WHERE NOT messages @> '[{"code": "price_changed"}]';

GRANT UPDATE (shown_version) ON checkouts TO souk_api;
CREATE POLICY checkouts_shown ON checkouts FOR UPDATE TO souk_api
  USING (agent_id = (SELECT souk_viewer())) WITH CHECK (agent_id = (SELECT souk_viewer()));
