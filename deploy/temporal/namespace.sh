#!/bin/sh
# Makes the namespace and Souk's search attributes where they are missing. Doing it again changes nothing.
set -eu

attempt=0
until temporal operator cluster health >/dev/null 2>&1; do
    attempt=$((attempt + 1))
    if [ "$attempt" -ge 60 ]; then
        echo "Temporal at $TEMPORAL_ADDRESS does not answer" >&2
        exit 1
    fi
    sleep 1
done

if ! temporal operator namespace describe --namespace "$SOUK_NAMESPACE" >/dev/null 2>&1; then
    temporal operator namespace create --namespace "$SOUK_NAMESPACE" --retention "$SOUK_RETENTION"
fi

# A new namespace is known to the whole server only after its cache was refreshed.
attempt=0
until temporal operator search-attribute create --namespace "$SOUK_NAMESPACE" \
    --name StoreId --type Keyword --name ListingId --type Keyword --name State --type Keyword; do
    attempt=$((attempt + 1))
    [ "$attempt" -lt 30 ] || exit 1
    sleep 1
done
echo "namespace $SOUK_NAMESPACE is ready"
