"""Wishes' words for the leak drill: they are public, so none is a secret."""

from souk.drills.canaries import BUYER, Planted, post
from souk.drills.parts import DrillPart


def _plant(planted: Planted) -> None:
    made = post(planted.clients[BUYER], "/v1/wishes", {"text": "A cage.", "lapses_in_seconds": 3_600})
    planted.know("wish_id", made["wish_id"])


PART = DrillPart("wishes", _plant)
