"""What every context's workflows have in common by name."""

NUDGE = "nudge"
"""The signal that says "look again" and nothing else, so repeating it is harmless."""

SWEEP = "Sweep"
AUDIT = "Audit"
SWEEP_SCHEDULE = "expire-offers"
