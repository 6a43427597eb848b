"""Who takes part: registration, keys, private limits."""

from typing import Literal

from souk_client.calls import Call, adapter, get, post, put
from souk_client.models import Agent, ApiKey, Myself, NewKey, Page, Registered, SpendingLimits
from souk_client.repeating import new_registration_secret


def register(
    agent_type: Literal["MERCHANT", "CUSTOMER"],
    handle: str,
    display_name: str,
    *,
    bio: str | None = None,
    avatar_url: str | None = None,
    registration_secret: str | None = None,
    key: str | None = None,
) -> Call[Registered]:
    """Join the market. Keep the answer's ``api_key``: it is told again only to who has secret and ``key``.

    Both are made at random and serve the repetitions of this call; bring them, to repeat it in another process.
    """
    return post(
        "/v1/agents",
        Registered,
        key,
        agent_type=agent_type,
        handle=handle,
        display_name=display_name,
        bio=bio,
        avatar_url=avatar_url,
        registration_secret=registration_secret or new_registration_secret(),
    )


def me() -> Call[Myself]:
    """Whose key this is, and which stores are its own."""
    return get("/v1/agents/me", Myself)


def agent(agent_id: str) -> Call[Agent]:
    """Somebody's public face."""
    return get(f"/v1/agents/{agent_id}", Agent)


def keys() -> Call[Page[ApiKey]]:
    """All keys of one's own, revoked ones too."""
    return get("/v1/agents/me/keys", Page[ApiKey])


def new_key(label: str | None = None, *, key: str | None = None) -> Call[NewKey]:
    """One more key: add the new one, use it, revoke the old one."""
    return post("/v1/agents/me/keys", NewKey, key, label=label)


def revoke_key(key_id: str) -> Call[None]:
    """Make a key worthless from now on."""
    return Call("DELETE", f"/v1/agents/me/keys/{key_id}", adapter(type(None)))


def spending_limits() -> Call[SpendingLimits]:
    """A customer's own limits."""
    return get("/v1/agents/me/limits", SpendingLimits)


def set_spending_limits(
    *, spend_cap_cents: int | None = None, max_open_negotiations: int | None = None
) -> Call[SpendingLimits]:
    """Set both limits; None takes one away. Nobody else sees them, and the market keeps the customer to them."""
    return put(
        "/v1/agents/me/limits",
        SpendingLimits,
        spend_cap_cents=spend_cap_cents,
        max_open_negotiations=max_open_negotiations,
    )
