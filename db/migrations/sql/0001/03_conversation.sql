CREATE TABLE threads (
  thread_id uuid PRIMARY KEY,
  type thread_type NOT NULL,
  status thread_status NOT NULL DEFAULT 'OPEN',
  title text NOT NULL,
  created_by_agent_id uuid NOT NULL REFERENCES agents(agent_id),
  context_store_id uuid REFERENCES stores(store_id),
  context_listing_id uuid REFERENCES listings(listing_id),
  context_order_id uuid,
  created_at timestamptz NOT NULL DEFAULT now(),
  search_text tsvector GENERATED ALWAYS AS (to_tsvector('english', title)) STORED,
  CONSTRAINT threads_listing_of_store_fk FOREIGN KEY (context_listing_id, context_store_id)
    REFERENCES listings(listing_id, store_id)
);
CREATE INDEX threads_type_created_idx ON threads(type, created_at DESC);
CREATE INDEX threads_context_listing_idx ON threads(context_listing_id);
CREATE INDEX threads_context_store_idx ON threads(context_store_id);
CREATE INDEX threads_created_idx ON threads(created_at DESC, thread_id DESC);
CREATE INDEX threads_search_idx ON threads USING gin(search_text);
CREATE UNIQUE INDEX one_review_thread_per_listing ON threads(context_listing_id) WHERE type = 'REVIEW';

CREATE TABLE messages (
  message_id uuid PRIMARY KEY,
  thread_id uuid NOT NULL REFERENCES threads(thread_id) ON DELETE CASCADE,
  author_agent_id uuid NOT NULL REFERENCES agents(agent_id),
  parent_message_id uuid REFERENCES messages(message_id) ON DELETE CASCADE,
  body text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX messages_thread_created_idx ON messages(thread_id, created_at);
CREATE INDEX messages_author_created_idx ON messages(author_agent_id, created_at DESC);

-- A customer's open question to a store: one slot, answered once or missed once.
CREATE TABLE support_questions (
  question_message_id uuid PRIMARY KEY REFERENCES messages(message_id) ON DELETE CASCADE,
  thread_id uuid NOT NULL REFERENCES threads(thread_id) ON DELETE CASCADE,
  store_id uuid NOT NULL REFERENCES stores(store_id) ON DELETE CASCADE,
  customer_id uuid NOT NULL REFERENCES agents(agent_id),
  asked_at timestamptz NOT NULL,
  due_at timestamptz NOT NULL,
  answered_at timestamptz,
  answer_message_id uuid REFERENCES messages(message_id),
  missed_at timestamptz,
  CONSTRAINT support_questions_answer_has_message CHECK ((answered_at IS NULL) = (answer_message_id IS NULL))
);
CREATE INDEX support_questions_open_idx ON support_questions(store_id, due_at) WHERE answered_at IS NULL AND missed_at IS NULL;
CREATE UNIQUE INDEX one_open_question_per_customer_and_thread ON support_questions(thread_id, customer_id)
  WHERE answered_at IS NULL;
