"""The API behind its own server: uvicorn with bounds on connections, headers and bodies (``platform/connections``)."""

import resource
import socket

import uvicorn
from fastapi import FastAPI

from api.main import create_app
from api.platform.connections import Connections, bounded
from config.settings import Settings, read_settings

_SHUTDOWN_SECONDS = 5
"""Then open streams are cut: a client resumes them where it was."""
_SEND_BUFFER_BYTES = 128 * 1024
"""What the system keeps for a reader that does not read; by itself it would keep megabytes for each."""
_OTHER_FILES = 128
"""Connections to Postgres and Temporal, logs: callers may not take the files they need."""


def make_server(app: FastAPI, settings: Settings, shutdown_seconds: int = _SHUTDOWN_SECONDS) -> uvicorn.Server:
    """A server for the application. It bounds what callers cost with or without a proxy in front of it."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    connections: Connections = app.state.connections
    if files != resource.RLIM_INFINITY:
        connections.most = max(1, min(connections.most, files - _OTHER_FILES))
    return uvicorn.Server(
        uvicorn.Config(
            app,
            loop="uvloop",
            http=bounded(connections),
            ws="none",
            access_log=False,
            log_config=None,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=max(1, round(settings.limits.idle_seconds)),
            timeout_graceful_shutdown=shutdown_seconds,
        )
    )


def serve(listener: socket.socket) -> bool:
    """Serve on a listening socket until told to stop. False when it did not start."""
    settings = read_settings()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
    server = make_server(create_app(settings), settings)
    server.run(sockets=[listener])
    return server.started
