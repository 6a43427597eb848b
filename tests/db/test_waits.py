"""No date is forgotten: each date column is moved by outages, says when something was, or says why not."""

import psycopg

from config.contexts import CONTEXTS
from db.platform.contexts import DbParts
from db.platform.waiting import MOMENTS
from db.platform.waiting import NOT_AWAITED as OWN

PARTS = DbParts(CONTEXTS)
WAITS = PARTS.waits
NOT_AWAITED = {**OWN, **PARTS.not_awaited}

_DATES = """
SELECT table_name, column_name FROM information_schema.columns JOIN information_schema.tables USING (table_name)
WHERE columns.table_schema = 'public' AND table_type = 'BASE TABLE' AND data_type LIKE 'timestamp%%'
  AND table_name NOT LIKE 'activity_events\\_%%'
"""


def test_every_date_is_moved_by_outages_or_says_why_not(owner_url: str) -> None:
    with psycopg.connect(owner_url) as connection:
        dates = set(connection.execute(_DATES.replace("%%", "%")).fetchall())
    moved = frozenset().union(*(wait.columns for wait in WAITS))
    told = {date for date in dates if date[1] in MOMENTS} - moved
    unexplained = dates - moved - told - NOT_AWAITED.keys()
    assert not unexplained, f"add a Wait or a reason in db/*/waits.py: {sorted(unexplained)}"
    assert (moved | NOT_AWAITED.keys()) <= dates, "a column that is not there"
    assert not moved & NOT_AWAITED.keys()


def test_waits_have_names_of_their_own_and_one_each() -> None:
    assert len({wait.name for wait in WAITS}) == len(WAITS)
    assert len({(wait.table, wait.date) for wait in WAITS}) == len(WAITS)
