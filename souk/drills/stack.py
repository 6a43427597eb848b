"""A stack whose four parts a drill holds in its own hands: to kill, pause and restart each as an operator would.

The parts are the same programs ``souk up`` runs, without its supervisor. Everything here is for the main
thread: the kernel ends children with the thread that started them.
"""

import asyncio
import contextlib
import json
import logging
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import httpx
import psutil
import psycopg

from config.settings import Settings
from db.migrate import upgrade
from souk.checks.operators import make_operator_key
from souk.stack.child import Child
from souk.stack.data_dir import DataDirectory
from souk.stack.embedded import EmbeddedPostgres, EmbeddedTemporal
from souk.stack.errors import StackError
from souk.stack.inherit import inherited
from souk.stack.ports import listen, port_of

log = logging.getLogger("souk.drills")

READY_SECONDS = 180.0


class Part:
    """One process of the stack, with its children."""

    def __init__(self, child: Child, spawn: Callable[[], None], stop: Callable[[], None]) -> None:
        self.child = child
        self.spawn = spawn
        self.stop = stop
        self.down = False
        self.ended_by_itself = 0

    @property
    def name(self) -> str:
        return self.child.name

    def kill(self) -> None:
        """SIGKILL; stays down until ``restart``."""
        self.down = True
        self._signal(signal.SIGKILL)

    def pause(self) -> None:
        """SIGSTOP, children first gathered: the whole part stands still."""
        for process in self._family():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        for process in self._family():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGCONT)

    def kill_a_child(self, choose: Callable[[int], int]) -> bool:
        """SIGKILL one child of the part, a backend of Postgres for one. False when it has none."""
        found = self._family()[1:]
        if not found:
            return False
        with contextlib.suppress(psutil.NoSuchProcess):
            found[choose(len(found))].send_signal(signal.SIGKILL)
        return True

    def restart(self) -> None:
        self.spawn()
        self.down = False

    def tend(self) -> None:
        """Start it again when it ended though nobody killed it, as a supervisor does."""
        if not self.down and self.child.poll() is not None:
            self.ended_by_itself += 1
            log.warning("%s ended by itself (%s)", self.name, self.child.last_words())
            self.spawn()

    def _signal(self, number: signal.Signals) -> None:
        if self.child.pid is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                psutil.Process(self.child.pid).send_signal(number)

    def _family(self) -> list[psutil.Process]:
        if self.child.pid is None:
            return []
        try:
            process = psutil.Process(self.child.pid)
            return [process, *process.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []


class DrillStack:
    """Postgres, Temporal, worker and API in a fresh data directory. A context manager."""

    def __init__(
        self,
        data_dir: Path,
        variables: Mapping[str, str] | None = None,
        temporal_config: Mapping[str, object] | None = None,
    ) -> None:
        self._data = DataDirectory(data_dir)
        self._variables = dict(variables or {})
        self._temporal_config = temporal_config
        self.environment: dict[str, str] = {}
        self.parts: dict[str, Part] = {}
        self.api = ""

    @property
    def logs(self) -> Path:
        return self._data.logs

    @property
    def data_dir(self) -> Path:
        return self._data.path

    @property
    def settings(self) -> Settings:
        """The settings its parts run with."""
        named = {name.removeprefix("SOUK_").lower(): value for name, value in self.environment.items()}
        flat = {name: value for name, value in named.items() if "__" not in name and value}
        return Settings.model_validate(flat | {"temporal_codec_origins": []})

    def __enter__(self) -> Self:
        self._data.__enter__()
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for part in reversed(self.parts.values()):
            part.resume()
            part.stop()
        if self._listener is not None:
            self._listener.close()
        self._data.__exit__(None, None, None)

    _listener = None

    def _start(self) -> None:
        kept = self._data.secrets()
        self._listener = listen("127.0.0.1", 0, "--api-port")
        port = port_of(self._listener)
        self.api = f"http://127.0.0.1:{port}"
        postgres = EmbeddedPostgres(self._data.path)
        self.parts["postgres"] = Part(postgres.child, postgres.spawn, postgres.stop)
        temporal = EmbeddedTemporal(self._data.path, dynamic_config=self._temporal_config)
        self.parts["temporal"] = Part(temporal.child, temporal.spawn, temporal.stop)
        postgres.spawn()
        temporal.spawn()
        postgres.wait_ready()
        upgrade(postgres.url())
        temporal.wait_ready()
        self.environment = {
            "SOUK_DATABASE_URL": postgres.url(),
            "SOUK_API_DATABASE_URL": "",
            "SOUK_WORKER_DATABASE_URL": "",
            "SOUK_PAYLOAD_KEYS": kept["SOUK_PAYLOAD_KEYS"],
            "SOUK_CREDENTIAL_SECRET": kept["SOUK_CREDENTIAL_SECRET"],
            "SOUK_API_HOST": "127.0.0.1",
            "SOUK_API_PORT": str(port),
            "SOUK_TEMPORAL_ADDRESS": temporal.address,
            "SOUK_TEMPORAL_NAMESPACE": temporal.namespace,
            "SOUK_TEMPORAL_UI_URL": "",
            "SOUK_TEMPORAL_CODEC_ORIGINS": json.dumps([]),
            **self._variables,
        }
        self._add("worker", ["worker", "--wait", "30"], stop_seconds=30)
        descriptor = self._listener.fileno()
        self._add("api", ["api", "--wait", "30", "--fd", str(descriptor)], descriptor)
        self.wait_ready()

    def add_worker(self, name: str) -> Part:
        """One more worker process beside the first, which goes with the stack. Takes work some seconds later."""
        self._add(name, ["worker", "--wait", "30"], stop_seconds=30)
        return self.parts[name]

    def _add(self, name: str, arguments: list[str], *pass_fds: int, stop_seconds: float = 15) -> None:
        child = Child(
            name,
            log=self._data.logs / f"{name}.log",
            note=self._data.run / f"{name}.json",
            stop_signal=signal.SIGTERM,
            stop_seconds=stop_seconds,
        )
        argv = [sys.executable, "-m", "souk", *arguments]

        def spawn() -> None:
            # What surrounds us may name another Souk: only what is set here counts.
            child.spawn(argv, env=inherited(self.environment, drop=("SOUK_",)), pass_fds=pass_fds)

        self.parts[name] = Part(child, spawn, child.stop)
        spawn()

    def tend(self) -> None:
        for part in self.parts.values():
            part.tend()

    def wait(self, seconds: float) -> None:
        """Let time pass, restarting what ends by itself."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(0.1, left))
            self.tend()

    def wait_ready(self) -> None:
        """Until the API says that all is well. Raises StackError when it does not."""
        deadline = time.monotonic() + READY_SECONDS
        answer = "no answer"
        while True:
            self.tend()
            try:
                response = httpx.get(f"{self.api}/readyz", timeout=2, trust_env=False)
                if response.status_code == httpx.codes.OK:
                    return
                answer = f"{response.status_code} {response.text[:200]}"
            except httpx.HTTPError as error:
                answer = str(error)
            if time.monotonic() > deadline:
                raise StackError(f"the stack is not ready after {READY_SECONDS:.0f} s ({answer}): see {self.logs}")
            time.sleep(0.1)

    def restart(self, changes: Mapping[str, str | None], between: Callable[[], object] = lambda: None) -> None:
        """Worker and API, with other variables; None takes one away. ``between``: done while neither runs."""
        parts = [self.parts["worker"], self.parts["api"]]
        for part in parts:
            part.child.stop()
        changed = {**self.environment, **changes}
        self.environment = {name: value for name, value in changed.items() if value is not None}
        between()
        for part in parts:
            part.restart()
        self.wait_ready()

    def run_souk(self, *arguments: str, **variables: str) -> tuple[int, str]:
        """A command of ``souk`` with the parts' variables and these: its exit code and all it said."""
        done = subprocess.run(
            [sys.executable, "-m", "souk", *arguments],
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=READY_SECONDS,
            env=inherited({**self.environment, "COLUMNS": "300", **variables}, drop=("SOUK_",)),
        )
        return done.returncode, done.stdout

    def make_operator_key(self) -> str:
        return asyncio.run(make_operator_key(self.settings.role_url("owner"), "a drill"))

    def cut_database_connections(self) -> None:
        """End every session of Souk's roles, in the middle of whatever they do. Not while Postgres is away."""
        with (
            contextlib.suppress(psycopg.OperationalError),
            psycopg.connect(self.environment["SOUK_DATABASE_URL"], connect_timeout=2) as connection,
        ):
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename IN ('souk_api', 'souk_worker')"
            )


@contextmanager
def data_directory(wanted: Path | None) -> Iterator[Path]:
    """The folder asked for, which is kept, or one that goes when the drill ends."""
    if wanted is not None:
        if wanted.exists() and any(wanted.iterdir()):
            raise StackError(f"{wanted} is not empty: a drill needs a fresh folder")
        yield wanted
        return
    with tempfile.TemporaryDirectory(prefix="souk-drill-", ignore_cleanup_errors=True) as made:
        yield Path(made) / secrets.token_hex(4)
