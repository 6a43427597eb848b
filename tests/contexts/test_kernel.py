"""The kernel knows no context: not in what it imports (``tests/import_contracts.py``), and not in a word either."""

import re
from pathlib import Path

from config.contexts import CONTEXTS

LAYERS = ("activities", "api", "db", "domain", "workflows")
# What SQLAlchemy calls the moment at which a pool hands a connection out.
OTHERS = re.compile(r'at every checkout:|"checkout"\)')


def test_no_file_of_the_kernel_names_a_context() -> None:
    names = re.compile(rf"\b({'|'.join(name.removesuffix('s') for name in CONTEXTS.names)})", re.IGNORECASE)
    files = [path for layer in LAYERS for path in Path(layer, "platform").glob("*.py")]
    assert len(files) > 60
    found = [
        f"{path}:{number}: {line.strip()}"
        for path in files
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if names.search(OTHERS.sub("", line))
    ]
    assert found == []
