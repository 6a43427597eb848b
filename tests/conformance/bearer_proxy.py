"""A reverse proxy for tools that cannot send a key: it adds one agent's bearer header and changes nothing else."""

import asyncio
import socket
import threading
from typing import Self

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_HOP = {"connection", "content-length", "transfer-encoding", "keep-alive", "content-encoding"}


class BearerProxy:
    """Context manager. ``url`` stands for ``target``; the Host header is the caller's own."""

    def __init__(self, target: str, key: str) -> None:
        self._target = target
        self._key = key
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://localhost:{self._listener.getsockname()[1]}"
        methods = ["GET", "POST", "DELETE", "PUT", "OPTIONS"]
        app = Starlette(routes=[Route("/{path:path}", self._pass_on, methods=methods)])
        self._server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
        self._thread = threading.Thread(target=self._serve, name="bearer proxy", daemon=True)

    def _serve(self) -> None:
        asyncio.run(self._server.serve([self._listener]))

    async def _pass_on(self, request: Request) -> Response:
        headers = [(name, value) for name, value in request.headers.items() if name not in _HOP]
        headers.append(("authorization", f"Bearer {self._key}"))
        async with httpx.AsyncClient(base_url=self._target, timeout=60) as http:
            answer = await http.request(request.method, request.url.path, headers=headers, content=await request.body())
        kept = {name: value for name, value in answer.headers.items() if name not in _HOP}
        return Response(answer.content, answer.status_code, kept)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(10)
