"""Contexts are checked when they are loaded: what is missing, misnamed, undeclared or shared fails with its name."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from config.contexts import CONTEXTS
from db.platform.contexts import DbPart
from domain.platform.contexts import ContextError, Contexts

_WHOLE = """
from domain.platform.contexts import ContextSpec, WorkflowType
CONTEXT = ContextSpec(name={name!r}, summary="", parts={parts!r}, {more})
"""
_PART = """
from db.platform.contexts import DbPart
PART = DbPart(name={name!r})
"""
Write = Callable[[str, str], None]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Write:
    """Write a module of the package ``shelf_<test>``."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def put(module: str, text: str) -> None:
        path = tmp_path.joinpath(package(request.node.name), *module.split(".")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    return put


def package(test: str) -> str:
    return f"shelf_{test}"


def whole(name: str, parts: tuple[str, ...] = (), more: str = "") -> str:
    return _WHOLE.format(name=name, parts=parts, more=more)


def test_the_contexts_of_souk_are_whole() -> None:
    assert [part.name for part in CONTEXTS.parts("db", DbPart)] == list(CONTEXTS.names)


def test_one_that_is_not_there() -> None:
    with pytest.raises(ContextError, match=r"domain\.nobody\.context is missing"):
        Contexts(("nobody",))


def test_one_under_another_name(write: Write, request: pytest.FixtureRequest) -> None:
    write("domain.toys.context", whole("plays"))
    with pytest.raises(ContextError, match="is named 'plays', not 'toys'"):
        Contexts((f"{package(request.node.name)}:toys",))


def test_a_part_that_is_missing(write: Write, request: pytest.FixtureRequest) -> None:
    write("domain.toys.context", whole("toys", ("db",)))
    with pytest.raises(ContextError, match=r"db\.toys\.context is missing"):
        Contexts((f"{package(request.node.name)}:toys",)).parts("db", DbPart)


def test_a_part_that_nobody_declared(write: Write, request: pytest.FixtureRequest) -> None:
    write("domain.toys.context", whole("toys"))
    write("db.toys.context", _PART.format(name="toys"))
    with pytest.raises(ContextError, match="declares no part in 'db'"):
        Contexts((f"{package(request.node.name)}:toys",)).parts("db", DbPart)


def test_a_part_of_another_or_of_another_type(write: Write, request: pytest.FixtureRequest) -> None:
    write("domain.toys.context", whole("toys", ("db",)))
    write("db.toys.context", _PART.format(name="plays"))
    with pytest.raises(ContextError, match="is named 'plays', not 'toys'"):
        Contexts((f"{package(request.node.name)}:toys",)).parts("db", DbPart)
    write("domain.games.context", whole("games", ("db",)))
    write("db.games.context", "PART = 7")
    with pytest.raises(ContextError, match="must be a DbPart"):
        Contexts((f"{package(request.node.name)}:games",)).parts("db", DbPart)


@pytest.mark.parametrize(
    ("what", "more"),
    [
        ("queue", "queues=('souk-market',)"),
        ("tag", "tags={'stores': ''}"),
        ("workflow id", "workflows=(WorkflowType('Toy', 'order', 'souk-market'),)"),
        ("lock's rank", "locks={'toys': 10}"),
    ],
)
def test_what_two_contexts_cannot_share(
    write: Write, request: pytest.FixtureRequest, what: str, more: str, tmp_path: Path
) -> None:
    root = f"shelf_{''.join(filter(str.isalpha, what))}"
    path = tmp_path / root / "domain" / "toys" / "context.py"
    path.parent.mkdir(parents=True)
    path.write_text(whole("toys", more=more))
    with pytest.raises(ContextError, match=f"the same {what}"):
        Contexts(("market", f"{root}:toys"))


def test_a_workflow_on_a_queue_that_nobody_has(write: Write, request: pytest.FixtureRequest) -> None:
    write("domain.toys.context", whole("toys", more="workflows=(WorkflowType('Toy', 'toy', 'nowhere'),)"))
    with pytest.raises(ContextError, match="'nowhere', which no context declares"):
        Contexts((f"{package(request.node.name)}:toys",))


def test_the_recipe_names_the_files_that_the_smallest_context_has() -> None:
    recipe = Path("CONTRIBUTING.md").read_text().split("## Adding a context")[1].split("\n## ")[0]
    named = re.findall(r"`([a-z/]+/<name>(?:/[a-z]+)?\.py)`", recipe)
    assert len(named) == 6
    missing = [path for path in named if not Path("tests/contexts", path.replace("<name>", "wishes")).is_file()]
    assert missing == []
