-- Orders that only a checkout session entitled to lose their evidence: what it referred to is gone.
ALTER TABLE interaction_evidence DROP COLUMN checkout_id;
DELETE FROM interaction_evidence WHERE type = 'CHECKOUT_SESSION';
ALTER TYPE interaction_type RENAME TO interaction_type_0004;
CREATE TYPE interaction_type AS ENUM ('QUESTION_POSTED', 'OFFER_MADE', 'LOOKING_FOR_PARTICIPATION');
ALTER TABLE interaction_evidence ALTER COLUMN type TYPE interaction_type USING type::text::interaction_type;
DROP TYPE interaction_type_0004;
DROP INDEX idempotency_records_personal_idx;
DROP FUNCTION souk_find_discounts;
DROP TABLE simulation_items, address_book, checkout_payments, checkout_lines, checkouts, carts, shipping_promotions,
  shipping_rates, store_discounts, checkout_platforms;
ALTER TABLE orders DROP COLUMN charged_cents;
