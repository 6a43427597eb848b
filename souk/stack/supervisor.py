"""Starts Postgres, Temporal, worker and API, watches over them, and stops them in the opposite order.

A child that dies is started again after a growing pause; one that keeps dying ends the whole stack, with a
word on where its log is. Databases named in the settings are used in place of the embedded ones.
Invariant: a stack is announced only while all of it runs under a supervisor that holds the lock.
"""

import json
import logging
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx
import psutil

from config.settings import Settings
from souk.stack.child import Child
from souk.stack.data_dir import DataDirectory
from souk.stack.embedded import EmbeddedPostgres, EmbeddedTemporal
from souk.stack.errors import GaveUpError, StackError
from souk.stack.inherit import inherited
from souk.stack.ports import listen, port_of
from souk.stack.running import RunningStack, announce, withdraw
from souk.stack.settings import check_database, check_temporal
from souk.stack.signals import Signals

log = logging.getLogger("souk.stack")

READY_SECONDS = 60.0
FAILURES_ALLOWED = 5
FAILURE_WINDOW_SECONDS = 60.0
FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 8.0
# How long a restarted API or worker waits for a Postgres or Temporal that is being restarted too.
_PATIENCE_SECONDS = 30
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - compared with, not listened on


@dataclass(frozen=True, slots=True)
class StackOptions:
    """What ``souk up`` was asked for. Port 0 is any free one."""

    api_port: int = 8000
    temporal_port: int = 7233
    ui_port: int = 8233
    stores_only: bool = False


@dataclass(slots=True)
class _Service:
    """A child under watch, and its recent failures (monotonic seconds)."""

    child: Child
    spawn: Callable[[], None]
    stop: Callable[[], None]
    failures: deque[float] = field(default_factory=deque)
    restart_at: float | None = None


