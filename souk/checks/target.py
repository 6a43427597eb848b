"""Which Souk a check looks at: the stack in a data directory, a database, or an API."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import psycopg
import typer
from sqlalchemy.engine import make_url
from temporalio.client import Client

from activities.platform.specs import WorkflowSpecs
from config.contexts import CONTEXTS
from config.settings import Settings, read_settings, settings_class
from config.specs import workflow_specs
from db.platform.epochs import is_behind
from souk.stack.errors import StackError
from souk.stack.running import stack_environment
from souk.stack.variables import POLICIES
from workflows.client import connect

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
    """A database URL, and the settings of the Souk around it: its Temporal where it is known, and its policies."""

    url: str
    settings: Settings

    @property
    def specs(self) -> WorkflowSpecs:
        """The workflow types, started as this Souk starts them."""
        return workflow_specs(self.settings)

    def is_moved(self) -> bool:
        """Whether the data came from another cluster, so that its feeds hide events. Raises psycopg.Error."""
        with psycopg.connect(make_url(self.url).set(drivername="postgresql").render_as_string(False)) as connection:
            return is_behind(connection)

    async def connect(self) -> Client:
        """To its Temporal. Raises StackError when none answers there."""
        address = self.settings.temporal_address
        keys = self.settings.payload_keys.get_secret_value()
        try:
            return await connect(address, self.settings.temporal_namespace, keys)
        except RuntimeError as error:
            raise StackError(f"no Temporal answers at {address}: is it running?") from error


def database_target(database: str | None, data_dir: Path) -> DatabaseTarget:
    """The database to check: the one named, else the one of the stack in ``data_dir``.

    For a named one, Temporal is taken from the settings. Raises StackError when nothing runs there.
    """
    if database is not None:
        return DatabaseTarget(Settings(database_url=database).role_url("owner"), read_settings())
    environment = stack_environment(data_dir)
    known = {field: environment[f"SOUK_{field.upper()}"] for field in _FIELDS if f"SOUK_{field.upper()}" in environment}
    policies = {
        field: json.loads(environment[f"SOUK_{field.upper()}"])
        for field in POLICIES
        if f"SOUK_{field.upper()}" in environment
    }
    settings = settings_class(CONTEXTS).model_validate(known | policies)
    return DatabaseTarget(settings.role_url("worker"), settings)
