"""Signals as something to wait for: the supervisor sleeps in ``pause`` and wakes at once on a signal.

The handlers only take a note, so a signal never interrupts the supervisor in the middle of a step. A second
Ctrl-C raises KeyboardInterrupt: whoever presses it will not wait, and the leashes end the children.
"""

import select
import signal
import socket
from types import FrameType, TracebackType
from typing import Self

from souk.stack.errors import StopRequested

_STOP = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Signals:
    """Takes over the process's signals inside its block."""

    def __init__(self) -> None:
        self._received = False
        self._reader, self._writer = socket.socketpair()

    def __enter__(self) -> Self:
        self._reader.settimeout(0)
        self._writer.settimeout(0)
        signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        for number in _STOP:
            signal.signal(number, self._note)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # a child ended: only to wake up
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number in (*_STOP, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.set_wakeup_fd(-1)
        self._reader.close()
        self._writer.close()

    def pause(self, seconds: float) -> None:
        """Sleep until the time is over or any signal arrives. Raises StopRequested when told to stop."""
        if not self._received:
            ready, _, _ = select.select([self._reader], [], [], seconds)
            if ready:
                self._reader.recv(4096)
        if self._received:
            raise StopRequested

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self._received = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
