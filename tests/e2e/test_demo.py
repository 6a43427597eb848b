"""``souk demo``: piped it ends; on a terminal it goes on until Ctrl-C. Its market is its own, and gone afterwards."""

import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import httpx
import pytest

from souk.stack.inherit import inherited
from tests.e2e.people import eventually

pytestmark = [pytest.mark.slow(seconds=60), pytest.mark.timeout(900)]
COMMAND = [sys.executable, "-m", "souk", "demo"]


def environment(folder: Path) -> dict[str, str]:
    # Whatever this shell's Souk is, the demo's is another one; and it lies where this test can see it.
    return inherited({"SOUK_DATABASE_URL": "postgresql://souk@127.0.0.1:1/none", "TMPDIR": str(folder)})


def test_piped_it_ends_and_leaves_nothing(tmp_path: Path) -> None:
    here, scratch = tmp_path / "here", tmp_path / "scratch"
    here.mkdir()
    scratch.mkdir()
    done = subprocess.run(
        COMMAND, check=False, capture_output=True, text=True, timeout=850, cwd=here, env=environment(scratch)
    )
    assert done.returncode == 0, done.stderr
    assert "What happened" in done.stdout
    assert "4/4 moved" in done.stdout
    assert "Ctrl-C" not in done.stdout
    assert list(here.iterdir()) == []
    assert list(scratch.glob("souk-demo-*")) == []


class Terminal:
    """The demo with a terminal as its output, read as it comes."""

    def __init__(self, process: "subprocess.Popen[bytes]", reader: int) -> None:
        self.process = process
        self.said = ""
        self._reader = reader
        self._thread = Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        # A terminal whose other end is gone is an error to read from.
        try:
            while data := os.read(self._reader, 65536):
                self.said += data.decode(errors="replace")
        except OSError:
            return

    def end(self) -> int:
        code = self.process.wait(300)
        self._thread.join(60)
        return code


@contextmanager
def on_a_terminal(folder: Path) -> Iterator[Terminal]:
    reader, writer = pty.openpty()
    process = subprocess.Popen(
        COMMAND, stdout=writer, stderr=writer, cwd=folder, env=environment(folder), start_new_session=True
    )
    os.close(writer)
    try:
        yield Terminal(process, reader)
    finally:
        process.terminate()
        process.wait(300)
        os.close(reader)


def test_on_a_terminal_it_goes_on_until_it_is_interrupted(tmp_path: Path) -> None:
    with on_a_terminal(tmp_path) as demo:

        def goes_on() -> bool:
            assert demo.process.poll() is None, demo.said
            return "until you press Ctrl-C." in demo.said

        eventually(goes_on, until=bool, seconds=600)
        found = re.search(r"Market +(http://[\d.:]+)", demo.said)
        assert found is not None
        url = found[1]

        def deals() -> int:
            page = httpx.get(f"{url}/v1/activity", params={"type": "ORDER_PLACED", "limit": 200}, timeout=60).json()
            return len([event for event in page["items"] if event["type"] == "ORDER_PLACED"])

        first = deals()
        assert first >= 7
        eventually(deals, until=lambda count: count > first, seconds=300)
        demo.process.send_signal(signal.SIGINT)
        assert demo.end() == 0, demo.said
        assert demo.said.count("What happened") == 2
        assert "Traceback" not in demo.said
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{url}/healthz")
    assert list(tmp_path.glob("souk-demo-*")) == []
