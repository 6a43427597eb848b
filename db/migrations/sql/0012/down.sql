DROP POLICY checkouts_shown ON checkouts;
REVOKE UPDATE (shown_version) ON checkouts FROM souk_api;
ALTER TABLE checkouts DROP CONSTRAINT checkouts_shown_is_quoted, DROP COLUMN shown_version, DROP COLUMN quote_version;
