"""The contexts that Souk is made of. A new one is one more name here, and nothing else outside of its own folders."""

from domain.platform.contexts import Contexts

CONTEXTS = Contexts(("market", "checkout", "webhooks"))
