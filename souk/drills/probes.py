"""Where a canary could come out, and the search for it: every GET, every stream, every refusal, files and tables."""

import base64
import contextlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import httpx
import psycopg
from psycopg import sql

from souk.drills.canaries import BUYER, OBSERVER, RIVAL, SELLER, STRANGER, VIEWERS, Canary, Planted
from souk.stack.errors import StackError
from souk.stack.inherit import inherited

NOBODY = "nobody"
_STREAM_SECONDS = 2.0
_MOST_PAGES = 20


@dataclass(frozen=True, slots=True)
class Hit:
    """A canary where it must not be. Says which kind, never its value."""

    where: str
    viewer: str
    what: str


class Search:
    """All canaries as one pattern each; counts what was read, so that an empty search shows."""

    def __init__(self, canaries: Sequence[Canary]) -> None:
        self._patterns = [(canary, _pattern(canary.text)) for canary in canaries]
        self.hits: set[Hit] = set()
        self.found: set[tuple[str, str]] = set()
        self.found_at: set[tuple[str, str]] = set()
        self.bytes_read = 0
        self.places = 0

    def look(self, where: str, viewer: str, content: bytes) -> None:
        self.places += 1
        self.bytes_read += len(content)
        for canary, pattern in self._patterns:
            if pattern.search(content):
                self.found.add((viewer, canary.what))
                self.found_at.add((viewer, where))
                if viewer not in canary.seen_by:
                    self.hits.add(Hit(where, viewer, canary.what))


def _pattern(text: str) -> re.Pattern[bytes]:
    """A number by itself, not a part of an id or a fraction of a second; a word also as base64, however aligned."""
    raw = text.encode()
    if raw.isdigit():
        return re.compile(rb"(?<![0-9a-f])(?<!:[0-9]{2}\.)" + raw + rb"(?![0-9a-f])")
    forms = {raw, raw.upper()}
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + raw)
        forms.add(encoded[4 if shift else 0 : -4])
    return re.compile(b"|".join(re.escape(form) for form in sorted(forms)))


def reads(planted: Planted, document: dict[str, object], search: Search) -> int:
    """Every GET of the OpenAPI document, as every viewer, with every id there is. Returns how many requests."""
    asked = 0
    for path in list(_get_paths(document)):
        for address in _filled(path, planted):
            for viewer in VIEWERS:
                if path.endswith("/stream"):
                    asked += _stream(planted.clients[viewer], address, viewer, search)
                else:
                    asked += _pages(planted.clients[viewer], address, viewer, search)
    return asked


def _get_paths(document: dict[str, object]) -> Iterator[str]:
    paths = document["paths"]
    assert isinstance(paths, dict)
    return (path for path, methods in sorted(paths.items()) if "get" in methods)


def _filled(path: str, planted: Planted) -> list[str]:
    """The path with each id of its parameter. A parameter nobody knows ids for stops the drill."""
    found = "/".join(re.findall(r"{(\w+)}", path))
    if not found:
        return [path + "?q=cage" if path == "/v1/search" else path]
    known = {**planted.ids, "code": ["offer.not_your_turn"]}.get(found)
    if not known:
        raise StackError(f"the leak drill knows no id for {path}: teach souk/drills/canaries.py to make one")
    slot = "/".join(f"{{{name}}}" for name in found.split("/"))
    return [path.replace(slot, value) for value in known]


def _pages(client: httpx.Client, address: str, viewer: str, search: Search) -> int:
    query: dict[str, str] = {}
    for page in range(1, _MOST_PAGES + 1):
        joined = address + (("&" if "?" in address else "?") + urlencode(query) if query else "")
        answer = client.get(joined)
        search.look(f"GET {address}", viewer, answer.content + repr(answer.headers.raw).encode())
        cursor = None
        if "json" in answer.headers.get("content-type", "") and answer.is_success:
            body = answer.json()
            cursor = body.get("next_cursor") if isinstance(body, dict) else None
        if not cursor:
            return page
        query = {"cursor": cursor}
    return _MOST_PAGES


def _stream(client: httpx.Client, address: str, viewer: str, search: Search) -> int:
    """A stream from just after its first event, until it falls silent."""
    oldest = client.get(address.removesuffix("/stream"), params={"order": "oldest", "limit": 1})
    search.look(f"GET {address}", viewer, oldest.content)
    cursor = oldest.json().get("next_cursor")
    got = b""
    after = {"after": cursor} if cursor else {}
    with (
        contextlib.suppress(httpx.ReadTimeout),  # silence is how a reading ends
        client.stream("GET", address, params=after, timeout=_STREAM_SECONDS) as answer,
    ):
        for chunk in answer.iter_bytes():
            got += chunk
    search.look(f"GET {address}", viewer, got)
    return 2


