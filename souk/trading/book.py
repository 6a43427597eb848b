"""The merchants' books: what ``souk market load`` opened and what these merchants know.

One file per market, ``<data-dir>/markets/<name>.json``, readable by its owner only, because it holds API
keys and price floors. It is written before the first request (with the random seed from which every
idempotency key is derived) and after every business, each time as a whole, so a load that died half-way
finds the same keys again and repeats nothing.
"""

import hmac
import os
from pathlib import Path
from uuid import UUID, uuid5

from pydantic import BaseModel, Field, ValidationError

from souk_client.repeating import new_key

BOOK_VERSION = 1


class BookError(Exception):
    """A book that cannot be used."""


class ListingCard(BaseModel):
    """One item for sale: public price, private floor (cents), and its ids once they exist."""

    price_cents: int
    floor_cents: int
    product_id: str | None = None
    listing_id: str | None = None
    limits_set: bool = False


class MerchantCard(BaseModel):
    """One merchant: who it is, what it can truthfully say about itself, what it sells."""

    business_id: str
    name: str
    handle: str
    amenities: dict[str, bool] = Field(default_factory=dict)
    listings: dict[str, ListingCard] = Field(default_factory=dict)
    agent_id: str | None = None
    api_key: str | None = None
    store_id: str | None = None

    @property
    def complete(self) -> bool:
        """Whether everything is open and every floor is set."""
        return self.store_id is not None and all(card.limits_set for card in self.listings.values())

    def card_of(self, listing_id: str) -> ListingCard | None:
        """The listing with this id, if it is one of ours."""
        return next(
            (card for card in self.listings.values() if card.listing_id == listing_id),
            None,
        )


class MarketBook(BaseModel):
    """All merchants of one market directory."""

    version: int = BOOK_VERSION
    market: str
    seed: str = Field(default_factory=new_key)
    merchants: dict[str, MerchantCard] = Field(default_factory=dict)

    def key(self, *parts: str) -> str:
        """The idempotency key of one step: always the same for the same book and step."""
        return str(uuid5(UUID(self.seed), "/".join(parts)))

    def registration_secret(self, business_id: str) -> str:
        """What proves that a repeated registration is the book's own: always the same for the same business."""
        return hmac.digest(self.seed.encode(), b"registration/" + business_id.encode(), "sha256").hex()


def books_directory(data_dir: Path) -> Path:
    """Where the books of a data directory are."""
    return data_dir / "markets"


def book_path(data_dir: Path, market: str) -> Path:
    """The file of one market."""
    return books_directory(data_dir) / f"{market}.json"


def read_book(path: Path) -> MarketBook | None:
    """The book in a file, None when there is none. Raises BookError for one that is damaged."""
    try:
        book = MarketBook.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise BookError(f"{path} is not a market book: move it away and run `souk market load` again") from error
    if book.version != BOOK_VERSION:
        raise BookError(f"{path} was written by another version of souk: move it away and load again")
    return book


def read_books(data_dir: Path) -> list[MarketBook]:
    """Every book of a data directory, by name."""
    paths = sorted(books_directory(data_dir).glob("*.json"))
    return [book for path in paths if (book := read_book(path)) is not None]


def write_book(path: Path, book: MarketBook) -> None:
    """Replace the file as a whole; a crash leaves the old one or the new one. Raises BookError."""
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(book.model_dump_json(indent=1))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise BookError(f"cannot write {path}: {error.strerror or error}") from error
