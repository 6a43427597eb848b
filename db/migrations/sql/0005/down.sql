ALTER TABLE support_questions DROP COLUMN remind_at;
ALTER TABLE review_windows DROP COLUMN remind_at;
ALTER TABLE offers DROP COLUMN remind_at;
DROP POLICY inbox_events_watched ON inbox_events;
DROP FUNCTION souk_watchers;
