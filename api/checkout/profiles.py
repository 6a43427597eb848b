"""Platforms' profiles: fetched from where a stranger says, read with care, kept for a while.

Guards against being used to reach or to flood others: the fetch goes through ``activities.platform.outbound`` (https
only, public addresses only, no redirects, small and short), one fetch per profile at a time, a few at once in all
and fewer for one caller, whose slow hosts must not keep others' profiles from being fetched; failures are
remembered too, and the cache holds a fixed number of profiles.
"""

import asyncio
import json
import re
import time
from collections import Counter, OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
from http_message_signatures import HTTPMessageSignaturesException, HTTPSignatureComponentResolver
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from activities.platform.outbound import (
    AddressRefusedError,
    AnswerRefusedError,
    OutboundLimits,
    check_url,
    outbound_client,
)
from api.checkout.signatures import SignedRequest
from domain.checkout.ucp import ORDER, VERSION
from domain.checkout.ucp_errors import INVALID_PROFILE_URL, PROFILE_MALFORMED, PROFILE_UNREACHABLE
from domain.platform.errors import UNAVAILABLE, DomainError

_FETCH = OutboundLimits(connect_seconds=3, read_seconds=5, total_seconds=6, max_body_bytes=128 * 1024)
_KEPT = 1_000
_AT_ONCE = 64
_AT_ONCE_PER_CALLER = 8
_MIN_SECONDS, _MAX_SECONDS, _FAILED_SECONDS = 60.0, 3_600.0, 10.0
_MAX_AGE = re.compile(r"(?:^|,)\s*max-age\s*=\s*\"?(\d{1,9})", re.IGNORECASE)


