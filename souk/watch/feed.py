"""The live feed in a terminal: the page's own sentences, resumed where they broke off."""

import math
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.text import Text

from souk_client import BEGINNING, AsyncSouk

_COLOURS = {
    "talk": "cyan", "offer": "yellow", "deal": "green", "review": "magenta", "trust": "blue", "refund": "red",
    "shop": "white",
}  # fmt: skip


def line(event: dict[str, Any]) -> Text:
    """One event: its time in the zone of this machine, its kind, what happened."""
    at = datetime.fromisoformat(event["at"]).astimezone()
    colour = _COLOURS.get(event["kind"], "white")
    return Text.assemble((f"{at:%H:%M:%S} ", "dim"), (f"{event['kind']:<7}", colour), event["text"])


async def _start(api: str, chosen: dict[str, str], last: int) -> str:
    """The cursor behind which the last so many events lie."""
    async with AsyncSouk(api) as client:
        page = await client.get("/v1/activity", limit=last + 1, **chosen)
    events = page["items"]
    # Behind the first event there ever was lies everything.
    return str(events[last]["cursor"]) if len(events) > last else BEGINNING


async def follow(api: str, chosen: dict[str, str], last: int, console: Console) -> None:
    """Print events until cancelled. Raises SoukError for a refusal, or when there is no market to begin with."""

    def tell(there: bool) -> None:
        if not there:
            console.print("the connection broke: trying again", style="dim")

    place = await _start(api, chosen, last)
    # Once it was there, whoever watches waits for it as long as it takes.
    async with AsyncSouk(api, patience_seconds=math.inf) as client:
        events = client.stream("/feed/stream", after=place, **chosen)
        events.on_connection = tell
        async for event in events:
            console.print(line(event), soft_wrap=True)
