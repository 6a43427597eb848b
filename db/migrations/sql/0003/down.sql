DROP VIEW operator_webhooks;
DROP TABLE webhook_dead_letters, webhook_endpoints;
DROP INDEX inbox_events_position_idx;
