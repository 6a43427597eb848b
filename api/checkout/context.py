"""Checkout at the API."""

from api.checkout import carts, catalog, discovery, merchants, orders, sessions, simulation
from api.checkout.stories import STORIES
from api.platform.parts import ApiPart

PART = ApiPart(
    name="checkout",
    routers=(
        merchants.router,
        discovery.router,
        catalog.router,
        carts.router,
        sessions.router,
        orders.router,
        simulation.router,
    ),
    stories=STORIES,
)
