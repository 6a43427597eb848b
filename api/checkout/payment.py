"""The payment handlers that Souk offers, as the protocol describes them."""

from typing import Any

from config.settings import Settings
from domain.checkout.ucp import VERSION


def payment_handlers(settings: Settings) -> dict[str, list[dict[str, Any]]]:
    """By reverse-domain name."""
    if not settings.simulation.enabled:
        return {}
    mock = {"id": "mock_payment_handler", "version": VERSION, "available_instruments": [{"type": "card"}]}
    return {"dev.ucp.mock_payment": [mock]}
