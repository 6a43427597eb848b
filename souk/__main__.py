"""``python -m souk`` and the ``souk`` script: the command line, and an exit that keeps its code.

Temporal's client runs threads of its own, and an interpreter that tears itself down under them aborts now and
then (exit code 134) though everything was done. So the process ends without a teardown: after the command's
own clean-up, with everything written out.
"""

import logging
import os
import sys

from souk.cli import app


def main() -> None:
    """Run the command and end the process with its exit code."""
    code: int | str | None = 0
    try:
        app(prog_name="souk")
    except SystemExit as ended:
        code = ended.code
    if isinstance(code, str):
        sys.stderr.write(f"{code}\n")
        code = 1
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code or 0)


if __name__ == "__main__":
    main()
