#!/bin/sh
# Prints a .env with fresh random secrets:  sh deploy/new-env.sh > .env
set -eu
umask 077

for name in POSTGRES_PASSWORD TEMPORAL_DB_PASSWORD SOUK_DB_PASSWORD SOUK_API_DB_PASSWORD SOUK_WORKER_DB_PASSWORD; do
    echo "$name=$(openssl rand -hex 32)"
done
echo "SOUK_PAYLOAD_KEYS=k1:$(openssl rand -base64 32)"
echo "SOUK_CREDENTIAL_SECRET=$(openssl rand -base64 32)"
echo "SOUK_UCP_SIGNING_KEYS=$(openssl rand -base64 32)"