def provoke(planted: Planted, search: Search) -> int:
    """Every refusal a prober can get about offers that are not its own, or are at a limit. Returns how many."""
    asked = 0
    for offer_id in planted.ids["offer_id"]:
        path = f"/v1/offers/{offer_id}"
        calls: list[tuple[str, dict[str, object]]] = [
            (f"{path}/accept", {"round": 1}),
            (f"{path}/accept", {"round": 99}),
            (f"{path}/reject", {}),
            (f"{path}/withdraw", {}),
            (f"{path}/counter", {"proposed_price_cents": 1}),
            (f"{path}/counter", {"proposed_price_cents": "all of it"}),
            ("/v1/orders", {"offer_id": offer_id}),
            ("/v1/offer-references", {"offer_id": offer_id, "thread_id": planted.ids["thread_id"][0]}),
        ]
        for viewer in (OBSERVER, STRANGER, RIVAL):
            for address, body in calls:
                answer = planted.clients[viewer].post(address, json=body)
                search.look(f"POST {address}", viewer, answer.content)
                asked += 1
    asked += _at_the_limits(planted, search)
    return asked


def _at_the_limits(planted: Planted, search: Search) -> int:
    """The other party bumps into limits it may not know of; its own refusals must not tell them."""
    listing_id, offer_id = planted.ids["listing_id"][0], planted.standing_offer
    calls = [
        (SELLER, f"/v1/offers/{offer_id}/counter", {"proposed_price_cents": 1}),
        (SELLER, f"/v1/offers/{offer_id}/withdraw", {}),
        (BUYER, "/v1/offers", {"listing_id": listing_id, "proposed_price_cents": 1}),
        (BUYER, f"/v1/offers/{offer_id}/accept", {"round": 1}),
        (BUYER, f"/v1/offers/{offer_id}/counter", {"proposed_price_cents": 2}),
        (STRANGER, "/v1/offers", {"listing_id": listing_id, "proposed_price_cents": 1}),
        (STRANGER, "/v1/orders", {"listing_id": listing_id}),
    ]
    for viewer, address, body in calls:
        answer = planted.clients[viewer].post(address, json=body)
        search.look(f"POST {address}", viewer, answer.content)
    return len(calls)


def files(folder: Path, patterns: Sequence[str], search: Search) -> int:
    """Raw bytes of files: logs, and Temporal's database with its journal."""
    found = sorted({file for pattern in patterns for file in folder.glob(pattern)})
    for file in found:
        search.look(f"file {file.name}", NOBODY, file.read_bytes())
    return len(found)


def histories(address: str, namespace: str, process_ids: Sequence[str], search: Search) -> None:
    """What ``temporal workflow show`` prints without the codec."""
    program = str(Path(sys.executable).parent / "temporal")
    where = ("--address", address, "--namespace", namespace)
    for process_id in process_ids:
        for output in ("text", "json"):
            shown = subprocess.run(
                [program, "workflow", "show", *where, "--workflow-id", process_id, "--output", output],
                check=True,
                capture_output=True,
                env=inherited(drop=("TEMPORAL_", "SOUK_")),
            )  # fmt: skip
            search.look(f"temporal workflow show {process_id.split('/')[0]}", NOBODY, shown.stdout)


def tables(url: str, search: Search, viewer: str, agent_id: str | None) -> int:
    """Every column the API's role can read, for nobody as the viewer or for a stranger. Returns how many tables."""
    readable = 0
    with psycopg.connect(url) as connection:
        names = connection.execute(
            "SELECT c.relname, array_agg(a.attname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
            " WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p', 'v', 'm')"
            " AND has_column_privilege(current_user, c.oid, a.attnum, 'SELECT') GROUP BY c.relname"
        ).fetchall()
        connection.execute("SELECT set_config('souk.viewer', %s, true)", [agent_id or ""])
        # Whoever watches its inbox, and nothing else, is named to the database for all streams at once.
        watchers = f"{{{agent_id}}}" if agent_id else ""
        connection.execute("SELECT set_config('souk.watchers', %s, true)", [watchers])
        for name, columns in names:
            shown = sql.SQL(", ").join(map(sql.Identifier, columns))
            query = sql.SQL("SELECT row_to_json(t)::text FROM (SELECT {} FROM {}) t").format(
                shown, sql.Identifier(name)
            )
            rows = connection.execute(query).fetchall()
            search.look(f"table {name}", viewer, json.dumps([row[0] for row in rows]).encode())
            readable += 1
    return readable
