"""A stack of one's own in the background: for the demo, for tests, for whatever needs a Souk for a while.

It is the same ``souk up``, as a leashed child: it ends with the process that started it.
"""

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from souk.stack.child import leash
from souk.stack.errors import StackError
from souk.stack.inherit import inherited
from souk.stack.running import RunningStack, running_stack

_STOP_SECONDS = 120  # longer than all of its children may take


class BackgroundStack:
    """``souk up --json`` as a child process. Ports default to any free ones."""

    def __init__(
        self,
        data_dir: Path,
        *,
        api_port: int = 0,
        temporal_port: int = 0,
        ui_port: int = 0,
        stores_only: bool = False,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self.data_dir = data_dir.expanduser().resolve()
        self._argv = [sys.executable, "-m", "souk", "up", "--json", "--data-dir", str(self.data_dir)]
        self._argv += ["--api-port", str(api_port), "--temporal-port", str(temporal_port)]
        self._argv += ["--ui-port", str(ui_port), *(["--stores-only"] if stores_only else [])]
        self._variables = dict(variables or {})
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def process(self) -> "subprocess.Popen[str]":
        """The supervisor. Raises RuntimeError before the first start."""
        if self._process is None:
            raise RuntimeError("the stack was never started")
        return self._process

    @property
    def running(self) -> RunningStack:
        """Where it answers. Raises StackError when it does not run."""
        return running_stack(self.data_dir)

    def start(self) -> RunningStack:
        """Start and wait until it is ready. Raises StackError with the reason when it does not start."""
        with tempfile.TemporaryFile("w+", encoding="utf-8") as errors:
            self._process = subprocess.Popen(
                self._argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env=inherited(self._variables),
                start_new_session=True,  # Ctrl-C is for us: we stop it when we are done
                preexec_fn=leash(signal.SIGTERM),  # noqa: PLW1509 - looks nothing up, takes no lock
            )
            if self._process.stdout is not None:
                with self._process.stdout as ready:
                    line = ready.readline()
            if not line:
                self._process.wait(_STOP_SECONDS)
                errors.seek(0)
                said = [text.strip() for text in errors.read().splitlines() if text.strip()]
                raise StackError(said[-1].removeprefix("souk: ") if said else "the stack ended without a word")
        json.loads(line)
        return self.running

    def stop(self) -> int:
        """Stop it and wait; returns its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(_STOP_SECONDS)
