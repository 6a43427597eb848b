#!/bin/sh
# Backs the market up every SOUK_BACKUP_MINUTES into SOUK_BACKUP_DIR, and keeps the newest SOUK_BACKUPS_KEPT of them.
# A backup that fails ends this, so that whatever runs it shows it and starts it again.
set -eu
umask 077
trap 'exit 0' TERM INT

backups() {
    find "$SOUK_BACKUP_DIR" -mindepth 1 -maxdepth 1 -name 'souk-*Z' "$@"
}

while :; do
    if [ -z "$(backups -mmin "-$SOUK_BACKUP_MINUTES")" ]; then
        rm -rf "$SOUK_BACKUP_DIR"/souk-*.part # of a backup that was ended half way
        souk backup "$SOUK_BACKUP_DIR/souk-$(date -u +%Y%m%dT%H%M%SZ)" --database "$SOUK_DATABASE_URL"
        backups | sort -r | tail -n "+$((SOUK_BACKUPS_KEPT + 1))" | while read -r old; do rm -rf "$old"; done
    fi
    sleep 30 &
    wait $!
done
