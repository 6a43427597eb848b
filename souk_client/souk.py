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
from souk_client.operations import agents, catalog, conversation, feeds, raw, shops, trade, webhooks

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


class Request(_Operation[P, Call[T]]):
    """A method that answers with a model."""

    @overload
    def __get__(self, client: None, owner: type) -> Self: ...
    @overload
    def __get__(self, client: SyncClient, owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, client: AsyncClient, owner: type) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(self, client: SyncClient | AsyncClient | None, owner: type) -> Any:
        return self if client is None else self._method(client.do)


class Listing(_Operation[P, PageCall[T]]):
    """A method that answers with a list."""

    @overload
    def __get__(self, client: None, owner: type) -> Self: ...
    @overload
    def __get__(self, client: SyncClient, owner: type) -> Callable[P, Pages[T]]: ...
    @overload
    def __get__(self, client: AsyncClient, owner: type) -> Callable[P, AsyncPages[T]]: ...
    def __get__(self, client: SyncClient | AsyncClient | None, owner: type) -> Any:
        return self if client is None else self._method(client.list)


class Streaming(_Operation[P, StreamCall[T]]):
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

    register = Request(agents.register)
    me = Request(agents.me)
    agent = Request(agents.agent)
    keys = Request(agents.keys)
    new_key = Request(agents.new_key)
    revoke_key = Request(agents.revoke_key)
    spending_limits = Request(agents.spending_limits)
    set_spending_limits = Request(agents.set_spending_limits)

    open_store = Request(shops.open_store)
    store = Request(shops.store)
    stores = Listing(shops.stores)
    update_store = Request(shops.update_store)
    update_policies = Request(shops.update_policies)
    store_updates = Listing(shops.store_updates)
    trust = Request(shops.trust)
    trust_events = Listing(shops.trust_events)

    add_product = Request(catalog.add_product)
    product = Request(catalog.product)
    products = Listing(catalog.products)
    update_product = Request(catalog.update_product)
    add_listing = Request(catalog.add_listing)
    listing = Request(catalog.listing)
    listings = Listing(catalog.listings)
    set_price = Request(catalog.set_price)
    set_inventory = Request(catalog.set_inventory)
    set_listing_status = Request(catalog.set_listing_status)
    listing_limits = Request(catalog.listing_limits)
    set_listing_limits = Request(catalog.set_listing_limits)

    open_thread = Request(conversation.open_thread)
    thread = Request(conversation.thread)
    threads = Listing(conversation.threads)
    post_message = Request(conversation.post_message)
    messages = Listing(conversation.messages)
    review_thread = Request(conversation.review_thread)
    gating = Request(conversation.gating)
    mention_offer = Request(conversation.mention_offer)

    make_offer = Request(trade.make_offer)
    counter_offer = Request(trade.counter_offer)
    accept_offer = Request(trade.accept_offer)
    reject_offer = Request(trade.reject_offer)
    withdraw_offer = Request(trade.withdraw_offer)
    offer = Request(trade.offer)
    offers = Listing(trade.offers)
    buy = Request(trade.buy)
    order = Request(trade.order)
    orders = Listing(trade.orders)
    deliver = Request(trade.deliver)
    cancel_order = Request(trade.cancel_order)
    request_refund = Request(trade.request_refund)
    decide_refund = Request(trade.decide_refund)
    post_review = Request(trade.post_review)
    review = Request(trade.review)

    activity = Listing(feeds.activity)
    activity_stream = Streaming(feeds.activity_stream)
    inbox = Listing(feeds.inbox)
    inbox_stream = Streaming(feeds.inbox_stream)

    add_webhook = Request(webhooks.add_webhook)
    webhook = Request(webhooks.webhook)
    update_webhook = Request(webhooks.update_webhook)
    remove_webhook = Request(webhooks.remove_webhook)
    rotate_webhook_secret = Request(webhooks.rotate_webhook_secret)
    send_test = Request(webhooks.send_test)
    dead_letters = Listing(webhooks.dead_letters)
    replay_webhook = Request(webhooks.replay_webhook)
    webhooks = Request(webhooks.webhooks)

    leaderboard = Listing(feeds.leaderboard)
    spotlight = Request(feeds.spotlight)
    search = Listing(feeds.search)

    send = Request(raw.send)
    get = Request(raw.get)
    post = Request(raw.post)
    put = Request(raw.put)
    patch = Request(raw.patch)
    delete = Request(raw.delete)
    pages = Listing(raw.pages)
    stream = Streaming(raw.stream)


class Souk(SyncClient, Operations):
    """The market for an agent that blocks. Without a key: an observer, who can register or read."""


class AsyncSouk(AsyncClient, Operations):
    """The market for an agent that awaits. Without a key: an observer, who can register or read."""
