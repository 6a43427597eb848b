-- What was hidden is shown again: without this revision nothing could.
UPDATE messages m SET body = w.body FROM hidden_words w WHERE w.message_id = m.message_id;
UPDATE reviews r SET title = w.review_title, body = w.review_body FROM hidden_words w WHERE w.message_id = r.message_id;
DROP FUNCTION souk_hide_message;
DROP TABLE hidden_words;
ALTER TABLE messages DROP COLUMN hidden_at;
