"""Who may act for a platform.

The header UCP-Agent is a claim that anyone can make. What it is good for: to know which capabilities to answer
with, which is all that public reads need. Carts, sessions and orders belong to a customer agent and need a proof:

- a signature (RFC 9421) by a key of the profile: the request acts for the agent made for that profile;
- or a customer's API key: the request acts for that customer, who may have bargained on the market before. A
  profile that publishes keys must still have signed, or a customer could speak in the name of a platform;
- or the test mode, where a profile without keys is believed.

Invariant: what one profile's agent owns is reached by that profile's signatures and, with the agent's own, by no
other; ids are no secrets and nothing depends on them being unguessable.
"""

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import Depends, Header, Request
from starlette.datastructures import Headers
from temporalio.service import RPCError

from activities.checkout.order_webhooks import TYPES as ORDER_EVENTS
from activities.webhooks.waking import wake_delivery
from api.checkout.agents import check_version, read_agent
from api.checkout.outcomes import note_older, speaks_older
from api.checkout.profiles import Profile
from api.checkout.signatures import SignedRequest, check_signature, is_signed
from api.context import AppContext, Context
from api.platform.auth import Caller, Identity, identity
from api.platform.limits import client_address, refuse
from db.checkout.platforms import find_or_make_platform
from domain.checkout.ucp import CAPABILITIES, VERSION, decide_capabilities
from domain.checkout.ucp_errors import (
    CAPABILITIES_INCOMPATIBLE,
    KEY_NOT_FOUND,
    SIGNATURE_INVALID,
    SIGNATURE_MISSING,
)
from domain.platform import errors as platform_errors
from domain.platform.errors import DomainError
from domain.platform.identity import NOT_A_CUSTOMER, AgentType

_PLACEHOLDER = "..."
_WRITES = {"POST", "PUT"}
_LOOPBACK = {"localhost", "127.0.0.1", "[::1]"}

AgentHeader = Annotated[
    str | None,
    Header(
        alias="UCP-Agent",
        description="who calls: an RFC 8941 dictionary with the URL of the platform's profile",
        examples=['profile="https://platform.example/ucp.json"'],
    ),
]


@dataclass(frozen=True, slots=True)
class Platform:
    """A platform that calls. ``signed``: the request carries its signature; ``older``: it speaks an older version."""

    profile: Profile
    capabilities: frozenset[str]
    signed: bool
    older: bool = False

    def require(self, capability: str) -> None:
        """Raises capabilities_incompatible."""
        if capability not in self.capabilities:
            raise CAPABILITIES_INCOMPATIBLE.error()


@dataclass(frozen=True, slots=True)
class Buyer:
    """The customer agent that a request acts for, and the platform through which."""

    agent_id: UUID
    platform: Platform


async def calling_platform(request: Request, context: Context, agent: AgentHeader = None) -> Platform:
    """Read the claim, look its profile up, and check the signature if there should be one.

    Raises invalid_profile_url, version_unsupported, profile_unreachable, profile_malformed and what
    ``check_signature`` raises.
    """
    lenient = context.settings.simulation.enabled
    claim = read_agent(agent)
    if claim.version is not None:
        _check_version(request, claim.version, lenient)
    if lenient and claim.version is not None and claim.profile_url == _PLACEHOLDER:
        # What the public conformance tests send when only the version matters.
        return Platform(Profile(_PLACEHOLDER), frozenset(CAPABILITIES), signed=False, older=speaks_older(request))
    caller = client_address(request.scope)
    if not context.profiles.known(claim.profile_url):
        await _count(context, profiles_per_address=caller)
    profile = await context.profiles.get(claim.profile_url, caller)
    _check_version(request, claim.version or profile.version, lenient)
    signed = await _check_signature(request, context, profile)
    if signed:
        # Proven: who only names a platform counts for its own address, and uses nobody's share up.
        await _count(context, per_platform=hashlib.sha256(claim.profile_url.encode()).hexdigest())
    active = frozenset(CAPABILITIES) if lenient else decide_capabilities(profile.capabilities)
    return Platform(profile, active, signed, older=speaks_older(request))


