"""Request rates in the ``limits`` library's notation, counted in Postgres, so that they hold across processes.

Every request counts for its address and, with a key, for its agent, in the statement that looks the key up; some
routes have a window of their own besides. The tightest window is what the RateLimit headers tell.
"""

import ipaddress
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

from fastapi import Request, params
from limits import RateLimitItem, parse
from starlette.types import Scope

from api.platform.auth import Caller
from api.platform.batches import Batches
from api.platform.headers import Pair
from config.settings import LimitSettings
from db.platform.admissions import AGENT, Admitted, Visit, Window, admit
from db.platform.database import Database
from db.platform.keys import KeyOwner, hash_secret
from domain.platform.errors import RATE_LIMITED

_PER_ADDRESS = "per_address"
_PER_AGENT = "per_agent"
_WORDS_OF_PROXIES = frozenset({b"forwarded", b"via", b"x-forwarded-for", b"x-forwarded-proto", b"x-real-ip"})


@dataclass(frozen=True, slots=True)
class Standing:
    """How much of a window is left to a caller."""

    limit: int
    remaining: int
    reset_seconds: int

    def headers(self) -> tuple[Pair, ...]:
        return (
            (b"ratelimit-limit", b"%d" % self.limit),
            (b"ratelimit-remaining", b"%d" % self.remaining),
            (b"ratelimit-reset", b"%d" % self.reset_seconds),
        )


class Limiter:
    """Fixed windows in Postgres, counted for many requests at once; with them, whose keys the requests show."""

    def __init__(self, database: Database, settings: LimitSettings, declared: Mapping[str, str]) -> None:
        """``declared``: the contexts' rates, which settings may change. Raises ValueError for a rate that none has."""
        self._database = database
        if unknown := (settings.model_extra or {}).keys() - declared.keys():
            raise ValueError(f"no context has these limits: {', '.join(sorted(unknown))}")
        rates = {name: value for name, value in settings.model_dump().items() if isinstance(value, str)}
        self.items: dict[str, RateLimitItem] = {name: parse(rate) for name, rate in {**declared, **rates}.items()}
        self._batches: Batches[Visit, Admitted] = Batches(self._admit_all)

    async def _admit_all(self, visits: list[Visit]) -> list[Admitted]:
        per_agent = self.items[_PER_AGENT]
        return await admit(self._database, visits, per_agent.key_for(_PER_AGENT, AGENT), per_agent.get_expiry())

    async def admit(self, address: str, key: tuple[UUID, bytes] | None) -> tuple[KeyOwner | None, Standing, bool]:
        """Count one request for its address and the agent whose key, an id and a secret, it shows.

        Returns the key's owner, the tightest standing, and whether it passes.
        """
        shown = None if key is None else (key[0], hash_secret(key[1]))
        admitted, standing, passes = await self._visit({_PER_ADDRESS: address}, shown)
        return admitted.owner, standing, passes

    async def count(self, **whom: str) -> tuple[Standing, bool]:
        """Count one request in each named limit. Returns the tightest standing, and whether it passes."""
        _, standing, passes = await self._visit(whom, None)
        return standing, passes

    async def _visit(self, whom: Mapping[str, str], key: tuple[UUID, bytes] | None) -> tuple[Admitted, Standing, bool]:
        items = [self.items[name] for name in whom]
        windows = {
            item.key_for(name, whom): item.get_expiry() for item, (name, whom) in zip(items, whom.items(), strict=True)
        }
        admitted = await self._batches.ask(Visit(windows, key))
        counted = list(zip(items, admitted.windows, strict=True))
        if admitted.agent_window is not None:
            counted.append((self.items[_PER_AGENT], admitted.agent_window))
        # Among windows with nothing left the one that opens last decides when to come back.
        tightest = min((_standing(*each) for each in counted), key=lambda s: (s.remaining, -s.reset_seconds))
        return admitted, tightest, all(window.count <= item.amount for item, window in counted)


def _standing(item: RateLimitItem, window: Window) -> Standing:
    return Standing(item.amount, max(0, item.amount - window.count), math.ceil(window.seconds_left))


def client_address(scope: Scope) -> str:
    """The peer, an IPv6 one by its /64 network: a host has as many addresses in it as it likes."""
    return network_of((scope.get("client") or ("unknown", 0))[0])


def is_on_this_machine(scope: Scope) -> bool:
    """Whether who asks is on this machine, as far as can be seen: a loopback peer, and no word of a proxy's."""
    if any(name in _WORDS_OF_PROXIES for name, _ in scope["headers"]):
        return False
    try:
        return ipaddress.ip_address((scope.get("client") or ("", 0))[0]).is_loopback
    except ValueError:
        return False


@lru_cache(maxsize=4096)
def network_of(host: str) -> str:
    """An address as limits count it; ``unknown`` for what is none."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def refuse(standing: Standing) -> None:
    raise RATE_LIMITED.error(retry_after_seconds=standing.reset_seconds)


def limit(name: str) -> params.Depends:
    """A dependency that counts the request in one more limit, per agent or else per address."""

    async def check(request: Request) -> None:
        limiter: Limiter = request.app.state.context.limiter
        found = request.scope.get("souk.identity")
        whom = str(found.agent_id) if isinstance(found, Caller) else client_address(request.scope)
        standing, passes = await limiter.count(**{name: whom})
        tightest: Standing | None = request.scope.get("souk.standing")
        if tightest is None or standing.remaining <= tightest.remaining:
            request.scope["souk.standing"] = standing
        if not passes:
            refuse(standing)

    return params.Depends(check)
