"""The embedded servers by themselves, as test fixtures use them."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import psycopg
import pytest

from souk.stack.embedded import EmbeddedPostgres, EmbeddedTemporal
from souk.stack.errors import StackError


def test_a_missing_program_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StackError, match="run `make install`"):
        EmbeddedTemporal(None)
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(StackError, match="run `make install`"):
        EmbeddedPostgres(tmp_path)


def test_embedded_servers_end_with_their_parent(tmp_path: Path) -> None:
    script = f"""if True:
        import os, pathlib, psutil
        from souk.stack.embedded import EmbeddedPostgres, EmbeddedTemporal
        EmbeddedPostgres(pathlib.Path({str(tmp_path)!r}), fast=True).start()
        EmbeddedTemporal(None).start()
        print(*(p.pid for p in psutil.Process().children(recursive=True)), flush=True)
        os.kill(os.getpid(), 9)
    """
    done = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True, timeout=240)
    pids = [int(pid) for pid in done.stdout.split()]
    assert len(pids) > 2, done.stderr
    deadline = time.monotonic() + 60
    while any(psutil.pid_exists(pid) for pid in pids):
        assert time.monotonic() < deadline, "a server outlived its parent"
        time.sleep(0.1)


def test_a_long_path_and_an_odd_one_hold_a_cluster(tmp_path: Path) -> None:
    odd = tmp_path / "a very long directory with a % and 'quotes'" / ("x" * 80)
    with EmbeddedPostgres(odd, fast=True) as postgres:
        assert postgres.socket_dir != postgres.cluster
        assert postgres.socket_dir.stat().st_mode & 0o777 == 0o700
        psycopg.connect(postgres.url()).close()
    assert not postgres.socket_dir.exists()


def test_a_lock_file_that_names_a_stranger_does_not_stop_postgres(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path, fast=True) as postgres:
        lock = (postgres.cluster / "postmaster.pid").read_text()
    (postgres.cluster / "postmaster.pid").write_text(lock.replace(lock.split()[0], str(os.getpid()), 1))
    with postgres:
        psycopg.connect(postgres.url()).close()


def test_a_server_is_not_started_from_a_thread_that_would_end_it(tmp_path: Path) -> None:
    raised: list[BaseException] = []

    def start() -> None:
        try:
            EmbeddedTemporal(tmp_path).spawn()
        except RuntimeError as error:
            raised.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert "main thread" in str(raised[0])
