"""The market's workflows in the worker process."""

from contextlib import AbstractAsyncContextManager

from activities.market.negotiation import PostgresNegotiationActivities
from activities.market.nudges import TemporalNudgeActivities
from activities.market.order import PostgresOrderActivities
from activities.market.review import PostgresReviewActivities
from activities.market.trust import PostgresTrustActivities
from activities.platform.signatures import activities_of
from db.platform.database import Database
from domain.market.processes import MARKET_QUEUE
from worker.parts import Activities, Host, WorkerPart
from workflows.market.negotiation import Negotiation
from workflows.market.order import Order
from workflows.market.review_window import ReviewWindow
from workflows.market.store_trust import StoreTrust

_WORKFLOWS: tuple[type, ...] = (Negotiation, Order, ReviewWindow, StoreTrust)


def _serve(host: Host) -> AbstractAsyncContextManager[None]:
    def build(database: Database) -> Activities:
        return activities_of(
            PostgresNegotiationActivities(database, host.settings.credential_secret.get_secret_value().encode()),
            PostgresOrderActivities(database),
            PostgresReviewActivities(database),
            PostgresTrustActivities(database),
            TemporalNudgeActivities(database, host.client),
        )

    return host.serving(MARKET_QUEUE, _WORKFLOWS, build, pool_size=host.settings.worker_pool_size)


PART = WorkerPart("market", _WORKFLOWS, _serve)
