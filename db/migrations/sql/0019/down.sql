DROP FUNCTION souk_api_beats;
DROP VIEW operator_extended_dates;
DROP TABLE extended_dates, outages, heartbeats;
