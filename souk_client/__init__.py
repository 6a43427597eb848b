"""The Python client of a Souk market: typed, sync and async, over its public HTTP API."""

from souk_client.calls import BEGINNING
from souk_client.errors import (
    ApiProblem,
    MarketUnreachableError,
    SoukError,
    UnexpectedAnswerError,
    WebhookRefusedError,
    or_refusal,
)
from souk_client.executing import AsyncPages, AsyncStream, Pages, Stream
from souk_client.souk import AsyncSouk, Souk
from souk_client.webhooks import Delivery, verify_webhook

__all__ = [
    "BEGINNING",
    "ApiProblem",
    "AsyncPages",
    "AsyncSouk",
    "AsyncStream",
    "Delivery",
    "MarketUnreachableError",
    "Pages",
    "Souk",
    "SoukError",
    "Stream",
    "UnexpectedAnswerError",
    "WebhookRefusedError",
    "or_refusal",
    "verify_webhook",
]
