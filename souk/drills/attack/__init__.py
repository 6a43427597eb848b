"""``souk drill attack``: what a stranger tried against a Souk, as a table of probes that are tried again.

A probe does over HTTP what an attacker did, on a Souk of the drill's own with short dates, and says what held and what
broke. Each file here has a theme; ``table`` lists them all.
"""
