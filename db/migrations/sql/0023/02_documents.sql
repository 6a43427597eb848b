ALTER TABLE products ALTER COLUMN search_text SET EXPRESSION AS (
  setweight(souk_search_document(title), 'A') || setweight(souk_search_document(description), 'B'));
ALTER TABLE stores ALTER COLUMN search_text SET EXPRESSION AS (
  setweight(souk_search_document(name), 'A')
  || setweight(souk_search_document(coalesce(tagline, '') || ' ' || coalesce(brand_voice, '')), 'B'));
ALTER TABLE threads ALTER COLUMN search_text SET EXPRESSION AS (souk_search_document(title));
SELECT souk_learn_words();
