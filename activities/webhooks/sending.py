"""One try: a POST to a stranger's address, of which only the status and Retry-After are looked at.

The answer's body is not read. What went wrong is told in words that hold no address and nothing the receiver
sent, because its owner and operators read them.
"""

import ssl
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from activities.platform.outbound import OutboundLimits, Resolver, outbound_client
from domain.webhooks.delivery import Attempt
from domain.webhooks.policy import WebhookPolicy

_MAX_RETRY_AFTER_DIGITS = 9


def webhook_client(
    policy: WebhookPolicy, *, resolve: Resolver | None = None, ssl_context: ssl.SSLContext | None = None
) -> httpx.AsyncClient:
    """The client deliveries are made with; redirects are not followed."""
    limits = OutboundLimits(
        connect_seconds=policy.connect_timeout_seconds,
        read_seconds=policy.timeout_seconds,
        total_seconds=policy.timeout_seconds,
        max_connections=policy.concurrency,
    )
    return outbound_client(
        development=policy.allow_loopback,
        limits=limits,
        resolve=resolve,
        ssl_context=ssl_context,
        user_agent="Souk-Webhooks/1",
    )


async def send(
    client: httpx.AsyncClient, url: str, headers: Mapping[str, str], body: bytes, now: Callable[[], datetime]
) -> Attempt:
    """Deliver one body. Never raises for what the other side does."""
    try:
        async with client.stream("POST", url, headers=dict(headers), content=body) as answer:
            status = answer.status_code
            retry_after = _retry_after_seconds(answer.headers.get("retry-after"), now())
    except (httpx.TransportError, httpx.InvalidURL) as error:
        return Attempt(None, str(error) or "no connection to the host")
    if 200 <= status < 300:
        return Attempt(status)
    if 300 <= status < 400:
        return Attempt(status, "the endpoint redirects elsewhere", retry_after)
    return Attempt(status, f"the endpoint answered {status}", retry_after)


def _retry_after_seconds(header: str | None, now: datetime) -> float | None:
    """Seconds or a date; None for anything else."""
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return float(text[:_MAX_RETRY_AFTER_DIGITS])
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return max((date - now).total_seconds(), 0.0)
