-- What is searched and what is looked for pass through the same functions, so that they meet. Both extensions are
-- trusted: the database's owner may create them.
CREATE EXTENSION IF NOT EXISTS unaccent;
CREATE EXTENSION IF NOT EXISTS pg_trgm;

-- Lower case, without accents and compatibility forms: cafe creme, strauss, iphone 15. Immutable as long as the
-- dictionary of unaccent is, whose rules are Postgres' own.
CREATE FUNCTION souk_fold(said text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN lower(public.unaccent('public.unaccent'::regdictionary, normalize(said, NFKC)));

-- Chinese, Japanese and Korean put no blanks between words: every two neighbours count as one.
CREATE FUNCTION souk_pairs(folded text) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN coalesce((
  SELECT array_agg(DISTINCT substr(run, place, 2))
  FROM regexp_matches(folded, '([\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7af]{2,})', 'g') found(runs),
    unnest(runs) run, generate_series(1, length(run) - 1) place
), '{}');

-- iphone15 is found by iphone and by 15 as well as by itself.
CREATE FUNCTION souk_parts(folded text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN folded || ' ' || regexp_replace(
  regexp_replace(folded, '([[:alpha:]])([[:digit:]])', '\1 \2', 'g'), '([[:digit:]])([[:alpha:]])', '\1 \2', 'g');

CREATE FUNCTION souk_search_document(said text) RETURNS tsvector LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN to_tsvector('english'::regconfig, souk_parts(souk_fold(said))) || array_to_tsvector(souk_pairs(souk_fold(said)));

-- Words of merchants' titles and names, by which a misspelt one is put right. What anybody says in a thread teaches none.
CREATE TABLE search_words (word text PRIMARY KEY CHECK (length(word) BETWEEN 4 AND 40));
CREATE INDEX search_words_trigrams_idx ON search_words USING gin (word gin_trgm_ops);
CREATE TABLE search_words_read (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  read_until timestamptz NOT NULL
);
INSERT INTO search_words_read (read_until) VALUES ('-infinity');
GRANT SELECT ON search_words TO souk_api, souk_worker;
GRANT INSERT ON search_words TO souk_worker;
GRANT SELECT, UPDATE ON search_words_read TO souk_worker;

-- Run by every sweep. Rows whose transaction ends late are read again for ten minutes.
CREATE FUNCTION souk_learn_words() RETURNS integer LANGUAGE sql
BEGIN ATOMIC
  WITH before AS (SELECT read_until FROM search_words_read FOR UPDATE),
  said AS (
    SELECT title FROM products, before WHERE updated_at > read_until - interval '10 minutes'
    UNION ALL SELECT name FROM stores, before WHERE updated_at > read_until - interval '10 minutes'
  ),
  words AS (
    SELECT DISTINCT word FROM said, regexp_split_to_table(souk_parts(souk_fold(title)), '[^[:alpha:]]+') word
    WHERE length(word) BETWEEN 4 AND 40
  ),
  marked AS (UPDATE search_words_read SET read_until = now()),
  learned AS (INSERT INTO search_words SELECT word FROM words ORDER BY word ON CONFLICT DO NOTHING RETURNING 1)
  SELECT count(*)::integer FROM learned;
END;

-- One query per word of what is looked for, for the first sixteen words and pairs: each costs a look at the words that
-- are known, and a comparison with each hit. A word that nobody has used stands for the three it looks most like.
CREATE FUNCTION souk_search_words(said text) RETURNS tsquery[] LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET pg_trgm.similarity_threshold = 0.4
RETURN coalesce((
  SELECT array_agg(query) FROM (
    SELECT DISTINCT coalesce(
      (SELECT string_agg(quote_literal(lexeme), ' | ')::tsquery
       FROM (SELECT known.word FROM search_words known WHERE known.word % asked.word
             ORDER BY similarity(known.word, asked.word) DESC, known.word LIMIT 3) alike,
         unnest(tsvector_to_array(to_tsvector('english'::regconfig, alike.word))) lexeme
       WHERE length(asked.word) BETWEEN 4 AND 40
         AND NOT EXISTS (SELECT 1 FROM search_words used WHERE used.word = asked.word)),
      asked.own) AS query
    FROM (
      (SELECT word, quote_literal(lexeme)::tsquery AS own
       FROM regexp_split_to_table(
           regexp_replace(regexp_replace(souk_fold(said), '([[:alpha:]])([[:digit:]])', '\1 \2', 'g'),
             '([[:digit:]])([[:alpha:]])', '\1 \2', 'g'), '[^[:alnum:]]+') WITH ORDINALITY words(word, place),
         unnest(tsvector_to_array(to_tsvector('english'::regconfig, word))) lexeme
       ORDER BY place LIMIT 16)
      UNION (SELECT pair, quote_literal(pair)::tsquery FROM unnest(souk_pairs(souk_fold(said))) pair LIMIT 16)
    ) asked
  ) queries
  WHERE numnode(query) > 0
), '{}');

CREATE FUNCTION souk_search_query(words tsquery[]) RETURNS tsquery LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN coalesce((SELECT string_agg('(' || word::text || ')', ' | ')::tsquery FROM unnest(words) word), ''::tsquery);

-- The share of the words that a document holds, from 0 to 1.
CREATE FUNCTION souk_coverage(document tsvector, words tsquery[]) RETURNS double precision
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  word tsquery;
  held integer := 0;
BEGIN
  -- A loop: for each of many hits it costs a tenth of a query over the words.
  FOREACH word IN ARRAY words LOOP
    IF document @@ word THEN held := held + 1; END IF;
  END LOOP;
  RETURN held / greatest(1, cardinality(words))::double precision;
END $$;
