"""The market's rows as audit, outages and console know them."""

from db.market.audit import INVARIANTS
from db.market.views import NOTICES, VIEWS
from db.market.waits import NOT_AWAITED, WAITS
from db.platform.contexts import DbPart

PART = DbPart(name="market", invariants=INVARIANTS, waits=WAITS, not_awaited=NOT_AWAITED, views=VIEWS, notices=NOTICES)
