"""The embedded stack: Postgres, Temporal, API and worker as children of one supervisor.

Invariant: no process outlives the one that started it, however that one ends.
"""
