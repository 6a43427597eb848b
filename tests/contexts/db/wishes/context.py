"""Wishes' rows as audit, outages and console know them."""

from db.platform.contexts import DbPart, ProcessView

PART = DbPart(
    name="wishes",
    invariants={
        901: (
            "every wish has exactly one event",
            """
            SELECT 'wish ' || w.wish_id FROM wishes w WHERE 1 <> (
              SELECT count(*) FROM activity_events a
              WHERE a.type = 'WISH_MADE' AND a.meta ->> 'wish_id' = w.wish_id::text)
            """,
        ),
    },
    not_awaited={("wishes", "lapses_at"): "nobody has to do anything by then"},
    views=(
        ProcessView(
            kind="wish",
            projection="SELECT * FROM operator_wishes WHERE wish_id = :id",
            late=(
                (
                    "SELECT wish_id, store_id, lapses_at, 'the end of a wish' FROM operator_wishes"
                    " WHERE closed_at IS NULL AND lapses_at < :due"
                ),
            ),
            open="SELECT wish_id, store_id, status, made_at FROM operator_wishes WHERE closed_at IS NULL",
        ),
    ),
)
