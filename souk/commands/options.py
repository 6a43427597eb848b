"""Options that several commands share, so that they read the same everywhere."""

from pathlib import Path
from typing import Annotated

import typer

DEFAULT_DATA_DIR = Path(".souk")

DataDir = Annotated[
    Path,
    typer.Option(
        "--data-dir",
        envvar="SOUK_DATA_DIR",
        show_default=True,
        help="Directory for everything Souk keeps: databases, secrets, logs. Made when missing. "
        "Run as root, the folders above it are opened for traversal (o+x), because Postgres runs as a user "
        "of its own.",
    ),
]

Wait = Annotated[
    float,
    typer.Option("--wait", min=0, metavar="SECONDS", help="How long to wait for the database and Temporal."),
]
