-- A hidden message keeps its place and everything that followed from it; its words, and those of the review it stands
-- for, lie apart, so no read of messages or reviews can show them, whichever it is.
ALTER TABLE messages ADD COLUMN hidden_at timestamptz;
CREATE TABLE hidden_words (
  message_id uuid PRIMARY KEY REFERENCES messages(message_id) ON DELETE CASCADE,
  body text NOT NULL,
  review_title text,
  review_body text,
  audit_id uuid NOT NULL REFERENCES operator_audit_log(audit_id)
);
REVOKE ALL ON hidden_words FROM souk_api, souk_worker;

-- Hides a message or shows it again, for the operator whose entry in the log was made in this very transaction.
-- False when there is nothing to do.
CREATE FUNCTION souk_hide_message(message uuid, hide boolean, audit uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
  tombstone CONSTANT text := 'This message was hidden by an operator.';
BEGIN
  PERFORM 1 FROM operator_audit_log l
    WHERE l.audit_id = audit AND l.action = CASE WHEN hide THEN 'message.hide' ELSE 'message.show' END
      AND l.meta ->> 'entity' = message::text AND l.key_id = souk_operator() AND l.created_at = now();
  IF NOT FOUND THEN
    RAISE EXCEPTION 'messages are hidden by an operator who has logged the reason' USING ERRCODE = '42501';
  END IF;
  PERFORM 1 FROM messages m WHERE m.message_id = message AND (m.hidden_at IS NULL) = hide FOR UPDATE;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  IF hide THEN
    INSERT INTO hidden_words (message_id, body, review_title, review_body, audit_id)
      SELECT m.message_id, m.body, r.title, r.body, audit
      FROM messages m LEFT JOIN reviews r USING (message_id) WHERE m.message_id = message;
    UPDATE messages m SET body = tombstone, hidden_at = now() WHERE m.message_id = message;
    UPDATE reviews r SET title = NULL, body = tombstone WHERE r.message_id = message;
  ELSE
    UPDATE messages m SET body = w.body, hidden_at = NULL FROM hidden_words w
      WHERE m.message_id = message AND w.message_id = message;
    UPDATE reviews r SET title = w.review_title, body = w.review_body FROM hidden_words w
      WHERE r.message_id = message AND w.message_id = message;
    DELETE FROM hidden_words w WHERE w.message_id = message;
  END IF;
  RETURN true;
END $$;
REVOKE EXECUTE ON FUNCTION souk_hide_message(uuid, boolean, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION souk_hide_message(uuid, boolean, uuid) TO souk_api;
