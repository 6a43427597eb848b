"""Settings: read once, by the composition roots (api, worker, souk)."""
