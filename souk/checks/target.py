"""Which Souk a check looks at: the stack in a data directory, a database, or an API."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from config.settings import Settings
from souk.stack.running import stack_environment

ApiOption = Annotated[
    str | None, typer.Option("--api", metavar="URL", help="Check a Souk through its API, e.g. http://127.0.0.1:8000.")
]
DatabaseOption = Annotated[
    str | None,
    typer.Option("--database", metavar="URL", help="Check a database directly, as a role that may read everything."),
]
KeyOption = Annotated[
    str | None,
    typer.Option("--operator-key", envvar="SOUK_OPERATOR_KEY", help="An operator's key, for checks through the API."),
]
_FIELDS = ("database_url", "worker_database_url", "temporal_address", "temporal_namespace", "payload_keys")


@dataclass(frozen=True, slots=True)
class DatabaseTarget:
    """A database URL, and the Temporal beside it where it is known."""

    url: str
    temporal_address: str
    temporal_namespace: str
    payload_keys: str


def database_target(database: str | None, data_dir: Path) -> DatabaseTarget:
    """The database to check: the one named, else the one of the stack in ``data_dir``.

    For a named one, Temporal is taken from the settings. Raises StackError when nothing runs there.
    """
    if database is None:
        environment = stack_environment(data_dir)
        names = {field: f"SOUK_{field.upper()}" for field in _FIELDS}
        settings = Settings.model_validate(
            {field: environment[name] for field, name in names.items() if name in environment}
        )
        url = settings.role_url("worker")
    else:
        settings = Settings()
        url = Settings(database_url=database).role_url("owner")
    return DatabaseTarget(
        url, settings.temporal_address, settings.temporal_namespace, settings.payload_keys.get_secret_value()
    )
