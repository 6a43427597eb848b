"""Activities that deliver events to endpoints."""
