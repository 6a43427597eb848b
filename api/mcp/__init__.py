"""The market as a Model Context Protocol server at /mcp: a few tools over the REST API, in the same process."""
