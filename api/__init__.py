"""The HTTP API: thin. It reads, writes facts, and tells processes what to do."""
