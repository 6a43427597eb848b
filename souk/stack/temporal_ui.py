"""Before the web UI of the dev server: what that server cannot be told by a flag.

The UI asks the codec for readable payloads, and the codec knows an operator's browser by its cookie. Only settings that
say so make the UI send cookies to the codec's address, and the dev server has no flag for them.
"""

import http.client
import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from souk.stack.errors import StackError

_SETTINGS = "/api/v1/settings"
_ONE_HOP = {"connection", "keep-alive", "transfer-encoding", "accept-encoding", "te", "upgrade"}
_PATIENCE_SECONDS = 120
_PIECE_BYTES = 64 * 1024


class UiGateway:
    """Serves the UI on ``port`` of ``host`` from the moment it is made. ``behind``: the port of the UI itself, now."""

    def __init__(self, host: str, port: int, behind: Callable[[], int]) -> None:
        class Handler(_Handler):
            @property
            def upstream(self) -> tuple[str, int]:
                return host, behind()

        try:
            self._server = ThreadingHTTPServer((host, port), Handler)
        except OSError as error:
            raise StackError(f"port {port} is taken ({error.strerror}): choose another with --ui-port") from error
        self._server.daemon_threads = True
        Thread(target=self._server.serve_forever, name="temporal-ui", daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    """One request, handed on with its headers; one connection for each."""

    @property
    def upstream(self) -> tuple[str, int]:
        """Host and port of what is handed on to."""
        raise NotImplementedError

    def _hand_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _ONE_HOP}
        host, port = self.upstream
        connection = http.client.HTTPConnection(host, port, timeout=_PATIENCE_SECONDS)
        try:
            connection.request(self.command, self.path, body or None, headers)
            answer = connection.getresponse()
            if self.path.partition("?")[0] == _SETTINGS and answer.status == http.HTTPStatus.OK:
                self._answer_settings(answer)
            else:
                self._answer(answer)
        except (OSError, http.client.HTTPException):
            self.close_connection = True
            if not self._begun:
                self.send_error(http.HTTPStatus.BAD_GATEWAY, "The Temporal UI does not answer")
        finally:
            connection.close()

    _begun = False
    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _hand_on  # noqa: N815 - the base's names

    def _begin(self, answer: http.client.HTTPResponse, *, length: int | None = None) -> None:
        self._begun = True
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in _ONE_HOP and (length is None or name.lower() != "content-length"):
                self.send_header(name, value)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def _answer(self, answer: http.client.HTTPResponse) -> None:
        self._begin(answer)
        while piece := answer.read1(_PIECE_BYTES):
            self.wfile.write(piece)

    def _answer_settings(self, answer: http.client.HTTPResponse) -> None:
        settings = json.loads(answer.read())
        settings["Codec"]["IncludeCredentials"] = True
        text = json.dumps(settings).encode()
        self._begin(answer, length=len(text))
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Nothing: the UI polls."""
