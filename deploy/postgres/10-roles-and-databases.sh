#!/bin/sh
# Runs once, when Postgres makes its cluster: the roles and databases of Souk and of Temporal.
#
# souk        owns Souk's schema and migrates it; CREATEROLE, so that a migration can make roles
# souk_api    what the API logs in as; owns nothing, row-level security applies to it
# souk_worker what the worker logs in as
# temporal    owns Temporal's two databases
#
# `souk migrate` would make souk_api and souk_worker with the owner's password. Here each has its own, so
# that the API does not hold the owner's.
set -eu

psql --no-psqlrc --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres <<'SQL'
\getenv souk_password SOUK_DB_PASSWORD
\getenv api_password SOUK_API_DB_PASSWORD
\getenv worker_password SOUK_WORKER_DB_PASSWORD
\getenv temporal_password TEMPORAL_DB_PASSWORD
CREATE ROLE souk LOGIN CREATEROLE PASSWORD :'souk_password';
CREATE ROLE souk_api LOGIN PASSWORD :'api_password';
CREATE ROLE souk_worker LOGIN PASSWORD :'worker_password';
CREATE ROLE temporal LOGIN PASSWORD :'temporal_password';
CREATE DATABASE souk OWNER souk;
CREATE DATABASE temporal OWNER temporal;
CREATE DATABASE temporal_visibility OWNER temporal;
REVOKE CONNECT, TEMPORARY ON DATABASE souk, temporal, temporal_visibility FROM PUBLIC;
GRANT CONNECT ON DATABASE souk TO souk_api, souk_worker;
SQL
