"""The live feed in a terminal: the page's own sentences, resumed where they broke off."""

import asyncio
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import httpx
from rich.console import Console
from rich.text import Text

from souk.trading.client import ApiProblem, MarketClient

_AGAIN_SECONDS = 1.0
_COLOURS = {
    "talk": "cyan", "offer": "yellow", "deal": "green", "review": "magenta", "trust": "blue", "refund": "red",
    "shop": "white",
}  # fmt: skip


def line(event: dict[str, Any]) -> Text:
    """One event: its time in the zone of this machine, its kind, what happened."""
    at = datetime.fromisoformat(event["at"]).astimezone()
    colour = _COLOURS.get(event["kind"], "white")
    return Text.assemble((f"{at:%H:%M:%S} ", "dim"), (f"{event['kind']:<7}", colour), event["text"])


async def _start(client: MarketClient, chosen: dict[str, str], last: int) -> str | None:
    """The cursor behind which the last so many events lie; None to begin now or at the very start."""
    if last == 0:
        return None
    page = await client.get("/v1/activity", limit=last + 1, **chosen)
    events = page["items"]
    # Behind the first event there ever was lies everything.
    return str(events[-1]["cursor"]) if len(events) > last else "WzAsMF0"


async def follow(api: str, chosen: dict[str, str], last: int, console: Console) -> None:
    """Print events until cancelled. Raises ApiProblem for a refusal that will not pass."""
    async with MarketClient(api) as client:
        place = await _start(client, chosen, last)
        while True:
            try:
                async for message in client.stream(f"/feed/stream?{urlencode(chosen)}", place):
                    if message.data:
                        console.print(line(message.data), soft_wrap=True)
                    place = message.event_id or place
            except httpx.TransportError:
                console.print("the connection broke: trying again", style="dim")
            except ApiProblem as problem:
                if not problem.is_fault:
                    raise
            await asyncio.sleep(_AGAIN_SECONDS)
