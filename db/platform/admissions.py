"""Who calls and how often, for many requests in one statement: owners of keys, and the rate limits' windows.

A fixed window is a row of one unlogged table. Counting and reading is one statement, so of any parallel burst
exactly as many pass as the window has left. It commits by itself and waits for no disk: the statement says so for
its own transaction, as a pooler hands a session's settings to whoever comes next.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from db.platform.keys import KeyOwner, touch_agents
from db.platform.tables import ApiKeyKind
from db.platform.transactions import Asks
from domain.platform.identity import AgentType

AGENT = "{agent}"
"""Stands for the agent's id in the name of a window that each agent has."""

# A hash is compared, not a secret: how long it takes tells nothing that could be used.
# Rows are taken in the order of their keys, so two callers that share two of them never wait for each other.
_ADMIT = """
WITH owner AS MATERIALIZED (
  SELECT presented.*, k.kind::text, k.agent_id, a.agent_type::text
  FROM unnest(%(key_ids)s::uuid[], %(hashes)s::bytea[], %(key_hits)s::int[]) AS presented(key_id, secret_hash, hits)
  JOIN api_keys k ON k.key_id = presented.key_id AND k.secret_hash = presented.secret_hash AND k.revoked_at IS NULL
  LEFT JOIN agents a ON a.agent_id = k.agent_id
), hit AS (
  SELECT key, max(seconds) AS seconds, sum(hits)::int AS hits FROM (
    SELECT * FROM unnest(%(windows)s::text[], %(seconds)s::float[], %(hits)s::int[]) AS named(key, seconds, hits)
    UNION ALL
    SELECT replace(%(agent_window)s, '{agent}', agent_id::text), %(agent_seconds)s, hits FROM owner
    WHERE agent_id IS NOT NULL
  ) AS every GROUP BY key
), counted AS (
  INSERT INTO rate_limit_windows AS w (key, count, expires_at)
  SELECT key, hits, clock_timestamp() + make_interval(secs => seconds)
  FROM hit CROSS JOIN set_config('synchronous_commit', 'off', true) ORDER BY key
  ON CONFLICT (key) DO UPDATE SET
    count = CASE WHEN w.expires_at <= clock_timestamp() THEN excluded.count ELSE w.count + excluded.count END,
    expires_at = CASE WHEN w.expires_at <= clock_timestamp() THEN excluded.expires_at ELSE w.expires_at END
  RETURNING key, count, extract(epoch FROM expires_at - clock_timestamp())::float AS seconds_left
)
SELECT counted.key, counted.count, counted.seconds_left, NULL, NULL, NULL, NULL, NULL FROM counted
UNION ALL
SELECT NULL, NULL, NULL, key_id, secret_hash, kind, agent_id, agent_type FROM owner
"""


@dataclass(frozen=True, slots=True)
class Window:
    """A counter after a hit."""

    count: int
    seconds_left: float


@dataclass(frozen=True, slots=True)
class Visit:
    """One request: the id of the key it shows with its secret's hash, and windows it counts in, with their seconds."""

    windows: Mapping[str, int]
    key: tuple[UUID, bytes] | None = None


@dataclass(frozen=True, slots=True)
class Admitted:
    """Whose key it is, None for no key and for a wrong or revoked one; each of the visit's windows with it counted."""

    owner: KeyOwner | None
    windows: list[Window]
    agent_window: Window | None


async def admit(asks: Asks, visits: Sequence[Visit], agent_window: str, agent_seconds: int) -> list[Admitted]:
    """Count visits, each once, in the windows they name and in ``agent_window`` of the agent whose key they show.

    Visits of one window get its counts in their order, as if each had come by itself. Agents whose window begins
    are noted as active.
    """
    keys = Counter(visit.key for visit in visits if visit.key is not None)
    seconds = {window: length for visit in visits for window, length in visit.windows.items()}
    hits = Counter(window for visit in visits for window in visit.windows)
    rows = await asks.run(
        _ADMIT,
        {
            "key_ids": [key_id for key_id, _ in keys],
            "hashes": [secret_hash for _, secret_hash in keys],
            "key_hits": list(keys.values()),
            "windows": list(hits),
            "seconds": [float(seconds[window]) for window in hits],
            "hits": list(hits.values()),
            "agent_window": agent_window,
            "agent_seconds": float(agent_seconds),
        },
    )
    counted: dict[str, tuple[int, float]] = {}
    owners: dict[tuple[UUID, bytes], KeyOwner] = {}
    for row in rows:
        if row[0] is not None:
            counted[row[0]] = row[1], max(0.0, row[2])
        else:
            owners[row[3], row[4]] = _owner(*row[3:])
    found = [None if visit.key is None else owners.get(visit.key) for visit in visits]
    agents = [
        agent_window.replace(AGENT, str(owner.agent_id)) if owner is not None and owner.agent_id is not None else None
        for owner in found
    ]
    hits.update(window for window in agents if window is not None)
    of_agents = {name: owner.agent_id for owner, name in zip(found, agents, strict=True) if owner and name}
    await touch_agents(asks, {agent for name, agent in of_agents.items() if agent and counted[name][0] == hits[name]})
    shares = _Shares(counted, hits)
    return [
        Admitted(owner, [shares.next_of(name) for name in visit.windows], shares.next_of(agent) if agent else None)
        for visit, owner, agent in zip(visits, found, agents, strict=True)
    ]


def _owner(key_id: UUID, _: bytes, kind: str, agent_id: UUID | None, agent_type: str | None) -> KeyOwner:
    return KeyOwner(key_id, ApiKeyKind(kind), agent_id, AgentType(agent_type) if agent_type else None)


class _Shares:
    """Hands the counts of windows out to those who hit them, in their order."""

    def __init__(self, counted: Mapping[str, tuple[int, float]], hits: Counter[str]) -> None:
        self._counted = counted
        self._still_to_come = hits

    def next_of(self, window: str) -> Window:
        self._still_to_come[window] -= 1
        count, seconds_left = self._counted[window]
        return Window(count - self._still_to_come[window], seconds_left)
