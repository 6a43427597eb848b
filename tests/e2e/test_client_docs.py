"""docs/client.md, executed as it stands: its Python in one program, its shell in another."""

import asyncio
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

from souk_client.models import Discount, ShippingPromotion, ShippingRate
from tests.e2e.people import Shop

ROOT = Path(__file__).parents[2]
QUEUES = ("souk-market", "souk-checkout", "souk-webhooks", "souk-webhooks-slow")
PAGE = ROOT / "docs" / "client.md"


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


async def run(souk_url: str, cwd: Path, *command: str) -> list[str]:
    # A proxy of the machine must not stand between curl and this machine.
    variables = {**os.environ, "SOUK": souk_url, "PYTHONPATH": str(ROOT), "no_proxy": "*"}
    done = await asyncio.to_thread(
        lambda: subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=280, cwd=cwd, env=variables
        )
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout.splitlines()


async def test_the_python_on_the_page_runs_as_it_stands(souk_url: str, tmp_path: Path) -> None:
    (tmp_path / "page.py").write_text("\n".join(blocks(PAGE, "python")))
    said = await run(souk_url, tmp_path, sys.executable, "page.py")
    assert said == [
        "DELIVERED 2100",
        "True It stays where I put it.",
        "found Reading lamp",
        "1 None",
        said[4],
        "OFFER_MADE 1800",
        "ORDER_PLACED 2100",
        *said[7 : said.index("2 offers")],
        "2 offers",
        "QUESTION_ANSWERED",
        "delivered OFFER_MADE 2000",
        "ACTIVE",
        "OFFER_ACCEPTED True",
        str({"postgres": True, "temporal": True, "queues": dict.fromkeys(QUEUES, True)}),
    ]
    assert said[4].startswith("409 offer.")
    feed = said[7 : said.index("2 offers")]
    assert feed[0] == "STORE_CREATED"
    assert feed[-1] == "ORDER_PLACED"
    assert feed.count("OFFER_MADE") == 2
    assert stat.S_IMODE((tmp_path / "my-agent.json").stat().st_mode) == 0o600


async def test_the_shell_on_the_page_runs_as_it_stands(souk_url: str, tmp_path: Path) -> None:
    said = await run(souk_url, tmp_path, "bash", "-euo", "pipefail", "-c", "\n".join(blocks(PAGE, "bash")))
    # A stream's sign of life may come in its two seconds or not.
    assert "".join(said).removesuffix(": ping") == '{"items":[],"next_cursor":null}'


def test_a_price_list_comes_back_as_it_was_set(souk_url: str) -> None:
    """The one request whose parts are models of the client's."""
    shop = Shop.open(souk_url)
    sent = {
        "discounts": [Discount(code="WELCOME10", title="Ten percent off", kind="percentage", value=10)],
        "rates": [ShippingRate(option_id="standard", title="Standard", service_level="standard", price_cents=500)],
        "promotions": [ShippingPromotion(title="Free with a lamp", listing_ids=[shop.listing_id])],
    }
    shop.owner.souk.set_price_list(shop.store_id, **sent)
    found = shop.owner.souk.price_list(shop.store_id)
    assert {"discounts": found.discounts, "rates": found.rates, "promotions": found.promotions} == sent
