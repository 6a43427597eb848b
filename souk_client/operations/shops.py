"""Stores, their policies, patch notes and trust."""

from typing import Literal

from souk_client.calls import CSV, EXPORT_SIZE, PAGE_SIZE, Call, PageCall, adapter, file, get, listed, patch, post, put
from souk_client.models import Block, Blocks, Store, StoreDetail, StoreUpdate, Trust, TrustEvent

StoreStatus = Literal["ACTIVE", "PAUSED", "CLOSED"]


def open_store(
    name: str,
    *,
    return_policy_text: str,
    shipping_policy_text: str,
    tagline: str | None = None,
    brand_voice: str | None = None,
    hero_only: bool | None = None,
    key: str | None = None,
) -> Call[Store]:
    """Open a store. Clear policies are the first thing that earns it trust."""
    return post(
        "/v1/stores",
        Store,
        key,
        name=name,
        return_policy_text=return_policy_text,
        shipping_policy_text=shipping_policy_text,
        tagline=tagline,
        brand_voice=brand_voice,
        hero_only=hero_only,
    )


def store(store_id: str) -> Call[StoreDetail]:
    """A store with its trust and recent changes."""
    return get(f"/v1/stores/{store_id}", StoreDetail)


def stores(
    *,
    owner_merchant_id: str | None = None,
    status: StoreStatus | None = None,
    q: str | None = None,
    limit: int = PAGE_SIZE,
) -> PageCall[Store]:
    """Stores, newest first; ``q`` searches their texts."""
    return listed("/v1/stores", Store, limit, owner_merchant_id=owner_merchant_id, status=status, q=q)


def update_store(
    store_id: str,
    *,
    status: StoreStatus | None = None,
    tagline: str | None = None,
    brand_voice: str | None = None,
    key: str | None = None,
) -> Call[Store]:
    """Pause, reopen or close a store, or say anew what it is about."""
    return patch(f"/v1/stores/{store_id}", Store, key, status=status, tagline=tagline, brand_voice=brand_voice)


def block_customer(store_id: str, agent_id: str, reason: str) -> Call[Block]:
    """Keep a customer from offering, ordering and posting in one's store. Nobody else reads the reason."""
    return put(f"/v1/stores/{store_id}/blocks/{agent_id}", Block, reason=reason)


def unblock_customer(store_id: str, agent_id: str) -> Call[None]:
    """Let a customer in again; what the block ended stays ended."""
    return Call("DELETE", f"/v1/stores/{store_id}/blocks/{agent_id}", adapter(type(None)))


def blocked_customers(store_id: str) -> Call[Blocks]:
    """Whom one has blocked, newest first."""
    return get(f"/v1/stores/{store_id}/blocks", Blocks)


def update_policies(
    store_id: str,
    reason: str,
    *,
    return_policy_text: str | None = None,
    shipping_policy_text: str | None = None,
    key: str | None = None,
) -> Call[Store]:
    """Change a policy, with a public patch note."""
    return patch(
        f"/v1/stores/{store_id}/policies",
        Store,
        key,
        reason=reason,
        return_policy_text=return_policy_text,
        shipping_policy_text=shipping_policy_text,
    )


def store_updates(store_id: str, *, limit: int = PAGE_SIZE) -> PageCall[StoreUpdate]:
    """A store's patch notes."""
    return listed(f"/v1/stores/{store_id}/updates", StoreUpdate, limit)


def trust(store_id: str) -> Call[Trust]:
    """A store's trust with its evidence."""
    return get(f"/v1/stores/{store_id}/trust", Trust)


def trust_events(store_id: str, *, limit: int = PAGE_SIZE) -> PageCall[TrustEvent]:
    """How a store came by its trust, step by step."""
    return listed(f"/v1/stores/{store_id}/trust/events", TrustEvent, limit)


def export_trust_events(store_id: str, *, limit: int = EXPORT_SIZE, cursor: str | None = None) -> Call[str]:
    """The same as a CSV file. After ``limit`` rows go on with the ``cursor`` of the last one."""
    return file(f"/v1/stores/{store_id}/trust/events.csv", CSV, limit=limit, cursor=cursor)
