"""Starts Postgres, Temporal, worker and API, watches over them, and stops them in the opposite order.

A child that dies is started again after a growing pause; one that keeps dying ends the whole stack, with a
word on where its log is. Databases named in the settings are used in place of the embedded ones.
Invariant: a stack is announced only while all of it runs under a supervisor that holds the lock.
"""

import logging
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import psutil
import psycopg

from config.settings import Settings
from db.platform.epochs import is_behind
from db.platform.revisions import is_migrated
from souk.stack.child import Child
from souk.stack.data_dir import DataDirectory
from souk.stack.embedded import EmbeddedPostgres, EmbeddedTemporal
from souk.stack.errors import GaveUpError, StackError
from souk.stack.gate import Gate
from souk.stack.inherit import inherited
from souk.stack.ports import listen, port_of
from souk.stack.readiness import wait_until_ready
from souk.stack.running import RunningStack, announce, withdraw
from souk.stack.settings import check_database, check_temporal
from souk.stack.signals import Signals
from souk.stack.variables import part_variables, temporal_variables

log = logging.getLogger("souk.stack")

READY_SECONDS = 60.0
FAILURES_ALLOWED = 5
FAILURE_WINDOW_SECONDS = 60.0
FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 8.0
# How long a restarted API or worker waits for a Postgres or Temporal that is being restarted too.
_PATIENCE_SECONDS = 30
_OURS = ("worker", "api")
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
        self._gate = Gate()

    def start(self) -> RunningStack:
        """Start everything and announce it. Raises StackError with what to do; then call ``stop`` too."""
        self.data.reclaim()
        withdraw(self.data.path)
        listener = listen(self.settings.api_host, self.options.api_port, "--api-port")
        host = "127.0.0.1" if self.settings.api_host in _EVERYWHERE else self.settings.api_host
        api = f"http://{f'[{host}]' if ':' in host else host}:{port_of(listener)}"
        secrets = self.data.secrets()

        postgres = None if self.settings.database_url else self._embedded_postgres()
        temporal = None if self.settings.temporal_address else self._embedded_temporal(api)
        # All begin to start before any is waited for: API and worker import while the stores come up.
        if temporal:
            self.tell("starting Temporal")
            temporal.spawn()
        self._environment = part_variables(self.settings, secrets, port_of(listener), postgres, temporal)
        if self.options.stores_only:
            listener.close()
        else:
            wait = ["--wait", str(_PATIENCE_SECONDS), "--gate", str(self._gate.reader)]
            self._spawn_ours("worker", ["worker", *wait], stop_seconds=30)
            self._spawn_ours("api", ["api", *wait, "--fd", str(listener.fileno())], listener.fileno())
            # Keeps the socket open for the next API, should this one die.
            self._listener = listener
        self._open_database(postgres)
        self._open_temporal(temporal)
        if not self.options.stores_only:
            self._gate.open()
            self.tell("starting worker and API")
            wait_until_ready(
                host, port_of(listener), seconds=READY_SECONDS, look=self._all_run, pause=self.signals.pause
            )
        stack = RunningStack(
            api=api,
            temporal=self._environment["SOUK_TEMPORAL_ADDRESS"],
            temporal_ui=self._environment["SOUK_TEMPORAL_UI_URL"],
            database=self._environment["SOUK_DATABASE_URL"],
            pid=os.getpid(),
            started=psutil.Process().create_time(),
            environment=self._environment,
        )
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
        self._gate.close()

    def _embedded_postgres(self) -> EmbeddedPostgres:
        """Not started yet. Services stop in the opposite order of being listed here, however they start."""
        postgres = EmbeddedPostgres(self.data.path)
        postgres.check_version()
        self._services.append(_Service(postgres.child, postgres.spawn, postgres.stop))
        return postgres

    def _embedded_temporal(self, api: str) -> EmbeddedTemporal:
        temporal = EmbeddedTemporal(
            self.data.path,
            port=self.options.temporal_port,
            ui_port=self.options.ui_port,
            codec_endpoint=f"{api}/codec",
            namespace=self.settings.temporal_namespace,
        )
        self._services.append(_Service(temporal.child, temporal.spawn, temporal.stop))
        return temporal

    def _open_database(self, postgres: EmbeddedPostgres | None) -> None:
        """Wait until the database answers and has the newest schema."""
        if postgres is None:
            check_database(self.settings.database_url)
        else:
            self.tell("starting Postgres")
            postgres.spawn()
            postgres.wait_ready(seconds=READY_SECONDS, pause=self.signals.pause)
            with suppress(psycopg.Error), psycopg.connect(postgres.url()) as connection:
                if is_migrated(connection):
                    if not is_behind(connection):
                        return
                    log.warning("the data come from another cluster: the epoch of the feeds is raised")
        self._migrate()

    def _open_temporal(self, temporal: EmbeddedTemporal | None) -> None:
        """Wait until Temporal can be used."""
        if temporal is None:
            check_temporal(self.settings.temporal_address, self.settings.temporal_namespace)
            return
        temporal.wait_ready(seconds=READY_SECONDS, pause=self.signals.pause)
        now = temporal_variables(self.settings, temporal)
        if now.items() <= self._environment.items():
            return
        # Its port was taken after it was chosen, and the parts were told the first one.
        self._environment |= now
        for service in self._services:
            if service.child.name in _OURS:
                service.stop()
                service.spawn()

    def _migrate(self) -> None:
        """In a process of its own: a signal can end it, and its output is kept."""
        self.tell("migrating the database")
        child = self._child("migrate")
        try:
            child.spawn([sys.executable, "-m", "souk", "migrate"], env=inherited(self._environment))
            while (code := child.poll()) is None:
                self.signals.pause(0.05)
        finally:
            child.stop()
        if code:
            raise StackError(f"the migration failed ({child.last_words()}): see {child.log}")

    def _spawn_ours(self, name: str, arguments: list[str], *pass_fds: int, stop_seconds: float = 15) -> None:
        child = self._child(name, stop_seconds)
        argv = [sys.executable, "-m", "souk", *arguments]

        def spawn() -> None:
            child.spawn(argv, env=inherited(self._environment), pass_fds=(self._gate.reader, *pass_fds))

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

    def _all_run(self) -> None:
        for service in self._services:
            child = service.child
            if child.poll() is not None:
                raise StackError(f"{child.name} does not start ({child.last_words()}): see {child.log}")

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
