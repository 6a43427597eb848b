"""The checkout context in this layer: see ``domain.checkout``."""
