DROP VIEW operator_owed_refunds, operator_checkouts;
