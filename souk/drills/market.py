"""The market's secrets for the leak drill, beyond those of the drill's own market."""

from souk.drills.canaries_disputes import plant_disputes
from souk.drills.parts import DrillPart

PART = DrillPart("market", plant_disputes)
