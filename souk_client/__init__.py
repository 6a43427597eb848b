"""The Python client of a Souk market: typed, sync and async, over its public HTTP API."""
