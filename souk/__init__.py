"""The command line and the embedded stack: everything that starts, stops and finds a Souk.

Souk's processes are an API, a worker, Postgres and a Temporal server. ``souk.stack`` runs all four under
one supervisor from one data directory, ``souk.commands`` holds what a person types.
"""
