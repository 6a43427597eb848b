"""Every router of the API, in the order the documentation lists them."""

from fastapi import APIRouter

from api.a2a import card as a2a_card
from api.a2a import endpoint as a2a_endpoint
from api.checkout import carts as ucp_carts
from api.checkout import catalog as ucp_catalog
from api.checkout import discovery as ucp_discovery
from api.checkout import merchants as checkout_merchants
from api.checkout import orders as ucp_orders
from api.checkout import sessions as ucp_sessions
from api.checkout import simulation as ucp_simulation
from api.console import pages as console_pages
from api.console import routes as console
from api.market import (
    agents,
    blocks,
    conversation,
    discovery,
    exports,
    feed,
    inbox,
    listings,
    offers,
    operations,
    orders,
    products,
    reviews,
    stores,
)
from api.mcp import metadata as mcp_metadata
from api.platform import codec, health
from api.web import home, pages, places
from api.webhooks import routes as webhooks

ROUTERS: tuple[APIRouter, ...] = (
    agents.router,
    stores.router,
    blocks.router,
    products.router,
    listings.router,
    conversation.router,
    offers.router,
    orders.router,
    exports.router,
    checkout_merchants.router,
    reviews.router,
    feed.router,
    inbox.router,
    webhooks.router,
    discovery.router,
    ucp_discovery.router,
    ucp_catalog.router,
    ucp_carts.router,
    ucp_sessions.router,
    ucp_orders.router,
    ucp_simulation.router,
    operations.router,
    console.router,
    codec.router,
    health.router,
    mcp_metadata.router,
    a2a_card.router,
    a2a_endpoint.router,
    home.router,
    home.stream_router,
    pages.router,
    places.router,
    console_pages.router,
)
