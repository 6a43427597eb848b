"""An API in a process of its own, which can be killed and started again at the same address."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self

import httpx

from config.settings import Settings
from souk.stack.ports import choose


class ApiProcess:
    """One run of ``souk api``, killed without warning at the end of the block."""

    def __init__(self, settings: Settings, port: int | None = None, variables: Mapping[str, str] | None = None) -> None:
        self.port = choose("127.0.0.1", port or 0, "SOUK_API_PORT")
        self.url = f"http://127.0.0.1:{self.port}"
        self._environment = {
            **os.environ,
            "SOUK_DATABASE_URL": settings.database_url,
            "SOUK_TEMPORAL_ADDRESS": settings.temporal_address,
            "SOUK_PAYLOAD_KEYS": settings.payload_keys.get_secret_value(),
            "SOUK_CREDENTIAL_SECRET": settings.credential_secret.get_secret_value(),
            "SOUK_API_PORT": str(self.port),
            "SOUK_UPDATE_TIMEOUT_SECONDS": str(settings.update_timeout_seconds),
            "SOUK_IDEMPOTENCY_LEASE_SECONDS": str(settings.idempotency_lease_seconds),
            "SOUK_LOG_LEVEL": "WARNING",
            **(variables or {}),
        }

    def __enter__(self) -> Self:
        self._child = subprocess.Popen([sys.executable, "-m", "souk", "api"], env=self._environment)
        deadline = time.monotonic() + 120
        while True:
            try:
                if httpx.get(f"{self.url}/healthz", timeout=60).status_code == 200:
                    return self
            except httpx.TransportError:
                pass
            if time.monotonic() > deadline or self._child.poll() is not None:
                self._child.kill()
                raise RuntimeError("the API did not start")
            time.sleep(0.1)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._child.kill()
        self._child.wait(20)
