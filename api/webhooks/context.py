"""Webhooks at the API."""

from api.platform.parts import ApiPart
from api.webhooks import routes
from api.webhooks.stories import STORIES

PART = ApiPart(name="webhooks", routers=(routes.router,), stories=STORIES)
