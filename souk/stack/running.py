"""Where the running stack answers: written by ``souk up`` when it is ready, gone when it is not."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from souk.stack.child import same_process
from souk.stack.data_dir import write_private
from souk.stack.errors import StackError

_FILE = "stack.json"


@dataclass(frozen=True, slots=True)
class RunningStack:
    """The addresses of a stack. ``environment`` holds secrets: the ``SOUK_*`` variables to act on it with."""

    api: str
    temporal: str
    temporal_ui: str
    database: str
    pid: int
    started: float = field(repr=False, default=0.0)
    environment: dict[str, str] = field(repr=False, default_factory=dict)

    @property
    def temporal_workflows(self) -> str:
        """Where the Temporal UI lists the processes; empty when its address is not known."""
        namespace = self.environment["SOUK_TEMPORAL_NAMESPACE"]
        return f"{self.temporal_ui.rstrip('/')}/namespaces/{namespace}/workflows" if self.temporal_ui else ""

    def addresses(self) -> dict[str, str]:
        """What ``souk up --json`` prints."""
        return {
            "api": self.api,
            "temporal": self.temporal,
            "temporal_ui": self.temporal_ui,
            "database": self.database,
        }


def running_stack(data_dir: Path) -> RunningStack:
    """The stack that runs on a data directory. Raises StackError when none does."""
    absent = f"nothing is running in {data_dir}: start it with `souk up --data-dir {data_dir}`"
    try:
        stack = RunningStack(**json.loads((data_dir / _FILE).read_text()))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise StackError(absent) from error
    except PermissionError as error:
        raise StackError(f"{data_dir} belongs to another user: run this as that user") from error
    except (json.JSONDecodeError, TypeError) as error:
        raise StackError(f"{data_dir / _FILE} was written by another version: restart `souk up`") from error
    # After a crash the file stays, and its process id may be somebody else's by now.
    if same_process(stack.pid, stack.started) is None:
        raise StackError(absent)
    return stack


def stack_environment(data_dir: Path) -> dict[str, str]:
    """The ``SOUK_*`` variables with which settings point at the running stack; they include its secrets.

    Raises StackError when nothing runs there.
    """
    return running_stack(data_dir).environment


def announce(data_dir: Path, stack: RunningStack) -> None:
    """Leave the note that ``running_stack`` reads."""
    write_private(data_dir / _FILE, json.dumps(asdict(stack), indent=2) + "\n")


def withdraw(data_dir: Path) -> None:
    """Remove the note: from here on the stack no longer answers."""
    (data_dir / _FILE).unlink(missing_ok=True)
