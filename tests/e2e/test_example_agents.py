"""The example agents as programs, on a Souk whose API is killed while they trade, and one of them too."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import psutil
import pytest

from config.settings import Settings
from db.platform.database import Database
from souk.stack.background import BackgroundStack
from souk_client import Souk
from souk_client.memory import Memory
from souk_client.models import Order
from tests.invariants import assert_sound

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
ROOT = Path(__file__).parents[2]
NOWHERE = {"SOUK_DATABASE_URL": "", "SOUK_TEMPORAL_ADDRESS": ""}
DEALS = 3

Start = Callable[..., "subprocess.Popen[str]"]


def eventually(check: Callable[[], bool], what: str, seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[BackgroundStack]:
    with BackgroundStack(tmp_path / "data", variables=NOWHERE) as running:
        yield running


@pytest.fixture
def start(stack: BackgroundStack, tmp_path: Path) -> Iterator[Start]:
    """Starts an example with a key file of that name; all are ended with the test."""
    started: list[subprocess.Popen[str]] = []

    def begin(example: str, name: str, *words: str) -> "subprocess.Popen[str]":
        api = ["--api", stack.running.api, "--key-file", str(tmp_path / f"{name}.json")]
        log = (tmp_path / f"{name}.log").open("a", encoding="utf-8")
        with log:
            process = subprocess.Popen(
                [sys.executable, str(ROOT / "examples" / example), *api, *words],
                stdout=log,
                stderr=log,
                text=True,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                cwd=tmp_path,
            )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.wait()


def api_process(stack: BackgroundStack) -> psutil.Process:
    return next(
        process
        for process in psutil.Process(stack.process.pid).children()
        if process.status() != psutil.STATUS_ZOMBIE and process.cmdline()[1:4] == ["-m", "souk", "api"]
    )


async def test_they_trade_through_a_restart(stack: BackgroundStack, start: Start, tmp_path: Path) -> None:
    wish = f"Lamp {uuid4().hex}"
    merchant = start("merchant.py", "merchant", "--title", wish)
    key_file = tmp_path / "merchant.json"
    eventually(lambda: key_file.exists() and "listing_id" in Memory.of(key_file).notes, "no shop")
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    memory = Memory.of(key_file)
    with Souk(stack.running.api, memory.api_key) as seller:

        def orders() -> list[Order]:
            return list(seller.orders(role="seller"))

        words = ("--wish", wish, "--deals", str(DEALS))
        customers = [start("customer.py", name, *words) for name in ("ana", "ben")]
        eventually(lambda: len(orders()) >= 1, "no trade")
        api_process(stack).kill()
        customers[1].kill()  # and it knows as little as the API what of its last step was done
        assert customers[1].wait() == -signal.SIGKILL, "it was faster than the blow: nothing was tested"
        customers[1] = start("customer.py", "ben", *words)
        for name, customer in zip(("ana", "ben"), customers, strict=True):
            assert customer.wait(400) == 0, (tmp_path / f"{name}.log").read_text()

        done = orders()
        assert len(done) == 2 * DEALS
        assert {(order.status, order.quantity) for order in done} == {("DELIVERED", 1)}
        assert len({order.source_offer_id for order in done}) == 2 * DEALS
        reviews = [message for message in seller.review_thread(done[0].listing_id).messages if message.review]
        assert sorted(str(message.review and message.review.order_id) for message in reviews) == sorted(
            order.order_id for order in done
        )
        talks = seller.threads(context_listing_id=done[0].listing_id, type="GENERAL")
        assert [len(seller.thread(talk.thread_id).messages) for talk in talks] == [2] * 2 * DEALS
        mine = {order.order_id: order for order in done}
        for name in ("ana", "ben"):
            notes = json.loads((tmp_path / f"{name}.json").read_text())["notes"]
            assert len(notes["done"]) == DEALS
            assert all(1_000 <= mine.pop(order_id).total_price_cents <= 1_300 for order_id in notes["done"])
        accepted = list(seller.offers(role="seller", status="ACCEPTED"))
        assert len(accepted) == 2 * DEALS
        assert list(seller.offers(role="seller", status="PROPOSED")) == []
        assert seller.listing(done[0].listing_id).inventory_on_hand == 1_000 - 2 * DEALS

    merchant.send_signal(signal.SIGINT)
    assert merchant.wait(120) == 0
    log = (tmp_path / "merchant.log").read_text()
    assert log.rstrip().endswith("bye")
    assert "Traceback" not in log
    assert "waiting for the market" in log  # it felt the cut
    database = Database(Settings(database_url=stack.running.database).role_url("worker"), 2, "test")
    await assert_sound(database)
    await database.close()
