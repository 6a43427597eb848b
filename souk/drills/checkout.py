"""Checkout's secrets for the leak drill, with a webhook's."""

from souk.drills.canaries_shopping import plant_shopping
from souk.drills.parts import DrillPart

PART = DrillPart("checkout", plant_shopping)
