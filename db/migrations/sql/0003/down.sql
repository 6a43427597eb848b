DROP VIEW operator_webhooks;
DROP TABLE webhook_dead_letters, webhook_endpoints;
