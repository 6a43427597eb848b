"""Orders told to shopping platforms: the protocol's format of a webhook, on the delivery process of all webhooks.

A platform hears of an order when its session is completed and whenever something of it changes. What is sent is
the whole order as it stands at that moment, the same document as ``GET /orders/{id}``, signed with our key.
Events of an order whose session is not completed, or never was one, are passed by.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from activities.checkout.signing import SigningKey, sign_post
from activities.webhooks.formats import Outgoing
from db.checkout import reads
from db.webhooks.deliveries import PendingEvent
from db.webhooks.tables import WebhookEndpoint
from domain.checkout.states import CheckoutNews
from domain.checkout.ucp import ORDER
from domain.checkout.ucp_documents import Frame, order_document
from domain.market.states import InboxType

TYPES = (CheckoutNews.CHECKOUT_COMPLETED, InboxType.ORDER_DELIVERED, InboxType.ORDER_REFUNDED)


class UcpOrderFormat:
    """``base_url`` is where others reach the API; ``item_names`` is the test mode's names of listings."""

    def __init__(self, key: SigningKey, base_url: str, *, item_names: bool) -> None:
        self._key = key
        self._base_url = base_url
        self._item_names = item_names

    async def render(self, session: AsyncSession, endpoint: WebhookEndpoint, event: PendingEvent) -> bytes | None:
        order_id = getattr(event.item, "order_id", None)
        checkout = await reads.get_checkout_of_market_order(session, order_id) if order_id else None
        if checkout is None or checkout.order is None or checkout.agent_id != endpoint.agent_id:
            return None
        names: dict[UUID, str] = {}
        if self._item_names:
            for line in checkout.lines:
                name = await reads.find_simulated_item(session, line.listing_id)
                names |= {line.listing_id: name} if name else {}
        frame = Frame(self._base_url, frozenset({ORDER}), item_ids=names)
        return json.dumps(order_document(checkout, frame), separators=(",", ":"), ensure_ascii=False).encode()

    def render_test(self, endpoint: WebhookEndpoint, test_id: UUID, asked_at: datetime) -> bytes:
        """Nobody can ask for one: the market keeps these endpoints itself."""
        return json.dumps({"test_id": str(test_id)}).encode()

    def sign(self, endpoint: WebhookEndpoint, outgoing: Outgoing) -> Mapping[str, str]:
        headers = {
            "UCP-Agent": f'profile="{self._base_url}/.well-known/ucp"',
            "Content-Type": "application/json",
            "Webhook-Id": outgoing.message_id,
            # When it happened, the same on every try: the event's id was made then.
            "Webhook-Timestamp": str((UUID(outgoing.message_id).int >> 80) // 1000),
        }
        return sign_post(self._key, outgoing.url, headers, outgoing.body, outgoing.sent_at)
