-- A process of the API that serves many open inboxes asks once for all of them who got something. It names their
-- agents with set_config('souk.watchers', …, true), each of whom has shown its key; others' rows stay hidden.
-- Over inbox_events_position_idx that question costs what is new, however many watch.
CREATE FUNCTION souk_watchers() RETURNS uuid[] LANGUAGE sql STABLE AS
  $$ SELECT nullif(current_setting('souk.watchers', true), '')::uuid[] $$;
CREATE POLICY inbox_events_watched ON inbox_events FOR SELECT TO souk_api
  USING (agent_id = ANY ((SELECT souk_watchers())::uuid[]));

-- When somebody is next to be reminded of this row's date; null once that was done, or when it never is.
ALTER TABLE offers ADD COLUMN remind_at timestamptz;
ALTER TABLE review_windows ADD COLUMN remind_at timestamptz;
ALTER TABLE support_questions ADD COLUMN remind_at timestamptz;
