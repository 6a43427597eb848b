"""Files and modules that documentation, comments and docstrings name exist."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")}
SUFFIXES = {".py", ".md", ".sh", ".sql", ".toml", ".yml"}
FILE = re.compile(r"(?<![\w./<>{}$~-])(?:[\w.*-]+/)+[\w.*-]+\.(?:py|sql|md|sh|toml|yml|json|html|css|js)(?![\w/])")
MODULE = re.compile(r"``([a-z_]+(?:\.[a-z_]+)+)")
# The recipe for a new process in CONTRIBUTING.md, by an example.
MADE_UP = re.compile(r"disputes?\.py$")


def _texts() -> Iterator[tuple[Path, str]]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for path in map(ROOT.joinpath, listed.split("\0")):
        if path.suffix in SUFFIXES and path.is_file():
            yield path, path.read_text()


def test_named_files_exist() -> None:
    seen, missing = 0, []
    for path, text in _texts():
        for named in FILE.findall(text):
            if named.split("/")[0] in PACKAGES and not MADE_UP.search(named):
                seen += 1
                if not any(ROOT.glob(named)) and not any(path.parent.glob(named)):
                    missing.append(f"{path.relative_to(ROOT)} names {named}")
    assert seen > 100
    assert not missing


def _is_there(module: str) -> bool:
    """A module, or what one holds."""
    place = ROOT.joinpath(*module.split("."))
    if place.is_dir() or place.with_suffix(".py").is_file():
        return True
    holders = (place.parent.with_suffix(".py"), place.parent / "__init__.py")
    return any(holder.is_file() and place.name in holder.read_text() for holder in holders)


def test_named_modules_exist() -> None:
    seen, missing = 0, []
    for path, text in _texts():
        for named in MODULE.findall(text):
            if path.suffix == ".py" and named.split(".")[0] in PACKAGES:
                seen += 1
                if not _is_there(named):
                    missing.append(f"{path.relative_to(ROOT)} names {named}")
    assert seen > 10
    assert not missing