class _Entry(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    version: str = Field(pattern=r"^\d{4}-\d{2}-\d{2}$")
    config: dict[str, Any] | None = None


class _Ucp(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    version: str = Field(pattern=r"^\d{4}-\d{2}-\d{2}$")
    capabilities: dict[str, list[_Entry]] = Field(default_factory=dict, max_length=200)


class _Document(BaseModel):
    """What of a profile matters here; all else is let be."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    ucp: _Ucp
    signing_keys: list[dict[str, Any]] = Field(default_factory=list, max_length=50)


@dataclass(frozen=True, slots=True)
class Profile:
    """A platform's profile. ``keys`` are the JWKs it signs with; ``webhook_url`` is where it wants its orders."""

    url: str
    version: str = VERSION
    capabilities: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    keys: tuple[Mapping[str, Any], ...] = ()
    webhook_url: str | None = None


def read_profile(url: str, body: bytes) -> Profile:
    """Raises profile_malformed."""
    try:
        document = _Document.model_validate(json.loads(body))
    except (ValidationError, ValueError, RecursionError):
        raise PROFILE_MALFORMED.error() from None
    orders = document.ucp.capabilities.get(ORDER, [])
    webhook_url = next(
        (entry.config["webhook_url"] for entry in orders if entry.config and "webhook_url" in entry.config), None
    )
    if webhook_url is not None and not isinstance(webhook_url, str):
        raise PROFILE_MALFORMED.error()
    return Profile(
        url,
        document.ucp.version,
        {name: tuple(entry.version for entry in entries) for name, entries in document.ucp.capabilities.items()},
        tuple(document.signing_keys),
        webhook_url,
    )


@dataclass(slots=True)
class _Kept:
    found: Profile | DomainError
    until: float
    refreshed: float


class Profiles:
    """The profiles a process of the API knows. ``development`` lets loopback addresses through."""

    def __init__(self, *, development: bool, client: httpx.AsyncClient | None = None) -> None:
        self._development = development
        self._client = client or outbound_client(development=development, limits=_FETCH)
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._under_way: dict[str, asyncio.Task[_Kept]] = {}
        self._under_way_for: Counter[str] = Counter()

    async def close(self) -> None:
        for task in self._under_way.values():
            task.cancel()
        await self._client.aclose()

    def known(self, url: str) -> bool:
        """True when no fetch is needed."""
        kept = self._kept.get(url)
        return kept is not None and kept.until > time.monotonic()

    async def get(self, url: str, caller: str, *, afresh: bool = False) -> Profile:
        """The profile at ``url``. ``afresh`` fetches it again, unless that was done within the last minute.

        ``caller`` is whoever asks, by address: each has a bounded number of fetches under way.

        Raises invalid_profile_url, profile_unreachable, profile_malformed, service.unavailable.
        """
        kept = self._kept.get(url)
        now = time.monotonic()
        if kept is None or kept.until <= now or (afresh and kept.refreshed + _MIN_SECONDS <= now):
            kept = await self._fetched(url, caller)
        else:
            self._kept.move_to_end(url)
        if isinstance(kept.found, DomainError):
            raise kept.found
        return kept.found

    async def _fetched(self, url: str, caller: str) -> _Kept:
        """One fetch per profile at a time: whoever comes meanwhile waits for the same one."""
        try:
            check_url(url, development=self._development)
        except AddressRefusedError as refused:
            raise INVALID_PROFILE_URL.error(f"The profile's address is refused: {refused}.") from None
        task = self._under_way.get(url)
        if task is None:
            if len(self._under_way) >= _AT_ONCE or self._under_way_for[caller] >= _AT_ONCE_PER_CALLER:
                raise UNAVAILABLE.error("Too many profiles are being looked up; repeat the request.")
            task = asyncio.create_task(self._fetch(url))
            self._under_way[url] = task
            self._under_way_for[caller] += 1
            task.add_done_callback(lambda _: self._over(url, caller))
        return await asyncio.shield(task)

    def _over(self, url: str, caller: str) -> None:
        self._under_way.pop(url, None)
        self._under_way_for[caller] -= 1
        if not self._under_way_for[caller]:
            del self._under_way_for[caller]

    async def _fetch(self, url: str) -> _Kept:
        seconds = _FAILED_SECONDS
        found: Profile | DomainError
        try:
            answer = await self._client.get(url, headers={"Accept": "application/json"})
            if answer.status_code != 200:
                raise PROFILE_UNREACHABLE.error()  # redirects too: the protocol forbids them
            found = self._with_webhook(read_profile(url, answer.content))
            seconds = _fresh_seconds(answer.headers.get("cache-control", ""))
        except DomainError as refused:
            found = refused
        except AddressRefusedError as refused:
            found = INVALID_PROFILE_URL.error(f"The profile's address is refused: {refused}.")
        except AnswerRefusedError:
            found = PROFILE_MALFORMED.error()
        except httpx.HTTPError:
            found = PROFILE_UNREACHABLE.error()
        return self._keep(url, found, seconds)

    def _keep(self, url: str, found: Profile | DomainError, seconds: float) -> _Kept:
        now = time.monotonic()
        kept = _Kept(found, now + seconds, now)
        self._kept[url] = kept
        self._kept.move_to_end(url)
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return kept

    def _with_webhook(self, profile: Profile) -> Profile:
        """With the address of its orders as it will be requested, which is what a signature is about."""
        if profile.webhook_url is None:
            return profile
        try:
            asked = str(check_url(profile.webhook_url, development=self._development))
            HTTPSignatureComponentResolver(SignedRequest("POST", asked, {}, b""))  # type: ignore[no-untyped-call]
        except AddressRefusedError as refused:
            raise PROFILE_MALFORMED.error(f"The profile's webhook_url is refused: {refused}.") from None
        except HTTPMessageSignaturesException:
            raise PROFILE_MALFORMED.error("The profile's webhook_url is none that can be signed for.") from None
        return replace(profile, webhook_url=asked)


def _fresh_seconds(cache_control: str) -> float:
    """How long an answer is kept: what it says, between a minute and an hour."""
    said = _MAX_AGE.search(cache_control)
    return min(max(float(said[1]) if said else 0.0, _MIN_SECONDS), _MAX_SECONDS)
