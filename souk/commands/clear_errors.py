"""Turns what a person can mend into one line on stderr and an exit code, in place of a traceback."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from souk.stack.errors import GaveUpError, StackError


@contextmanager
def one_clear_line() -> Iterator[None]:
    """Exit with 2 when something was set up wrongly, with 1 when a running stack broke down."""
    try:
        yield
    except (StackError, GaveUpError) as error:
        typer.echo(f"souk: {' '.join(str(error).split())}", err=True)
        raise typer.Exit(2 if isinstance(error, StackError) else 1) from error
