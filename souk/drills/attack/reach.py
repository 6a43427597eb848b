"""Deliveries and look-ups that a stranger aims at the machine Souk runs on, behind a proxy that makes it public."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from domain.checkout.ucp import VERSION
from souk.drills.attack.findings import Findings, Target
from souk.drills.people import Agent, Shop, eventually


@dataclass(slots=True)
class _Listener:
    """A receiver on this machine that writes down the first line of whoever calls."""

    port: int = 0
    heard: list[str] = field(default_factory=list)


@contextmanager
def _listening() -> Iterator[_Listener]:
    listener = _Listener()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            listener.heard.append(self.rfile.readline().decode("latin-1").removesuffix(" HTTP/1.1\r\n"))
            self.wfile.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        listener.port = int(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield listener
        finally:
            server.shutdown()
            thread.join()


def _here(port: int) -> list[str]:
    """This machine by many names."""
    hosts = (
        "127.0.0.1", "localhost", "LOCALHOST.", "[::1]", "127.1", "2130706433", "0x7f.0.0.1", "0.0.0.0",  # noqa: S104 - called, not listened on

        "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "a.localhost", "127.8.0.1",
    )  # fmt: skip
    return [f"{scheme}://{host}:{port}/hook" for host in hosts for scheme in ("http", "https")]


def _may_be_told(customer: Agent, own: str, url: str) -> bool:
    """Whether a webhook is made for an address, or one is moved to it."""
    made = customer.call("POST", "/v1/webhooks", {"url": url, "source": "INBOX"})
    return made.is_success or customer.call("PATCH", own, {"url": url}).is_success


def reach_this_machine(target: Target, found: Findings) -> None:
    shop, customer = Shop.open(target.url), target.customer()
    with _listening() as listener:
        made = customer.post("/v1/webhooks", {"url": f"http://127.0.0.1:{listener.port}/before", "source": "ACTIVITY"})
        shop.ask(target.customer())
        eventually(lambda: listener.heard, until=bool)
        found.expect("alone on a machine, its receivers are told", set(listener.heard), {"POST /before"})
        target.serve_others()
        listener.heard.clear()
        own = f"/v1/webhooks/{made['webhook']['webhook_id']}"
        customer.call("POST", f"{own}/test")
        shop.ask(target.customer())
        eventually(lambda: customer.get(own), until=lambda hook: bool(hook["failing_since"] or listener.heard))
        found.expect("serving others, an older webhook on this machine hears nothing more", listener.heard, [])
        taken = [url for url in _here(listener.port) if _may_be_told(customer, own, url)]
        found.expect("no webhook is made on this machine, by none of its names", taken, [])
        session = {"line_items": [{"item": {"id": shop.listing_id}, "quantity": 1}]}
        for host in ("127.0.0.1", "localhost", "[::1]"):
            agent = f'profile="http://{host}:{listener.port}/ucp.json";version="{VERSION}"'
            answer = customer.http.post("/checkout-sessions", json=session, headers={"UCP-Agent": agent})
            found.refuses(f"a platform's profile at {host}", answer, 400, "invalid_profile_url")
        found.expect("nobody called this machine", listener.heard, [])
    code, said = target.stack.run_souk("migrate", SOUK_SERVES_OTHERS="false")
    told = (code != 0, "SOUK_TRUSTED_PROXIES says that others are served" in said)
    found.expect("behind a proxy, a Souk that says it is alone does not start", told, (True, True))
