"""What a context declares to the drills: how its secrets are planted."""

from collections.abc import Callable
from dataclasses import dataclass

from souk.drills.canaries import Planted


@dataclass(frozen=True, slots=True)
class DrillPart:
    """``plant``: puts secrets into the drill's market, which exists already, and says who may see each."""

    name: str
    plant: Callable[[Planted], None]
