"""Request rates: the ``limits`` library over Postgres, so that they hold across processes.

Every request counts for its address and, with a key, for its agent, in one round trip; some routes have a
window of their own besides. The tightest window is what the RateLimit headers tell.
"""

import ipaddress
import math
from dataclasses import dataclass

from fastapi import Request, params
from limits import RateLimitItem, parse
from limits.aio.strategies import FixedWindowRateLimiter
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.types import Scope

from api.platform.auth import Caller
from config.settings import LimitSettings
from db.platform.rate_limits import PostgresWindows
from domain.platform_errors import RATE_LIMITED


@dataclass(frozen=True, slots=True)
class Standing:
    """How much of a window is left to a caller."""

    limit: int
    remaining: int
    reset_seconds: int

    def headers(self) -> dict[str, str]:
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset_seconds),
        }


class Limiter(FixedWindowRateLimiter):
    """Fixed windows; several are counted at once."""

    def __init__(self, engine: AsyncEngine, settings: LimitSettings) -> None:
        self.windows = PostgresWindows(engine)
        super().__init__(self.windows)
        self.items: dict[str, RateLimitItem] = {
            name: parse(value) for name, value in settings.model_dump().items() if isinstance(value, str)
        }

    async def count(self, **whom: str) -> tuple[Standing, bool]:
        """Count one request in each named limit. Returns the tightest standing, and whether it passes."""
        keys = {self.items[name].key_for(name, identifier): name for name, identifier in whom.items()}
        counted = await self.windows.hit({key: self.items[name].get_expiry() for key, name in keys.items()})
        passes = True
        standings = []
        for key, window in counted.items():
            limit = self.items[keys[key]].amount
            passes = passes and window.count <= limit
            standings.append(Standing(limit, max(0, limit - window.count), math.ceil(window.seconds_left)))
        # Among windows with nothing left the one that opens last decides when to come back.
        return min(standings, key=lambda s: (s.remaining, -s.reset_seconds)), passes


def client_address(scope: Scope) -> str:
    """The peer, an IPv6 one by its /64 network: a host has as many addresses in it as it likes."""
    host = (scope.get("client") or ("unknown", 0))[0]
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
