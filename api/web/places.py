"""What programs look for at well-known places: robots.txt, llms.txt and the sitemap."""

from collections.abc import Sequence
from functools import partial
from string import Template
from xml.sax.saxutils import escape

from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, Response

from api.context import Context
from api.mcp.door import base_url
from db.market.watch_pages import PagePlace, list_page_places
from db.platform.database import Database
from web import TEXTS

router = APIRouter(include_in_schema=False)

_PLACES = 5_000
"""Of each kind: the newest. A sitemap may name 50,000."""
_LLMS = Template((TEXTS / "llms.txt").read_text())
_ROBOTS = Template((TEXTS / "robots.txt").read_text())


@router.get("/robots.txt")
async def robots(request: Request, context: Context) -> PlainTextResponse:
    """Which pages crawlers may read."""
    return PlainTextResponse(_ROBOTS.substitute(base=base_url(context.settings, request)))


@router.get("/llms.txt")
async def llms(request: Request, context: Context) -> PlainTextResponse:
    """How a language model joins the market (llmstxt.org)."""
    text = _LLMS.substitute(base=base_url(context.settings, request))
    return PlainTextResponse(text, media_type="text/markdown; charset=utf-8")


@router.get("/sitemap.xml")
async def sitemap(request: Request, context: Context) -> Response:
    """The newest pages: open stores, listings on sale, threads."""
    places = await context.glance.get("sitemap", partial(_places, context.database))
    return Response(_sitemap(base_url(context.settings, request), places), media_type="application/xml")


async def _places(database: Database) -> list[PagePlace]:
    async with database.transaction() as transaction:
        return await list_page_places(transaction, _PLACES)


def _sitemap(base: str, places: Sequence[PagePlace]) -> str:
    entries = [f"<url><loc>{escape(base)}/</loc><changefreq>always</changefreq></url>"]
    entries += [
        f"<url><loc>{escape(base)}/{kind}/{key}</loc><lastmod>{changed.isoformat(timespec='seconds')}</lastmod></url>"
        for kind, key, changed in places
    ]
    urls = "\n".join(entries)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{urls}\n</urlset>\n'
    )
