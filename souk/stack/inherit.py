"""The environment a child is given: ours, less what would confuse it, plus what it must know.

Settings are still read in ``config`` alone: nothing here looks into a variable, they are only handed down.
"""

import os
from collections.abc import Mapping


def inherited(add: Mapping[str, str] | None = None, *, drop: tuple[str, ...] = ()) -> dict[str, str]:
    """Our environment without the variables that start with one of ``drop``, and with ``add``."""
    ours = os.environ.items()  # noqa: TID251 - handed down, not read
    return {name: value for name, value in ours if not (drop and name.startswith(drop))} | dict(add or {})