def _check_version(request: Request, version: str, lenient: bool) -> None:
    check_version(version, older_too=lenient)
    if version != VERSION:
        note_older(request)


async def _count(context: AppContext, **whom: str) -> None:
    standing, passes = await context.limiter.count(**whom)
    if not passes:
        refuse(standing)


async def _check_signature(request: Request, context: AppContext, profile: Profile) -> bool:
    """Whether the request is signed by its platform; it must be when the platform publishes keys."""
    if not is_signed(request.headers):
        if profile.keys:
            raise SIGNATURE_MISSING.error()
        return False
    signed = SignedRequest(
        request.method,
        _own_url(request, context.settings.own_url),
        {name: ", ".join(request.headers.getlist(name)) for name in request.headers},
        await request.body(),
    )
    if request.method in _WRITES and not request.url.path.startswith("/catalog/"):
        _require_key(request.headers)
    try:
        check_signature(signed, profile.keys)
    except DomainError as refused:
        if refused.code != KEY_NOT_FOUND.code:
            raise
        # It may have been published since: look once more, at most once a minute.
        check_signature(signed, (await _profile_afresh(request, context, profile.url)).keys)
    return True


async def _profile_afresh(request: Request, context: AppContext, url: str) -> Profile:
    return await context.profiles.get(url, client_address(request.scope), afresh=True)


def _require_key(headers: Headers) -> None:
    """Without a key that is signed, whoever saw the request could send it again."""
    if "idempotency-key" not in headers:
        raise SIGNATURE_INVALID.error("A signed request that changes something needs a signed Idempotency-Key.")


def _own_url(request: Request, own_url: str) -> str:
    """The address a signature for us is about: our authority, not whatever Host says."""
    ours = urlsplit(own_url)
    authority = ours.netloc
    if f"[{ours.hostname}]" in _LOOPBACK or ours.hostname in _LOOPBACK:
        # One machine has several names for itself.
        host = request.headers.get("host", "")
        name, _, port = host.rpartition(":")
        authority = host if name in _LOOPBACK and port == str(ours.port) else authority
    target = request.scope.get("raw_path", b"").decode("ascii", "replace") or request.url.path
    query = request.scope["query_string"].decode("ascii", "replace")
    return f"{ours.scheme}://{authority}{target.partition('?')[0]}" + (f"?{query}" if query else "")


CallingPlatform = Annotated[Platform, Depends(calling_platform)]


async def buyer(
    request: Request,
    platform: CallingPlatform,
    context: Context,
    found: Annotated[Identity | None, Depends(identity)],
) -> Buyer:
    """The agent a request acts for. Raises signature_missing, auth.agent_required, agent.not_a_customer."""
    if isinstance(found, Caller):
        if found.agent_type is not AgentType.CUSTOMER:
            raise NOT_A_CUSTOMER.error()
        return Buyer(found.agent_id, platform)
    if found is not None:
        raise platform_errors.AGENT_REQUIRED.error()
    if not platform.signed and not context.settings.simulation.enabled:
        raise SIGNATURE_MISSING.error()
    # Orders are told signed or not at all.
    webhook_url = platform.profile.webhook_url if context.signing_keys else None

    async def admit() -> None:
        # An agent is made: as many from one address as there may register themselves.
        await _count(context, registrations_per_address=client_address(request.scope))

    known = await find_or_make_platform(
        context.database, platform.profile.url, webhook_url, [kind.value for kind in ORDER_EVENTS], admit
    )
    await _count(context, per_agent=str(known.agent_id))
    if known.moved is not None:
        # The sweep wakes it as well.
        with suppress(RPCError):
            await wake_delivery(context.temporal, known.moved)
    return Buyer(known.agent_id, platform)


TheBuyer = Annotated[Buyer, Depends(buyer)]
