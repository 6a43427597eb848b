"""``python -m souk``: the same program as the ``souk`` command, also where no script is installed."""

from souk.cli import app

app(prog_name="souk")
