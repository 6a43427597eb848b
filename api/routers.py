"""Every router of the API, in the order the documentation lists them: the contexts', then what belongs to none."""

from collections.abc import Mapping

from fastapi import APIRouter

from api.a2a import card as a2a_card
from api.a2a import endpoint as a2a_endpoint
from api.console import pages as console_pages
from api.console import routes as console
from api.console import upkeep
from api.mcp import metadata as mcp_metadata
from api.platform import codec, health
from api.platform.parts import ApiParts

_DOCUMENTED: tuple[APIRouter, ...] = (
    upkeep.router,
    console.router,
    codec.router,
    health.router,
    mcp_metadata.router,
    a2a_card.router,
    a2a_endpoint.router,
)
TAGS: Mapping[str, str] = {
    "operations": "For operators and their tools.",
    "health": "For machines that watch over this one.",
}


def list_routers(parts: ApiParts) -> tuple[APIRouter, ...]:
    """Documented ones first, then pages."""
    return (*parts.routers, *_DOCUMENTED, *parts.pages, console_pages.router)
