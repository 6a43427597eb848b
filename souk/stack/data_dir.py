"""The data directory: everything one Souk keeps, locked by the supervisor that runs on it.

    souk.lock      says that the directory is ours; locked (flock) while a Souk runs on it, holds its pid
    secrets.json   the keys that encrypt Temporal payloads, derive API keys, sign webhooks; without it data is lost
    postgres/      the database cluster       temporal.db   Temporal's histories
    logs/          one file per process       run/          notes on running children
    stack.json     where the running stack answers, only while it does

All of it is for its owner alone (0700); run as root, the directory itself can be passed through (0711), so
that the account of Postgres reaches ``postgres/``.
"""

import base64
import fcntl
import json
import os
import secrets
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from souk.stack.child import reclaim
from souk.stack.errors import StackError

_LOCK = "souk.lock"
_SECRETS = "secrets.json"
_ANOTHER = "choose another with --data-dir"


class DataDirectory:
    """An open data directory. A context manager: the lock is held inside the block."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().resolve()
        self.logs = self.path / "logs"
        self.run = self.path / "run"
        self._lock: TextIO | None = None

    def __enter__(self) -> Self:
        """Create the directory where it is missing and lock it.

        Raises StackError when it holds something else, cannot be written, or another Souk runs on it.
        """
        try:
            self._check_ours()
            self.path.mkdir(parents=True, exist_ok=True)
            lock = (self.path / _LOCK).open("a+", encoding="ascii")
        except OSError as error:
            raise StackError(f"the data directory {self.path} cannot be used ({error.strerror}): {_ANOTHER}") from error
        self._take(lock)
        self.path.chmod(0o711 if os.geteuid() == 0 else 0o700)
        for folder in (self.logs, self.run):
            folder.mkdir(mode=0o700, exist_ok=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._lock:
            self._lock.close()
            self._lock = None

    def reclaim(self) -> None:
        """End what a crashed supervisor left running on this directory."""
        for note in sorted(self.run.glob("*.json")):
            reclaim(note)

    def secrets(self) -> dict[str, str]:
        """The secrets as ``SOUK_*`` variables; made on the first start.

        Raises StackError when data exist whose keys are gone: new keys could not read them.
        """
        file = self.path / _SECRETS
        if not file.exists():
            if (self.path / "postgres").exists() or (self.path / "temporal.db").exists():
                raise StackError(
                    f"{file} is missing and without it the data beside it cannot be read: "
                    f"restore it from a backup, or {_ANOTHER}"
                )
            made = {
                "SOUK_PAYLOAD_KEYS": "k1:" + base64.b64encode(secrets.token_bytes(32)).decode(),
                "SOUK_CREDENTIAL_SECRET": secrets.token_urlsafe(32),
            }
            write_private(file, json.dumps(made, indent=2) + "\n")
        try:
            kept: dict[str, str] = json.loads(file.read_text())
        except (OSError, json.JSONDecodeError) as error:
            raise StackError(f"{file} cannot be read ({error}): restore it from a backup") from error
        if "SOUK_UCP_SIGNING_KEYS" not in kept:  # nor in the first directories; nothing was signed with it
            kept["SOUK_UCP_SIGNING_KEYS"] = base64.b64encode(secrets.token_bytes(32)).decode()
            write_private(file, json.dumps(kept, indent=2) + "\n")
        return kept

    def _check_ours(self) -> None:
        if not self.path.exists():
            return
        if not self.path.is_dir():
            raise StackError(f"{self.path} is not a directory: {_ANOTHER}")
        if not (self.path / _LOCK).exists() and any(self.path.iterdir()):
            raise StackError(f"{self.path} holds something else than Souk's data: {_ANOTHER}")

    def _take(self, lock: TextIO) -> None:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            lock.close()
            raise StackError(f"another souk (pid {holder}) uses {self.path}: stop it, or {_ANOTHER}") from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock


def write_private(file: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    draft = file.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(
        os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600),
        "w",
        encoding="utf-8",
    ) as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    draft.replace(file)
