"""Activities are named by their signatures alone, and what implements one has all of them."""

from abc import abstractmethod

import pytest
from temporalio import activity

from activities.platform.signatures import Activities, activities_of


class Letters(Activities):
    @activity.defn(name="write_letter")
    @abstractmethod
    async def write(self, to: str) -> int: ...

    @activity.defn(name="post_letter")
    @abstractmethod
    async def post(self, number: int) -> str: ...


class Written(Letters):
    """The one half, as an implementation that is spread over files has it."""

    async def write(self, to: str) -> int:
        return len(to)

    async def count(self) -> int:
        """No activity."""
        return 0


class Mail(Written):
    async def post(self, number: int) -> str:
        return f"letter {number}"


class Postbox:
    """A mixin knows no signature."""

    async def post(self, number: int) -> str:
        return f"box {number}"


class Boxed(Postbox, Written):
    pass


def names(made: Activities) -> list[str]:
    found = [activity._Definition.must_from_callable(method) for method in activities_of(made)]
    return [definition.name or "" for definition in found]


@pytest.mark.parametrize("made", [Mail(), Boxed()], ids=lambda made: type(made).__name__)
def test_an_implementation_is_registered_by_its_signatures_names(made: Activities) -> None:
    assert names(made) == ["write_letter", "post_letter"]


async def test_what_is_registered_is_what_was_written() -> None:
    write, post = activities_of(Mail())
    assert await write("Ada") == 3
    assert await post(7) == "letter 7"
    assert await activities_of(Boxed())[1](7) == "box 7"


def test_types_are_the_implementations_own() -> None:
    definition = activity._Definition.must_from_callable(activities_of(Mail())[0])
    assert (definition.arg_types, definition.ret_type) == ([str], int)


def test_a_forgotten_activity_cannot_go_unseen() -> None:
    with pytest.raises(TypeError, match=r"abstract method '?post\b"):
        Written()


def test_a_misspelt_activity_cannot_go_unseen() -> None:
    class Misspelt(Written):
        async def posts(self, number: int) -> str:
            return ""

    with pytest.raises(TypeError, match=r"abstract method '?post\b"):
        Misspelt()


def test_an_implementation_names_nothing_itself() -> None:
    with pytest.raises(TypeError, match="from a signature"):

        class Named(Written):
            @activity.defn(name="post_letters")
            async def post(self, number: int) -> str:
                return ""
