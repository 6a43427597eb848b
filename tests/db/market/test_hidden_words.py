"""A review's words are hidden with its message's and come back, by the function and on the way back of its revision."""

from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from db.platform.ids import new_id
from tests.db.rows import Rows

Place = tuple[UUID, UUID, UUID]
[FORWARD] = (Path(__file__).parents[3] / "db" / "migrations" / "sql").glob("*/hidden_messages.sql")
TOMBSTONE = "This message was hidden by an operator."


def _entry(rows: Rows, message: UUID, action: str) -> UUID:
    key, audit = new_id(), new_id()
    rows.insert("api_keys", key_id=key, kind="OPERATOR", secret_hash=key.bytes)
    rows.run("SELECT set_config('souk.operator', %s, true)", str(key))
    meta = psycopg.types.json.Jsonb({"entity": str(message)})
    rows.insert("operator_audit_log", audit_id=audit, key_id=key, action=action, reason="Ticket 1", meta=meta)
    return audit


def _set(rows: Rows, message: UUID, *, hide: bool, audit: UUID) -> bool:
    row = rows.connection.execute("SELECT souk_hide_message(%s, %s, %s)", (message, hide, audit)).fetchone()
    assert row is not None
    return bool(row[0])


def _words(rows: Rows, message: UUID) -> list[tuple[object, ...]]:
    query = (
        "SELECT m.body, m.hidden_at IS NOT NULL, r.title, r.body, r.rating FROM messages m LEFT JOIN reviews r"
        " USING (message_id) WHERE message_id = %s"
    )
    return rows.connection.execute(query, (message,)).fetchall()


@pytest.fixture
def reviewed(rows: Rows, place: Place) -> UUID:
    listing, store, buyer = place
    _, message = rows.message(buyer)
    order = rows.order(listing, store, buyer, status="DELIVERED", delivered_at=rows.now)
    rows.insert("reviews", **rows.review_values(order, buyer, message_id=message, title="Bright"))
    return message


def test_a_review_is_hidden_with_its_message(rows: Rows, reviewed: UUID) -> None:
    before = _words(rows, reviewed)
    assert before == [("A message", False, "Bright", "Fine", 5)]
    hide = _entry(rows, reviewed, "message.hide")
    assert _set(rows, reviewed, hide=True, audit=hide)
    assert not _set(rows, reviewed, hide=True, audit=hide)
    assert _words(rows, reviewed) == [(TOMBSTONE, True, None, TOMBSTONE, 5)]
    # An entry for hiding shows nothing, nor does one for another message.
    for audit in (hide, _entry(rows, new_id(), "message.show")):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), rows.connection.transaction():
            _set(rows, reviewed, hide=False, audit=audit)
    show = _entry(rows, reviewed, "message.show")
    assert _set(rows, reviewed, hide=False, audit=show)
    assert not _set(rows, reviewed, hide=False, audit=show)
    assert _words(rows, reviewed) == before


def test_without_the_revision_hidden_words_are_shown(rows: Rows, reviewed: UUID) -> None:
    _set(rows, reviewed, hide=True, audit=_entry(rows, reviewed, "message.hide"))
    rows.connection.execute(FORWARD.with_name("down.sql").read_bytes())
    found = rows.connection.execute(
        "SELECT m.body, r.title, r.body FROM messages m JOIN reviews r USING (message_id) WHERE message_id = %s",
        (reviewed,),
    ).fetchall()
    assert found == [("A message", "Bright", "Fine")]
