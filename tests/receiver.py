"""A webhook receiver for tests: a real HTTP server on loopback that keeps what it gets and answers as told."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from standardwebhooks.webhooks import Webhook


@dataclass(frozen=True)
class Received:
    path: str
    headers: dict[str, str]
    body: bytes
    answered: int

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def document(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def data(self) -> dict[str, Any]:
        found: dict[str, Any] = self.document["data"]
        return found

    def verify(self, secret: str) -> None:
        """Raises WebhookVerificationError."""
        Webhook(secret).verify(self.body, self.headers)


Answer = int | tuple[int, dict[str, str]]


@dataclass
class Receiver:
    """Context manager. ``answer`` decides the status, and headers if need be, of each request."""

    answer: Callable[[str], Answer] = lambda _: 204
    """Given the webhook-id."""
    received: list[Received] = field(default_factory=list)
    port: int = 0
    waiting: int = 0
    """How many requests await their answer."""

    def __enter__(self) -> Self:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                outer.waiting += 1
                answered = outer.answer(headers.get("webhook-id", ""))
                outer.waiting -= 1
                status, more = answered if isinstance(answered, tuple) else (answered, {})
                outer.received.append(Received(self.path, headers, body, status))
                try:
                    self.send_response(status)
                    for name, value in more.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                except OSError:
                    return  # the worker was killed while it waited for this answer

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?token=not-to-be-told"

    @property
    def acknowledged(self) -> list[Received]:
        return [one for one in self.received if one.answered < 300]

    def wait_for(self, count: int, seconds: float = 60) -> list[Received]:
        """The first ``count`` acknowledged requests."""
        deadline = time.monotonic() + seconds
        while len(self.acknowledged) < count:
            if time.monotonic() > deadline:
                raise AssertionError(f"{len(self.acknowledged)} of {count} came: {self.received}")
            time.sleep(0.02)
        return self.acknowledged[:count]
