"""The two embedded servers, for the supervisor and for test fixtures alike.

``with EmbeddedPostgres(folder, fast=True) as postgres: postgres.url("souk")``
``with EmbeddedTemporal(None) as temporal: temporal.address``
"""

from souk.stack.postgres import EmbeddedPostgres
from souk.stack.temporal import SEARCH_ATTRIBUTES, EmbeddedTemporal

__all__ = ["SEARCH_ATTRIBUTES", "EmbeddedPostgres", "EmbeddedTemporal"]