class Supervisor:
    """One run of the stack on a locked data directory. ``tell`` shows a person what is being done."""

    def __init__(
        self,
        data: DataDirectory,
        options: StackOptions,
        settings: Settings,
        signals: Signals,
        tell: Callable[[str], None],
    ) -> None:
        self.data = data
        self.options = options
        self.settings = settings
        self.signals = signals
        self.tell = tell
        self._services: list[_Service] = []
        self._environment: dict[str, str] = {}

    def start(self) -> RunningStack:
        """Start everything and announce it. Raises StackError with what to do; then call ``stop`` too."""
        self.data.reclaim()
        withdraw(self.data.path)
        listener = listen(self.settings.api_host, self.options.api_port, "--api-port")
        host = "127.0.0.1" if self.settings.api_host in _EVERYWHERE else self.settings.api_host
        api = f"http://{f'[{host}]' if ':' in host else host}:{port_of(listener)}"
        secrets = self.data.secrets()

        # Both begin to start before either is waited for.
        postgres = None if self.settings.database_url else self._spawn_postgres()
        temporal = None if self.settings.temporal_address else self._spawn_temporal(api)
        database = self._database(postgres)
        self._environment = {
            "SOUK_DATABASE_URL": database,
            # With an embedded database these follow from the owner's.
            "SOUK_API_DATABASE_URL": "" if postgres else self.settings.api_database_url,
            "SOUK_WORKER_DATABASE_URL": "" if postgres else self.settings.worker_database_url,
            "SOUK_PAYLOAD_KEYS": self.settings.payload_keys.get_secret_value() or secrets["SOUK_PAYLOAD_KEYS"],
            "SOUK_CREDENTIAL_SECRET": self.settings.credential_secret.get_secret_value()
            or secrets["SOUK_CREDENTIAL_SECRET"],
            "SOUK_UCP_SIGNING_KEYS": self.settings.ucp_signing_keys.get_secret_value()
            or secrets["SOUK_UCP_SIGNING_KEYS"],
            "SOUK_API_HOST": self.settings.api_host,
            "SOUK_API_PORT": str(port_of(listener)),
            "SOUK_WEBHOOKS__ALLOW_LOOPBACK": str(self._delivers_to_itself()).lower(),
        }
        self._migrate()
        self._environment |= self._temporal_environment(temporal)
        if self.options.stores_only:
            listener.close()
        else:
            self._spawn_ours("worker", ["worker", "--wait", str(_PATIENCE_SECONDS)], stop_seconds=30)
            self._spawn_ours(
                "api",
                ["api", "--wait", str(_PATIENCE_SECONDS), "--fd", str(listener.fileno())],
                listener.fileno(),
            )
            self._wait_for_api(api)
        stack = RunningStack(
            api=api,
            temporal=self._environment["SOUK_TEMPORAL_ADDRESS"],
            temporal_ui=self._environment["SOUK_TEMPORAL_UI_URL"],
            database=database,
            pid=os.getpid(),
            started=psutil.Process().create_time(),
            environment=self._environment,
        )
        # Keeps the socket open for the next API, should this one die.
        self._listener = listener
        announce(self.data.path, stack)
        log.info("ready: %s", api)
        return stack

    def watch(self) -> None:
        """Restart what dies. Ends only by StopRequested, or by GaveUpError when a child keeps dying."""
        while True:
            self.signals.pause(self._until_next_restart())
            for service in self._services:
                if service.restart_at is not None:
                    if time.monotonic() >= service.restart_at:
                        service.restart_at = None
                        service.spawn()
                        log.info("%s restarted, pid %s", service.child.name, service.child.pid)
                elif service.child.poll() is not None:
                    self._plan_restart(service)

    def stop(self) -> None:
        """Stop everything: what serves clients first, what holds the data last."""
        withdraw(self.data.path)
        for service in reversed(self._services):
            self.tell(f"stopping {service.child.name}")
            service.stop()
            log.info("%s stopped", service.child.name)
        self._services.clear()

    def _spawn_postgres(self) -> EmbeddedPostgres:
        self.tell("starting Postgres")
        postgres = EmbeddedPostgres(self.data.path)
        self._services.append(_Service(postgres.child, postgres.spawn, postgres.stop))
        postgres.spawn()
        return postgres

    def _spawn_temporal(self, api: str) -> EmbeddedTemporal:
        self.tell("starting Temporal")
        temporal = EmbeddedTemporal(
            self.data.path,
            port=self.options.temporal_port,
            ui_port=self.options.ui_port,
            codec_endpoint=f"{api}/codec",
            namespace=self.settings.temporal_namespace,
        )
        self._services.append(_Service(temporal.child, temporal.spawn, temporal.stop))
        temporal.spawn()
        return temporal

    def _database(self, postgres: EmbeddedPostgres | None) -> str:
        if postgres:
            postgres.wait_ready(seconds=READY_SECONDS, pause=self.signals.pause)
            return postgres.url()
        check_database(self.settings.database_url)
        return self.settings.database_url

    def _temporal_environment(self, temporal: EmbeddedTemporal | None) -> dict[str, str]:
        namespace = self.settings.temporal_namespace
        origins = list(self.settings.temporal_codec_origins)
        if temporal:
            temporal.wait_ready(seconds=READY_SECONDS, pause=self.signals.pause)
            origins = origins or [temporal.ui_url, f"http://localhost:{temporal.ui_port}"]
        else:
            check_temporal(self.settings.temporal_address, namespace)
        return {
            "SOUK_TEMPORAL_ADDRESS": temporal.address if temporal else self.settings.temporal_address,
            "SOUK_TEMPORAL_NAMESPACE": namespace,
            "SOUK_TEMPORAL_UI_URL": temporal.ui_url if temporal else self.settings.temporal_ui_url,
            "SOUK_TEMPORAL_CODEC_ORIGINS": json.dumps(origins),
        }

    def _delivers_to_itself(self) -> bool:
        """Whether webhooks may go to this machine: as set, else while nobody else can reach this Souk."""
        webhooks = self.settings.webhooks
        if "allow_loopback" in webhooks.model_fields_set:
            return webhooks.allow_loopback
        return self.settings.api_host in _LOOPBACK

    def _migrate(self) -> None:
        """In a process of its own: a signal can end it, and its output is kept."""
        self.tell("migrating the database")
        child = self._child("migrate")
        try:
            child.spawn([sys.executable, "-m", "souk", "migrate"], env=inherited(self._environment))
            while (code := child.poll()) is None:
                self.signals.pause(0.1)
        finally:
            child.stop()
        if code:
            raise StackError(f"the migration failed ({child.last_words()}): see {child.log}")

    def _spawn_ours(self, name: str, arguments: list[str], *pass_fds: int, stop_seconds: float = 15) -> None:
        self.tell(f"starting {name}")
        child = self._child(name, stop_seconds)
        argv = [sys.executable, "-m", "souk", *arguments]

        def spawn() -> None:
            child.spawn(argv, env=inherited(self._environment), pass_fds=pass_fds)

        self._services.append(_Service(child, spawn, child.stop))
        spawn()

    def _child(self, name: str, stop_seconds: float = 15) -> Child:
        return Child(
            name,
            log=self.data.logs / f"{name}.log",
            note=self.data.run / f"{name}.json",
            stop_signal=signal.SIGTERM,
            stop_seconds=stop_seconds,
        )

    def _wait_for_api(self, api: str) -> None:
        deadline = time.monotonic() + READY_SECONDS
        answer = "no answer"
        while True:
            for service in self._services:
                child = service.child
                if child.poll() is not None:
                    raise StackError(f"{child.name} does not start ({child.last_words()}): see {child.log}")
            try:
                response = httpx.get(f"{api}/readyz", timeout=2, trust_env=False)
                if response.status_code == httpx.codes.OK:
                    return
                answer = f"{response.status_code} {response.text[:200]}"
            except httpx.HTTPError as error:
                answer = str(error)
            if time.monotonic() > deadline:
                raise StackError(f"the API is not ready after {READY_SECONDS:.0f} s ({answer}): see {self.data.logs}")
            self.signals.pause(0.1)

    def _until_next_restart(self) -> float:
        planned = [service.restart_at for service in self._services if service.restart_at is not None]
        return min(1.0, max(0.0, min(planned, default=float("inf")) - time.monotonic()))

    def _plan_restart(self, service: _Service) -> None:
        now = time.monotonic()
        service.failures.append(now)
        while service.failures[0] < now - FAILURE_WINDOW_SECONDS:
            service.failures.popleft()
        count = len(service.failures)
        child = service.child
        log.warning("%s ended with code %s (%s)", child.name, child.poll(), child.last_words())
        if count >= FAILURES_ALLOWED:
            raise GaveUpError(f"{child.name} failed {count} times within a minute: see {child.log}")
        pause = min(FIRST_PAUSE_SECONDS * 2 ** (count - 1), LONGEST_PAUSE_SECONDS)
        service.restart_at = now + pause
