"""What operators see and do: the same functions behind /v1/operations and behind the console's pages."""
