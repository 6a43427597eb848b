"""The market at the API: its routes in the order the documentation lists them, its pages, its words for operators."""

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
    orders,
    products,
    reviews,
    stores,
)
from api.market.stories import STORIES
from api.mcp.tools import TOOLS
from api.platform.parts import ApiPart
from api.web import home, pages, places
from api.web.words import SENTENCES

PART = ApiPart(
    name="market",
    routers=(
        agents.router,
        stores.router,
        blocks.router,
        products.router,
        listings.router,
        conversation.router,
        offers.router,
        orders.router,
        exports.router,
        reviews.router,
        feed.router,
        inbox.router,
        discovery.router,
    ),
    pages=(home.router, home.stream_router, pages.router, places.router),
    stories=STORIES,
    sentences=SENTENCES,
    tools=TOOLS,
)
