"""Routes for webhook endpoints."""
