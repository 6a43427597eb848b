"""Every workflow and activity there is: one line each. A new process is added here."""

from collections.abc import Callable, Sequence
from typing import Any

import httpx
from temporalio.client import Client

from activities.checkout.completion import PostgresCheckoutActivities
from activities.checkout.mock_payments import MockPayments
from activities.checkout.order_webhooks import UcpOrderFormat
from activities.checkout.signing import signing_keys
from activities.market.audit import PostgresAuditActivities
from activities.market.negotiation import PostgresNegotiationActivities
from activities.market.nudges import TemporalNudgeActivities
from activities.market.order import PostgresOrderActivities
from activities.market.review import PostgresReviewActivities
from activities.market.trust import PostgresTrustActivities
from activities.platform.signatures import activities_of
from activities.webhooks.delivery import HttpWebhookActivities
from activities.webhooks.formats import Format, Formats, StandardFormat
from config.contexts import workflow_specs
from config.settings import Settings
from db.platform.database import Database
from domain.checkout.payments import MARKET_HANDLER, MOCK_HANDLER, MarketSettlement, PaymentHandler
from domain.webhooks.states import WebhookFormat
from workflows.checkout.checkout import Checkout
from workflows.market.negotiation import Negotiation
from workflows.market.order import Order
from workflows.market.review_window import ReviewWindow
from workflows.market.store_trust import StoreTrust
from workflows.market.sweep import MarketAudit, Sweep
from workflows.webhooks.delivery import WebhookDelivery

MARKET_WORKFLOWS: Sequence[type] = (Negotiation, Order, ReviewWindow, StoreTrust, Sweep, MarketAudit)
CHECKOUT_WORKFLOWS: Sequence[type] = (Checkout,)
WEBHOOK_WORKFLOWS: Sequence[type] = (WebhookDelivery,)
WORKFLOWS: Sequence[type] = (*MARKET_WORKFLOWS, *CHECKOUT_WORKFLOWS, *WEBHOOK_WORKFLOWS)

_PAYMENT_HANDLERS: dict[str, type[PaymentHandler]] = {MARKET_HANDLER: MarketSettlement, MOCK_HANDLER: MockPayments}


def build_activities(database: Database, client: Client, settings: Settings) -> list[Callable[..., Any]]:
    """The activities of the market's queue, over one database pool and one Temporal client."""
    return activities_of(
        PostgresNegotiationActivities(database, settings.credential_secret.get_secret_value().encode()),
        PostgresOrderActivities(database),
        PostgresReviewActivities(database),
        PostgresTrustActivities(database),
        TemporalNudgeActivities(database, client, workflow_specs(settings)),
        PostgresAuditActivities(database, client, workflow_specs(settings)),
    )


def build_checkout_activities(database: Database, client: Client, settings: Settings) -> list[Callable[..., Any]]:
    """The activities of the checkouts' queue; a checkout, too, tells the market's processes what concerns them."""
    handlers = {key: _PAYMENT_HANDLERS[key]() for key in settings.payment_handler_ids}
    return activities_of(
        PostgresCheckoutActivities(database, client, handlers, known_addresses=settings.simulation.enabled),
        TemporalNudgeActivities(database, client, workflow_specs(settings)),
    )


def build_formats(settings: Settings) -> Formats:
    """Every way to write and sign a delivery: one line each."""
    formats: dict[str, Format] = {
        WebhookFormat.STANDARD: StandardFormat(settings.credential_secret.get_secret_value().encode())
    }
    for key in signing_keys(settings.ucp_signing_keys.get_secret_value())[:1]:
        names = settings.simulation.enabled
        formats[WebhookFormat.UCP_ORDER] = UcpOrderFormat(key, settings.own_url, item_names=names)
    return formats


def build_webhook_activities(
    database: Database, http: httpx.AsyncClient, settings: Settings
) -> list[Callable[..., Any]]:
    """The activities of the deliveries' queue."""
    return activities_of(HttpWebhookActivities(database, http, build_formats(settings), settings.webhooks))
