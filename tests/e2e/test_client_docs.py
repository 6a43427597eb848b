"""docs/client.md, executed as it stands: its Python in one program, its shell in another."""

import stat
from pathlib import Path

from souk_client.models import Discount, ShippingPromotion, ShippingRate
from tests.e2e.pages import blocks, run_pasted, run_shell
from tests.e2e.people import Shop

QUEUES = ("souk-market", "souk-checkout", "souk-webhooks", "souk-webhooks-slow")
PAGE = "docs/client.md"


def test_the_python_on_the_page_runs_as_it_stands(souk_url: str, own_python: Path, tmp_path: Path) -> None:
    said = run_pasted(souk_url, tmp_path, str(own_python), "-c", "\n".join(blocks(PAGE, "python")))
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


def test_the_shell_on_the_page_runs_as_it_stands(souk_url: str, tmp_path: Path) -> None:
    said = run_shell(souk_url, tmp_path, "\n".join(blocks(PAGE, "bash")))
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
