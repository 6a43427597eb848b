"""The plans Postgres really uses for every read of the API: by ``auto_explain``, for the API's own role.

Nothing is guessed: the API is started anew with the module loaded into its sessions, every GET route is asked, with
ids that exist and every filter, and the server's log is read. A scan of a whole table counts when the table is large.
"""

import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg
from psycopg import sql

from souk.bench.reads import acquaint, reads
from souk.bench.results import FOLDER
from souk.drills.stack import DrillStack

PLANS_FILE = FOLDER / "plans.json"
LARGE_ROWS = 20_000
_TELL_EVERY = 20
_PLAN = re.compile(r"duration: [\d.]+ ms  plan:\n\t(\{.*?\n\t\})\n", re.DOTALL)
_SETTINGS = {
    "session_preload_libraries": "auto_explain",
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_format": "json",
    "auto_explain.log_analyze": "on",
    "auto_explain.log_timing": "off",
    "auto_explain.log_parameter_max_length": "0",
    "auto_explain.log_level": "log",
}
# Once as a driver's own plan, then as often as it takes until it prepares the statement and Postgres may choose a
# generic one.
_TIMES = 12
_SECONDS = 20.0
"""After so long a read is not asked again: a slow one is found out by its first answers."""


@dataclass(slots=True)
class Plans:
    """By read, the tables its statements touch, and how.

    ``scans`` are those of whole large tables; ``many_rows`` plans that read as many rows as a large table has. A read
    with neither is ``flat``: what it touches does not grow with the market.
    """

    routes: dict[str, list[str]] = field(default_factory=dict)
    scans: dict[str, list[str]] = field(default_factory=dict)
    many_rows: dict[str, list[str]] = field(default_factory=dict)
    milliseconds: dict[str, float] = field(default_factory=dict)

    @property
    def summary(self) -> str:
        many = sorted(self.many_rows.keys() - self.scans.keys())
        found = f"{len(self.routes)} reads explained, {len(self.flat)} flat, {len(self.scans)} scan a whole large table"
        found += f" ({'; '.join(self.scans)})" if self.scans else ""
        found += f", {len(many)} read {LARGE_ROWS:,} rows or more by an index"
        return found + (f" ({'; '.join(many)})" if many else "")

    @property
    def flat(self) -> list[str]:
        return sorted(self.routes.keys() - self.scans.keys() - self.many_rows.keys())

    def keep(self, path: Path = PLANS_FILE) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = {
            "large_rows": LARGE_ROWS, "scans": self.scans, "many_rows": self.many_rows, "flat": self.flat,
            "slowest_ms": self.milliseconds, "reads": self.routes,
        }  # fmt: skip
        path.write_text(json.dumps(kept, indent=1) + "\n")


def explain_reads(stack: DrillStack, tell: Callable[[str], None]) -> Plans:
    """Ask every read of the stack's API and collect the plans. The API is restarted twice. From the main thread."""
    url = stack.settings.database_url
    with psycopg.connect(url, autocommit=True) as owner:
        found = owner.execute(
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND reltuples >= %s", [LARGE_ROWS]
        )
        large = {row[0] for row in found}
        for name, value in _SETTINGS.items():
            owner.execute(sql.SQL("ALTER ROLE souk_api SET {} = {}").format(sql.SQL(name), sql.Literal(value)))
        ids, viewers = acquaint(owner)
    _restart_api(stack)
    plans = Plans()
    try:
        for name, viewer, path in reads(stack.api, ids, viewers):
            at = _log_of(stack).stat().st_size
            plans.milliseconds[name] = _ask(stack.api, path, viewers[viewer])
            if len(plans.milliseconds) % _TELL_EVERY == 0:
                tell(f"  {len(plans.milliseconds)} reads asked")
            with _log_of(stack).open("rb") as written:
                written.seek(at)
                _read_log(written.read().decode(errors="replace"), name, large, plans)
    finally:
        with psycopg.connect(url, autocommit=True) as owner:
            owner.execute("ALTER ROLE souk_api RESET ALL")
        _restart_api(stack)
    return plans


def _log_of(stack: DrillStack) -> Path:
    return stack.logs / "postgres.log"


def _restart_api(stack: DrillStack) -> None:
    stack.parts["api"].stop()
    stack.parts["api"].restart()
    stack.wait_ready()


def _ask(api: str, path: str, headers: dict[str, str]) -> float:
    """The slowest answer's milliseconds."""
    slowest, begun = 0.0, time.monotonic()
    with httpx.Client(base_url=api, timeout=120, trust_env=False, headers=headers) as client:
        for _ in range(_TIMES):
            started = time.monotonic()
            client.get(path)
            slowest = max(slowest, time.monotonic() - started)
            if time.monotonic() - begun > _SECONDS:
                break
    return round(slowest * 1000, 1)


def _read_log(text: str, name: str, large: set[str], plans: Plans) -> None:
    for found in _PLAN.finditer(text):
        plan = json.loads(found[1].replace("\n\t", "\n"))
        for node in _nodes(plan["Plan"]):
            relation = node.get("Relation Name")
            if relation is None:
                continue
            how = f"{relation}: {node['Node Type']}" + (f" {node['Index Name']}" if "Index Name" in node else "")
            _once(plans.routes.setdefault(name, []), how)
            read = node.get("Actual Rows", 0) * node.get("Actual Loops", 1) + node.get("Rows Removed by Filter", 0)
            if relation in large and node["Node Type"] == "Seq Scan" and node.get("Actual Loops", 1):
                _once(plans.scans.setdefault(name, []), f"{relation}: {' '.join(plan['Query Text'].split())[:300]}")
            elif read >= LARGE_ROWS:
                _once(plans.many_rows.setdefault(name, []), f"{how}: {read:,.0f} rows")


def _once(where: list[str], what: str) -> None:
    if what not in where:
        where.append(what)


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from _nodes(child)
