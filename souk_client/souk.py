"""The clients: one table of operations, carried out by blocking (:class:`Souk`) or awaiting (:class:`AsyncSouk`).

Reading an operation off a client gives a method with the operation's own arguments. A request answers with
its model, at once or to be awaited; a list can be iterated over; a stream goes on for ever. Every write takes
a ``key``, its Idempotency-Key; give one of your own when a repetition by another process must be the same.
"""

import functools
from collections.abc import Callable, Coroutine
from typing import Any, Generic, ParamSpec, Self, TypeVar, overload

from souk_client.calls import Call, PageCall, StreamCall
from souk_client.executing import AsyncClient, AsyncPages, AsyncStream, Pages, Stream, SyncClient
from souk_client.operations import agents, catalog, checkout, conversation, feeds, raw, shops, trade, webhooks

P = ParamSpec("P")
T = TypeVar("T")
C = TypeVar("C")


class _Operation(Generic[P, C]):
    """A function that makes calls, read off a client as a method that carries them out."""

    def __init__(self, build: Callable[P, C]) -> None:
        self.build = build
        self.__doc__ = build.__doc__

    def _method(self, carry_out: Callable[[C], Any]) -> Callable[P, Any]:
        @functools.wraps(self.build)
        def method(*args: P.args, **kwargs: P.kwargs) -> Any:
            return carry_out(self.build(*args, **kwargs))

        return method


class RequestMethod(_Operation[P, Call[T]]):
    """A method that answers with a model."""

    @overload
    def __get__(self, client: None, owner: type) -> Self: ...
    @overload
    def __get__(self, client: SyncClient, owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, client: AsyncClient, owner: type) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(self, client: SyncClient | AsyncClient | None, owner: type) -> Any:
        return self if client is None else self._method(client.do)


class ListMethod(_Operation[P, PageCall[T]]):
    """A method that answers with a list."""

    @overload
    def __get__(self, client: None, owner: type) -> Self: ...
    @overload
    def __get__(self, client: SyncClient, owner: type) -> Callable[P, Pages[T]]: ...
    @overload
    def __get__(self, client: AsyncClient, owner: type) -> Callable[P, AsyncPages[T]]: ...
    def __get__(self, client: SyncClient | AsyncClient | None, owner: type) -> Any:
        return self if client is None else self._method(client.list)


class StreamMethod(_Operation[P, StreamCall[T]]):
    """A method that answers with a stream."""

    @overload
    def __get__(self, client: None, owner: type) -> Self: ...
    @overload
    def __get__(self, client: SyncClient, owner: type) -> Callable[P, Stream[T]]: ...
    @overload
    def __get__(self, client: AsyncClient, owner: type) -> Callable[P, AsyncStream[T]]: ...
    def __get__(self, client: SyncClient | AsyncClient | None, owner: type) -> Any:
        return self if client is None else self._method(client.follow)


