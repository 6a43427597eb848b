"""A gate that children wait at: they are started early, import what they need, and go on once it is opened.

It is a pipe that nobody writes to. Closing its one writing end opens the gate for every reader, those that come
later too; a parent that dies opens it as well, and its children's leashes end them.
"""

import os


class Gate:
    """The parent's side. ``reader`` is handed to children, also to those that are started after ``open``."""

    def __init__(self) -> None:
        self.reader, writer = os.pipe()
        self._writer: int | None = writer

    def open(self) -> None:
        """Let everybody through, for good. May be called again."""
        if self._writer is not None:
            os.close(self._writer)
            self._writer = None

    def close(self) -> None:
        """Give the pipe back, when no child is left to be started."""
        self.open()
        os.close(self.reader)


def wait_at(reader: int) -> None:
    """A child's side: returns when the gate is open. A signal's default action ends the wait and the child."""
    with os.fdopen(reader, "rb") as pipe:
        pipe.read()
