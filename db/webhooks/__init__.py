"""Queries of webhook endpoints, their cursors and dead letters."""
