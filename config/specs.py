"""What contexts do by a Souk's settings."""

from activities.platform.specs import Policies, WorkflowSpecs
from config.contexts import CONTEXTS
from config.settings import Settings, policies
from domain.platform.contexts import Contexts
from domain.platform.policy import RetentionPolicy


def workflow_specs(settings: Settings, contexts: Contexts = CONTEXTS) -> WorkflowSpecs:
    """The workflow types of all contexts, as sweep, audit, doctor and console know them."""
    retention = RetentionPolicy(records_days=settings.idempotency_retention_days)
    return WorkflowSpecs(contexts, Policies((retention, *policies(settings, contexts).values())))
