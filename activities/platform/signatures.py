"""Activities are named once, by their signature; what implements a signature is registered by the names in it.

A signature is a direct subclass of ``Activities`` whose abstract methods carry ``@activity.defn(name=…)``. Workflows
call activities by it. An implementation, real or fake, only writes the methods: one that it forgets or misspells stays
abstract, so the implementation cannot be made.
"""

from abc import ABC
from collections.abc import Callable
from typing import Any

from temporalio import activity

_DEFINITION = "__temporal_activity_definition"


class Activities(ABC):  # noqa: B024 - its signatures have the abstract methods
    """The base of every signature."""

    def __init_subclass__(cls, **options: Any) -> None:
        """Raises TypeError where an implementation names an activity itself."""
        super().__init_subclass__(**options)
        if Activities in cls.__bases__:
            return
        names = activity_names(cls)
        for method, value in vars(cls).items():
            if hasattr(value, _DEFINITION):
                raise TypeError(f"{cls.__name__}.{method} has its name from a signature and needs no other")
        for method, name in names.items():
            written = getattr(cls, method)
            if not hasattr(written, _DEFINITION):
                activity.defn(name=name)(written)


def activity_names(kind: type[Activities]) -> dict[str, str]:
    """The activities that the signatures of this class declare: their names by the names of the methods."""
    signatures = [base for base in kind.__mro__ if Activities in base.__bases__]
    return {
        method: getattr(value, _DEFINITION).name
        for signature in signatures
        for method, value in vars(signature).items()
        if hasattr(value, _DEFINITION)
    }


def activities_of(*implementations: Activities) -> list[Callable[..., Any]]:
    """The activities of these implementations, as a worker takes them."""
    return [getattr(made, method) for made in implementations for method in activity_names(type(made))]
