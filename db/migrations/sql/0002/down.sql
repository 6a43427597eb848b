DROP INDEX activity_events_order_idx, operator_audit_log_created_idx;
DROP FUNCTION souk_reveal_terms;
DROP VIEW offer_reference_states, operator_holds, operator_orders, operator_offers, operator_negotiations;
DROP FUNCTION souk_operator;
