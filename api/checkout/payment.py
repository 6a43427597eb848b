"""The payment handlers that Souk offers, as the protocol describes them."""

from collections.abc import Mapping
from typing import Any

from config.settings import Settings
from domain.checkout.payments import MARKET_HANDLER, MOCK_HANDLER
from domain.checkout.ucp import VERSION

# A real processor's handler is named and described here; what it does is in ``worker/checkout.py``.
_DESCRIBED: Mapping[str, tuple[str, dict[str, Any]]] = {
    MARKET_HANDLER: ("dev.souk.market_settlement", {}),
    MOCK_HANDLER: ("dev.souk.mock_payments", {"available_instruments": [{"type": "card"}]}),
}


def payment_handlers(settings: Settings) -> dict[str, list[dict[str, Any]]]:
    """By reverse-domain name; of those that are switched on."""
    described = ((key, *_DESCRIBED[key]) for key in settings.payment_handler_ids)
    return {name: [{"id": key, "version": VERSION, **more}] for key, name, more in described}
