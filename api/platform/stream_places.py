"""Places for open streams, so that no caller takes those of the others.

Bounded are the streams of the process, of those without a key all together, of an address, of an address without a key,
and of an agent. What callers without a key cannot take is left to agents. A tool that waits for its inbox holds a place
as a stream does.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar
from uuid import UUID

from config.settings import LimitSettings
from domain.platform.errors import TOO_MANY_OF_ADDRESS, TOO_MANY_OWN_STREAMS, TOO_MANY_STREAMS, ErrorCode

Key = TypeVar("Key", UUID, str)
_RETRY_AFTER_SECONDS = 10


class StreamPlaces:
    """The places of one process."""

    def __init__(self, limits: LimitSettings) -> None:
        self.limits = limits
        self.open = 0
        self.anonymous = 0
        self._of_holder: Counter[UUID] = Counter()
        self._of_address: Counter[str] = Counter()
        self._anonymous_of_address: Counter[str] = Counter()

    @contextmanager
    def taken(self, holder: UUID | None, address: str) -> Iterator[None]:
        """A place for as long as the block lasts. ``holder``: the agent, or an operator's key; None without a key.

        Raises stream.too_many, stream.too_many_of_address, stream.too_many_of_agent.
        """
        refused = self._refusal(holder, address)
        if refused is not None:
            raise refused.error(retry_after_seconds=_RETRY_AFTER_SECONDS)
        self._count(holder, address, 1)
        try:
            yield
        finally:
            self._count(holder, address, -1)

    def _refusal(self, holder: UUID | None, address: str) -> ErrorCode | None:
        limits = self.limits
        if holder is not None and self._of_holder[holder] >= limits.max_streams_per_agent:
            return TOO_MANY_OWN_STREAMS
        if self._of_address[address] >= limits.max_streams_per_address:
            return TOO_MANY_OF_ADDRESS
        if holder is None:
            if self._anonymous_of_address[address] >= limits.max_anonymous_streams_per_address:
                return TOO_MANY_OF_ADDRESS
            if self.anonymous >= limits.max_anonymous_streams:
                return TOO_MANY_STREAMS
        return TOO_MANY_STREAMS if self.open >= limits.max_streams else None

    def _count(self, holder: UUID | None, address: str, change: int) -> None:
        self.open += change
        _change(self._of_address, address, change)
        if holder is None:
            self.anonymous += change
            _change(self._anonymous_of_address, address, change)
        else:
            _change(self._of_holder, holder, change)


def _change(counts: Counter[Key], key: Key, change: int) -> None:
    """Nobody who has left is remembered."""
    counts[key] += change
    if not counts[key]:
        del counts[key]
