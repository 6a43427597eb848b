"""One child process on a leash: when its parent dies, even by SIGKILL, the child is told to stop.

On Linux the kernel does it (``PR_SET_PDEATHSIG``). The signal belongs to the *thread* that forked, so
children are only started from the main thread. Where the kernel cannot, and for children that were slow to
obey, a note of pid and creation time is left behind and the next start ends what it finds (``reclaim``).
Each child leads its own session: Ctrl-C reaches the supervisor alone, which stops them in order.
"""

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from souk.stack.errors import StackError

_PR_SET_PDEATHSIG = 1
# Looked up before any fork: between fork and exec a child should do as little as possible.
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None

_ROTATE_LOG_AT_BYTES = 20 * 1024 * 1024
_CLOCK_TICK_SECONDS = 0.011  # what creation times are exact to


@dataclass(frozen=True, slots=True)
class Account:
    """The system account a child runs as, when it cannot run as ours."""

    uid: int
    gid: int


class Child:
    """A named child process that can be started again and again, always into the same log file."""

    def __init__(
        self,
        name: str,
        *,
        log: Path,
        note: Path,
        stop_signal: signal.Signals = signal.SIGTERM,
        stop_seconds: float = 15.0,
    ) -> None:
        self.name = name
        self.log = log
        self.note = note
        self.stop_signal = stop_signal
        self.stop_seconds = stop_seconds
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process id of the last start, or None before the first."""
        return self._process.pid if self._process else None

    def poll(self) -> int | None:
        """The exit code of the child, None while it runs. Raises RuntimeError before the first start."""
        if self._process is None:
            raise RuntimeError(f"{self.name} was never started")
        return self._process.poll()

    def spawn(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        account: Account | None = None,
        pass_fds: Sequence[int] = (),
    ) -> None:
        """Start the child; its output goes to the log. Raises StackError when it cannot be executed."""
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("start children from the main thread: the kernel ends them with their thread")
        reclaim(self.note)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > _ROTATE_LOG_AT_BYTES:
            self.log.replace(self.log.with_suffix(".1.log"))
        with self.log.open("ab") as log:
            try:
                self._process = subprocess.Popen(
                    list(argv),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=None if env is None else dict(env),
                    cwd=cwd,
                    user=account.uid if account else None,
                    group=account.gid if account else None,
                    extra_groups=[] if account else None,
                    pass_fds=pass_fds,
                    start_new_session=True,
                    # Runs after the change of user, which would clear the leash.
                    preexec_fn=leash(self.stop_signal),  # noqa: PLW1509 - looks nothing up, takes no lock
                )
            except (OSError, subprocess.SubprocessError) as error:
                raise StackError(f"cannot run {argv[0]} ({error}): run `make install`, or see {self.log}") from error
        self._leave_note(self._process.pid)

    def stop(self) -> None:
        """Ask the child to stop, wait, and kill it if it will not. Does nothing when it has ended."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(self.stop_signal)
            try:
                self._process.wait(self.stop_seconds)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self.note.unlink(missing_ok=True)

    def last_words(self) -> str:
        """The last non-empty line of the log: usually why the child died."""
        try:
            with self.log.open("rb") as log:
                log.seek(max(0, self.log.stat().st_size - 4096))
                lines = [line.strip() for line in log.read().decode(errors="replace").splitlines()]
        except FileNotFoundError:
            return ""
        return next((line[:300] for line in reversed(lines) if line), "")

    def _leave_note(self, pid: int) -> None:
        # A child that is gone already needs no note: there is nothing to reclaim.
        with contextlib.suppress(psutil.NoSuchProcess):
            note = {
                "pid": pid,
                "created": psutil.Process(pid).create_time(),
                "signal": int(self.stop_signal),
            }
            self.note.parent.mkdir(parents=True, exist_ok=True)
            self.note.write_text(json.dumps(note))


def leash(death_signal: signal.Signals) -> Callable[[], None] | None:
    """What a child runs between fork and exec, so that ``death_signal`` reaches it when its parent dies."""
    if _libc is None:
        return None
    libc, parent = _libc, os.getpid()

    def set_leash() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != parent:  # the parent died before the leash was on
            os._exit(1)

    return set_leash


def reclaim(note: Path, *, seconds: float = 20.0) -> None:
    """End the process an earlier supervisor noted and could not stop, if it still runs.

    The creation time tells it from a stranger that was given the same process id since.
    """
    try:
        left = json.loads(note.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        left = None  # never started, or the note was cut short by the crash before the child ran
    if left and (process := same_process(left["pid"], left["created"])):
        with contextlib.suppress(psutil.NoSuchProcess):  # it may end by itself meanwhile
            process.send_signal(left["signal"])
            end(process, seconds=seconds)
    note.unlink(missing_ok=True)


def end(process: psutil.Process, *, seconds: float) -> None:
    """Wait for a process that was asked to stop; kill it when the time is over."""
    deadline = time.monotonic() + seconds
    while is_alive(process):
        if time.monotonic() > deadline:
            process.kill()
            deadline += 5
        time.sleep(0.05)


def is_alive(process: psutil.Process) -> bool:
    """Whether it still runs. A zombie does not: in a container nobody may ever collect it."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def same_process(pid: int, created: float) -> psutil.Process | None:
    """The running process with this id, unless the id was given to another one since."""
    try:
        process = psutil.Process(pid)
        same = abs(process.create_time() - created) < _CLOCK_TICK_SECONDS
    except psutil.NoSuchProcess:
        return None
    return process if same and is_alive(process) else None
