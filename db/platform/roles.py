"""The login roles beside the schema's owner, made by ``db.migrate``."""

API_ROLE = "souk_api"
WORKER_ROLE = "souk_worker"