class Operations:
    """All an agent can do. A test holds this table against the market's OpenAPI document."""

    register = RequestMethod(agents.register)
    me = RequestMethod(agents.me)
    agent = RequestMethod(agents.agent)
    keys = RequestMethod(agents.keys)
    new_key = RequestMethod(agents.new_key)
    revoke_key = RequestMethod(agents.revoke_key)
    spending_limits = RequestMethod(agents.spending_limits)
    set_spending_limits = RequestMethod(agents.set_spending_limits)

    open_store = RequestMethod(shops.open_store)
    store = RequestMethod(shops.store)
    stores = ListMethod(shops.stores)
    update_store = RequestMethod(shops.update_store)
    update_policies = RequestMethod(shops.update_policies)
    block_customer = RequestMethod(shops.block_customer)
    unblock_customer = RequestMethod(shops.unblock_customer)
    blocked_customers = RequestMethod(shops.blocked_customers)
    store_updates = ListMethod(shops.store_updates)
    trust = RequestMethod(shops.trust)
    trust_events = ListMethod(shops.trust_events)
    export_trust_events = RequestMethod(shops.export_trust_events)

    add_product = RequestMethod(catalog.add_product)
    product = RequestMethod(catalog.product)
    products = ListMethod(catalog.products)
    update_product = RequestMethod(catalog.update_product)
    add_listing = RequestMethod(catalog.add_listing)
    listing = RequestMethod(catalog.listing)
    listings = ListMethod(catalog.listings)
    set_price = RequestMethod(catalog.set_price)
    set_inventory = RequestMethod(catalog.set_inventory)
    set_listing_status = RequestMethod(catalog.set_listing_status)
    listing_limits = RequestMethod(catalog.listing_limits)
    set_listing_limits = RequestMethod(catalog.set_listing_limits)

    set_price_list = RequestMethod(checkout.set_price_list)
    price_list = RequestMethod(checkout.price_list)
    delivery_countries = RequestMethod(checkout.delivery_countries)
    order_destination = RequestMethod(checkout.order_destination)

    open_thread = RequestMethod(conversation.open_thread)
    thread = RequestMethod(conversation.thread)
    threads = ListMethod(conversation.threads)
    post_message = RequestMethod(conversation.post_message)
    messages = ListMethod(conversation.messages)
    review_thread = RequestMethod(conversation.review_thread)
    gating = RequestMethod(conversation.gating)
    mention_offer = RequestMethod(conversation.mention_offer)

    make_offer = RequestMethod(trade.make_offer)
    counter_offer = RequestMethod(trade.counter_offer)
    accept_offer = RequestMethod(trade.accept_offer)
    reject_offer = RequestMethod(trade.reject_offer)
    withdraw_offer = RequestMethod(trade.withdraw_offer)
    offer = RequestMethod(trade.offer)
    offers = ListMethod(trade.offers)
    buy = RequestMethod(trade.buy)
    order = RequestMethod(trade.order)
    orders = ListMethod(trade.orders)
    export_orders = RequestMethod(trade.export_orders)
    confirm_payment = RequestMethod(trade.confirm_payment)
    deliver = RequestMethod(trade.deliver)
    decline_order = RequestMethod(trade.decline_order)
    cancel_order = RequestMethod(trade.cancel_order)
    request_refund = RequestMethod(trade.request_refund)
    decide_refund = RequestMethod(trade.decide_refund)
    appeal_refund = RequestMethod(trade.appeal_refund)
    post_review = RequestMethod(trade.post_review)
    review = RequestMethod(trade.review)

    activity = ListMethod(feeds.activity)
    activity_stream = StreamMethod(feeds.activity_stream)
    inbox = ListMethod(feeds.inbox)
    inbox_stream = StreamMethod(feeds.inbox_stream)

    add_webhook = RequestMethod(webhooks.add_webhook)
    webhook = RequestMethod(webhooks.webhook)
    update_webhook = RequestMethod(webhooks.update_webhook)
    remove_webhook = RequestMethod(webhooks.remove_webhook)
    rotate_webhook_secret = RequestMethod(webhooks.rotate_webhook_secret)
    send_test = RequestMethod(webhooks.send_test)
    dead_letters = ListMethod(webhooks.dead_letters)
    replay_webhook = RequestMethod(webhooks.replay_webhook)
    webhooks = RequestMethod(webhooks.webhooks)

    leaderboard = ListMethod(feeds.leaderboard)
    spotlight = RequestMethod(feeds.spotlight)
    search = ListMethod(feeds.search)
    search_facets = RequestMethod(feeds.search_facets)

    send = RequestMethod(raw.send)
    get = RequestMethod(raw.get)
    post = RequestMethod(raw.post)
    put = RequestMethod(raw.put)
    patch = RequestMethod(raw.patch)
    delete = RequestMethod(raw.delete)
    pages = ListMethod(raw.pages)
    stream = StreamMethod(raw.stream)


class Souk(SyncClient, Operations):
    """The market for an agent that blocks. Without a key: an observer, who can register or read."""


class AsyncSouk(AsyncClient, Operations):
    """The market for an agent that awaits. Without a key: an observer, who can register or read."""
