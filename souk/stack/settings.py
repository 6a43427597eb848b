"""Settings for the command line: read once, checked against the world, and told in one line when wrong."""

import asyncio
import time
from collections.abc import Mapping

import psycopg
from pydantic import ValidationError
from pydantic_settings import SettingsError

from config.settings import Settings, read_settings
from souk.stack.errors import StackError
from souk.stack.temporal import missing

_AGAIN_SECONDS = 0.1


def load_settings() -> Settings:
    """The settings of this process. Raises StackError that names the variable which is wrong."""
    try:
        return read_settings()
    except ValidationError as error:
        first = error.errors()[0]
        if not first["loc"]:
            raise StackError(first["msg"].removeprefix("Value error, ")) from error
        name = "SOUK_" + "__".join(str(part) for part in first["loc"]).upper()
        raise StackError(f"{name} is wrong ({first['msg']}): correct it or unset it") from error
    except SettingsError as error:
        raise StackError(f"a SOUK_ variable cannot be read ({error}): correct it or unset it") from error


def check_database(url: str, variable: str = "SOUK_DATABASE_URL", *, patience: float = 0.0) -> None:
    """Make sure a database answers, trying for ``patience`` seconds. Raises StackError when it does not."""
    # Here, not above: `souk up` on its own database asks for none of it.
    from sqlalchemy.engine import make_url  # noqa: PLC0415
    from sqlalchemy.exc import ArgumentError  # noqa: PLC0415

    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise StackError(f"{variable} is no database URL: write it as postgresql://user:password@host/db") from error
    conninfo = parsed.set(drivername="postgresql").render_as_string(hide_password=False)
    deadline = time.monotonic() + patience
    while True:
        try:
            psycopg.connect(conninfo, connect_timeout=5).close()
        except psycopg.Error as error:
            if time.monotonic() > deadline:
                shown = parsed.set(drivername="postgresql").render_as_string(hide_password=True)
                raise StackError(
                    f"the database {shown} cannot be reached ({_first_line(error)}): start it, or correct {variable}"
                ) from error
        else:
            return
        time.sleep(_AGAIN_SECONDS)


def check_temporal(address: str, namespace: str, *, patience: float = 0.0) -> None:
    """Make sure a Temporal server answers and is set up for Souk. Raises StackError when it is not."""
    deadline = time.monotonic() + patience
    while (problem := _temporal_problem(address, namespace)) is not None:
        if time.monotonic() > deadline:
            raise StackError(
                f"Temporal at {address} cannot be used, namespace {namespace} ({problem}): "
                "start it, or correct SOUK_TEMPORAL_ADDRESS and SOUK_TEMPORAL_NAMESPACE"
            )
        time.sleep(_AGAIN_SECONDS)


def require(settings: Settings, variables: Mapping[str, str]) -> None:
    """Raise StackError for the first of ``variables`` (field name to example) that is not set."""
    for field, example in variables.items():
        if not getattr(settings, field):
            raise StackError(f"SOUK_{field.upper()} is not set: set it, for example to {example}")


def _temporal_problem(address: str, namespace: str) -> str | None:
    async def ask() -> str | None:
        try:
            return await asyncio.wait_for(missing(address, namespace), timeout=5)
        except TimeoutError:
            return "no answer within 5 s"

    return asyncio.run(ask())


def _first_line(error: psycopg.Error) -> str:
    """Cut to the cause: libpq tells the cause first and hints on lines of their own."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
