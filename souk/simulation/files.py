"""The CSV files of a made-up shop, in the columns of the protocol's public conformance data. Prices are cents.

``products.csv`` is needed, every other file may be missing. Raises StackError that names file and line.
"""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from domain.checkout.states import DiscountKind
from souk.stack.errors import StackError

EVERYWHERE = "default"


class Row(BaseModel):
    """Columns that a file has more are left alone."""

    model_config = ConfigDict(frozen=True, extra="ignore", str_strip_whitespace=True)


class ProductRow(Row):
    id: str = Field(min_length=1)
    title: str = Field(min_length=1)
    price: int = Field(ge=0)
    image_url: str = ""


class InventoryRow(Row):
    product_id: str
    quantity: int = Field(ge=0)


class CustomerRow(Row):
    id: str
    name: str = ""
    email: str


class AddressRow(Row):
    id: str
    customer_id: str
    street_address: str = ""
    city: str = ""
    state: str = ""
    postal_code: str = ""
    country: str = ""


class DiscountRow(Row):
    code: str = Field(min_length=1)
    type: DiscountKind
    value: int = Field(gt=0)
    description: str = ""


class RateRow(Row):
    id: str = Field(min_length=1)
    country_code: str
    service_level: str
    price: int = Field(ge=0)
    title: str


class PromotionRow(Row):
    id: str
    type: str
    min_subtotal: int | None = None
    eligible_item_ids: tuple[str, ...] = ()
    description: str = ""

    @field_validator("min_subtotal", mode="before")
    @classmethod
    def _empty_is_none(cls, value: Any) -> Any:
        return value or None

    @field_validator("eligible_item_ids", mode="before")
    @classmethod
    def _from_json(cls, value: Any) -> Any:
        return json.loads(value) if value else ()


class InstrumentRow(Row):
    id: str
    handler_id: str
    token: str = ""


@dataclass(frozen=True, slots=True)
class ShopFiles:
    """One shop, as its files have it."""

    products: list[ProductRow]
    inventory: list[InventoryRow]
    customers: list[CustomerRow]
    addresses: list[AddressRow]
    discounts: list[DiscountRow]
    rates: list[RateRow]
    promotions: list[PromotionRow]
    instruments: list[InstrumentRow]


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            for number, row in enumerate(csv.DictReader(file), 2):
                yield number, {name: value or "" for name, value in row.items() if name is not None}
    except FileNotFoundError:
        return
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise StackError(f"{path} cannot be read: {error}") from error


def _read(path: Path, kind: type[Any]) -> list[Any]:
    found = []
    for number, row in _rows(path):
        try:
            found.append(kind.model_validate(row))
        except (ValidationError, ValueError) as error:
            detail = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
            raise StackError(f"{path.name}, line {number}: {detail}") from error
    return found


def read_shop(folder: Path) -> ShopFiles:
    """Raises StackError when there is no products.csv, or a line does not fit."""
    products = _read(folder / "products.csv", ProductRow)
    if not products:
        raise StackError(f"{folder} holds no products.csv with products")
    return ShopFiles(
        products,
        _read(folder / "inventory.csv", InventoryRow),
        _read(folder / "customers.csv", CustomerRow),
        _read(folder / "addresses.csv", AddressRow),
        _read(folder / "discounts.csv", DiscountRow),
        _read(folder / "shipping_rates.csv", RateRow),
        _read(folder / "promotions.csv", PromotionRow),
        _read(folder / "payment_instruments.csv", InstrumentRow),
    )
