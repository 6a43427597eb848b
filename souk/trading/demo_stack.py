"""The Souk a demo runs on: one that is there already, or one that it starts and stops itself.

The child is on a leash, so it stops when the demo dies, and leads its own session, so that Ctrl-C reaches
only the demo, which then stops it in order.
"""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from souk.stack.child import leash
from souk.stack.errors import StackError
from souk.stack.running import running_stack

STOP_SECONDS = 40.0


@dataclass(frozen=True, slots=True)
class DemoStack:
    """Addresses, and the child to wait for when the demo started it."""

    api: str
    temporal_ui: str | None
    child: subprocess.Popen[bytes] | None = None


@contextmanager
def stack_for_demo(data_dir: Path, api: str | None) -> Iterator[DemoStack]:
    """A stack to trade on inside the block. Raises StackError when it cannot be started."""
    if api is not None:
        yield DemoStack(api, None)
        return
    try:
        running = running_stack(data_dir)
    except StackError:
        running = None
    if running is not None:
        yield DemoStack(running.api, running.temporal_ui)
        return
    ports = [part for name in ("api", "temporal", "ui") for part in (f"--{name}-port", "0")]
    child = subprocess.Popen(
        [sys.executable, "-m", "souk", "up", "--json", "--data-dir", str(data_dir), *ports],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=leash(signal.SIGTERM),  # noqa: PLW1509 - no thread has been started yet
    )
    try:
        yield _await_ready(child)
    finally:
        _stop(child)


def _await_ready(child: subprocess.Popen[bytes]) -> DemoStack:
    """Read the line of addresses that ``souk up --json`` prints when it is ready."""
    line = child.stdout.readline() if child.stdout is not None else b""
    try:
        addresses = json.loads(line)
        return DemoStack(addresses["api"], addresses["temporal_ui"], child)
    except (ValueError, KeyError, TypeError) as error:
        # It said why on the standard error that it shares with us.
        raise StackError("the demo could not start its own Souk: see the line above") from error


def _stop(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
    if child.stdout is not None:
        child.stdout.close()
