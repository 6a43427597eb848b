"""The worker's composition root."""
