"""Checkout's workflows in the worker process: a worker and a queue of their own.

What a payment handler keeps waiting takes no place and no connection of trade's.
"""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager

from activities.checkout.completion import PostgresCheckoutActivities
from activities.checkout.mock_payments import MockPayments
from activities.checkout.order_webhooks import UcpOrderFormat
from activities.checkout.signing import signing_keys
from activities.market.nudges import TemporalNudgeActivities
from activities.platform.signatures import activities_of
from activities.webhooks.formats import Format
from config.settings import Settings
from db.platform.database import Database
from domain.checkout.payments import MARKET_HANDLER, MOCK_HANDLER, MarketSettlement, PaymentHandler
from domain.checkout.processes import CHECKOUT_QUEUE
from domain.webhooks.states import WebhookFormat
from worker.parts import Activities, Host, WorkerPart
from workflows.checkout.checkout import Checkout

_POOL_SIZE = 4
_PAYMENT_HANDLERS: dict[str, type[PaymentHandler]] = {MARKET_HANDLER: MarketSettlement, MOCK_HANDLER: MockPayments}


def _serve(host: Host) -> AbstractAsyncContextManager[None]:
    settings = host.settings

    def build(database: Database) -> Activities:
        """A checkout, too, tells the market's workflows what concerns them."""
        handlers = {key: _PAYMENT_HANDLERS[key]() for key in settings.payment_handler_ids}
        known = settings.simulation.enabled
        return activities_of(
            PostgresCheckoutActivities(database, host.client, handlers, known_addresses=known),
            TemporalNudgeActivities(database, host.client),
        )

    return host.serving(CHECKOUT_QUEUE, (Checkout,), build, pool_size=_POOL_SIZE)


def _formats(settings: Settings) -> Mapping[str, Format]:
    """Orders as shopping platforms read them, where there is a key to sign with."""
    keys = signing_keys(settings.ucp_signing_keys.get_secret_value())
    if not keys:
        return {}
    names = settings.simulation.enabled
    return {WebhookFormat.UCP_ORDER: UcpOrderFormat(keys[0], settings.own_url, item_names=names)}


PART = WorkerPart("checkout", (Checkout,), _serve, _formats)
