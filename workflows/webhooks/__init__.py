"""The process that delivers to one endpoint."""
