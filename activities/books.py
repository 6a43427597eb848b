"""Which processes there should be, besides the market's: every context's book, for audits and doctors."""

from activities.market.audit import ProcessBook
from db.checkout import audit as checkouts
from db.webhooks.pending import list_processes
from domain.checkout.processes import CHECKOUT
from domain.webhooks.processes import WEBHOOK_DELIVERY

OTHER_BOOKS: tuple[ProcessBook, ...] = (
    ProcessBook((WEBHOOK_DELIVERY,), list_processes),
    ProcessBook((CHECKOUT,), checkouts.list_processes),
)
