"""From templates to answers: filters, headers, and refusals as pages.

Guards that a page loads nothing from another host and runs nothing inline: the policy below goes out with
every page, and templates hold neither style nor script.
"""

from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

from babel.dates import format_datetime
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup
from starlette.responses import HTMLResponse

from api.errors import answer_refusal, refusal_of, status_of
from api.platform.parts import ApiParts
from api.web import words
from domain.platform.errors import ROUTE_NOT_FOUND
from web import TEMPLATES

# Some libraries for programs say that they take HTML, too.
_FOR_PROGRAMS = ("/v1/", "/.well-known/", "/mcp", "/a2a", "/codec/")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-cache",
    "Vary": "Cookie",
    # Our own forms tell where they come from; nobody else learns it.
    "Referrer-Policy": "same-origin",
}


def when(time: datetime | None, *, seconds: bool = False) -> Markup:
    """A time in UTC, which the page's script turns into the viewer's own zone."""
    if time is None:
        return Markup("–")
    utc = time.astimezone(UTC)
    shown = format_datetime(utc, "d MMM y, HH:mm:ss" if seconds else "d MMM y, HH:mm", locale=words.LOCALE)
    return Markup('<time datetime="{}">{} UTC</time>').format(utc.isoformat(), shown)


def plain_name(name: object) -> str:
    """SOLD_OUT as "sold out"."""
    return str(name).replace("_", " ").lower()


def counted(number: int, word: str) -> str:
    """1 order, 2 orders; replies and the like are spelt right too."""
    if number == 1:
        return f"1 {word}"
    return f"{number:,} {word[:-1]}ies" if word.endswith("y") and word[-2] not in "aeo" else f"{number:,} {word}s"


_folders = FileSystemLoader(TEMPLATES)
templates = Environment(
    loader=_folders,
    autoescape=select_autoescape(default=True, default_for_string=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
templates.filters.update(
    when=when, money=words.money, points=words.points, signed=words.signed, name=plain_name, counted=counted
)
templates.globals.update(sentence=words.sentence, reasons=words.REASONS, change=words.change)
templates.globals.update(fields=words.FIELDS, components=words.COMPONENTS)


def show(parts: ApiParts) -> None:
    """Know the contexts' templates and the sentences of their events."""
    for part in parts.all:
        words.SENTENCES.update(part.sentences)
    _folders.searchpath[1:] = [str(part.templates) for part in parts.all if part.templates]


def page(template: str, status: int = 200, **values: Any) -> HTMLResponse:
    return HTMLResponse(templates.get_template(template).render(**values), status, HEADERS)


async def not_found(request: Request, error: Exception) -> Response:
    """The answer at an address where nothing is: a page for a browser, a problem for a program."""
    wants_page = "text/html" in request.headers.get("accept", "")
    if not wants_page or request.url.path.startswith(_FOR_PROGRAMS):
        return await answer_refusal(request, error)
    refused = ROUTE_NOT_FOUND.error()
    return page("refused.html", status_of(refused), message=refused.message, code=refused.code)


class PageRoute(APIRoute):
    """A route whose refusals are pages too."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        plain = super().get_route_handler()

        async def handler(request: Request) -> Response:
            try:
                return await plain(request)
            except Exception as error:
                # An address with an id that is none leads nowhere; everything else keeps its own refusal.
                invalid = isinstance(error, RequestValidationError) and request.method == "GET"
                refused = ROUTE_NOT_FOUND.error() if invalid else refusal_of(error)
                if refused is None:
                    raise
                return page("refused.html", status_of(refused), message=refused.message, code=refused.code)

        return handler
