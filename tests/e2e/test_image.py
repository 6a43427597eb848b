"""What the Dockerfile's build stage does, done in a folder: then every command of the image answers."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer import Context
from typer.core import TyperGroup
from typer.main import get_command

from souk.cli import PLACES, app

ROOT = Path(__file__).parents[2]
IMPORT_ALL = """
import importlib, pkgutil, sys
for package in sys.argv[1:]:
    for found in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
        if found.name != "souk.__main__" and not found.name.startswith("db.migrations."):
            importlib.import_module(found.name)
"""
SHOW_HELP = """
import sys
from souk.cli import app
for words in sys.argv[1:]:
    app([*words.split(), "--help"], standalone_mode=False, prog_name="souk")
"""


def instructions(stage: str) -> list[tuple[str, str]]:
    """A stage's instructions and their arguments, in order."""
    text = re.sub(r"\\\n", " ", (ROOT / "Dockerfile").read_text())
    lines = [line.split(maxsplit=1) for line in text.splitlines() if line and not line.startswith("#")]
    stages: dict[str, list[tuple[str, str]]] = {}
    for name, words in lines:
        if name == "FROM":
            current = stages.setdefault(words.partition(" AS ")[2], [])
        elif stages:
            current.append((name, words))
    return stages[stage]


def sent_to_the_builder(path: str) -> bool:
    return f"!{path}" in (ROOT / ".dockerignore").read_text().splitlines()


@dataclass(frozen=True, slots=True)
class Image:
    """What the final stage copies, and an empty home for whoever runs it."""

    venv: Path
    home: Path

    def run(self, program: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        environment = {"PATH": f"{self.venv / 'bin'}:/usr/bin:/bin", "HOME": str(self.home), "COLUMNS": "200"}
        return subprocess.run(
            [str(self.venv / "bin" / program), *arguments],
            check=False, capture_output=True, text=True, timeout=280, cwd=self.home, env=environment,
        )  # fmt: skip


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    folder = tmp_path_factory.mktemp("image")
    source, home = folder / "src", folder / "home"
    source.mkdir()
    home.mkdir()
    # The machine's own settings for pip say where it finds packages; the rest of them stay out.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("SOUK_", "PYTHON"))}
    for name, words in instructions("build"):
        if name == "COPY":
            *paths, target = words.split()
            for path in paths:
                assert sent_to_the_builder(path), f".dockerignore keeps {path} out"
                where = source / target / path if (ROOT / path).is_file() else source / target
                if (ROOT / path).is_dir():
                    shutil.copytree(ROOT / path, where, ignore=shutil.ignore_patterns("__pycache__"))
                else:
                    shutil.copy(ROOT / path, where)
        elif name == "RUN":
            command = words.replace("/opt/", f"{folder}/opt/").replace("python -m venv", f"{sys.executable} -m venv")
            done = subprocess.run(
                ["sh", "-euc", command], check=False, capture_output=True, text=True, cwd=source, env=environment
            )
            assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        else:
            assert (name, words) == ("WORKDIR", "/src") or name == "ENV", f"this test does not know {name} {words}"
    return Image(folder / "opt" / "souk", home)


def every_command(found: Any, *path: str) -> list[tuple[str, ...]]:
    if not isinstance(found, TyperGroup):
        return [path]
    context = Context(found)
    below = ((name, found.get_command(context, name)) for name in found.list_commands(context))
    return [path, *(each for name, command in below for each in every_command(command, *path, name))]


@pytest.mark.slow(seconds=90)
@pytest.mark.timeout(900)
def test_every_command_of_the_image_answers(image: Image) -> None:
    commands = every_command(get_command(app))
    assert ("drill", "crash") in commands
    # A command by itself imports what it needs; those of one group are in one module.
    for name in ("", *PLACES):
        done = image.run("souk", *name.split(), "--help")
        assert done.returncode == 0, done.stderr
        assert f"souk {name}".rstrip() in done.stdout
    nested = [" ".join(path) for path in commands if len(path) > 1]
    done = image.run("python", "-c", SHOW_HELP, *nested)
    assert done.returncode == 0, done.stderr
    assert [name for name in nested if f"souk {name}" not in done.stdout] == []


@pytest.mark.slow(seconds=90)
@pytest.mark.timeout(900)
def test_the_image_holds_what_its_code_imports_and_nothing_for_tests(image: Image) -> None:
    packages = [words.split()[0] for name, words in instructions("build") if name == "COPY" and "." not in words]
    done = image.run("python", "-c", IMPORT_ALL, *(name for name in packages if name != "web"))
    assert done.returncode == 0, done.stderr
    [site] = image.venv.glob("lib/python*/site-packages")
    for package in ("pytest", "mypy", "hypothesis", "playwright", "hatchling", "pip"):
        assert not (site / package).exists()


@pytest.mark.parametrize("part", ["runtime", "build"])
def test_the_image_installs_what_the_tests_ran_on(part: str) -> None:
    """Each release with its hashes, as ``make lock`` writes them into both files."""

    def releases(name: str) -> set[str]:
        return set(re.split(r"\n(?=\S)", (ROOT / name).read_text().strip()))

    assert releases(f"requirements-{part}.lock") < releases("requirements.lock")


def test_the_image_is_made_of_every_package_of_the_wheel() -> None:
    listed = re.search(r"^packages = \[(\"domain.*)\]$", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert listed is not None
    copied = {words.split()[0] for name, words in instructions("build") if name == "COPY"}
    assert set(shlex.split(listed[1].replace(",", " "))) <= copied
