ALTER TABLE threads ALTER COLUMN search_text SET EXPRESSION AS (to_tsvector('english', title));
ALTER TABLE stores ALTER COLUMN search_text SET EXPRESSION AS (
  to_tsvector('english', name || ' ' || coalesce(tagline, '') || ' ' || coalesce(brand_voice, '')));
ALTER TABLE products ALTER COLUMN search_text SET EXPRESSION AS (
  setweight(to_tsvector('english', title), 'A') || setweight(to_tsvector('english', description), 'B'));
DROP FUNCTION souk_coverage(tsvector, tsquery[]);
DROP FUNCTION souk_search_query(tsquery[]);
DROP FUNCTION souk_search_words(text);
DROP FUNCTION souk_learn_words();
DROP TABLE search_words_read;
DROP TABLE search_words;
DROP FUNCTION souk_search_document(text);
DROP FUNCTION souk_parts(text);
DROP FUNCTION souk_pairs(text);
DROP FUNCTION souk_fold(text);
DROP EXTENSION pg_trgm;
DROP EXTENSION unaccent;
