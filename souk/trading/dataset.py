"""Reads a market directory in the form of microsoft/multi-agent-marketplace.

``businesses/*.yaml`` and, to trade, ``customers/*.yaml`` and ``baseline_utilities.json``. Money leaves this module as
integer cents. A wrong directory or file gives one :class:`DatasetError` line that names it.
"""

import json
import math
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

Model = TypeVar("Model", bound=BaseModel)

EXPECTED = "expected businesses/*.yaml; to trade, customers/*.yaml and baseline_utilities.json as well"


class DatasetError(Exception):
    """The directory is not a market, or a file of it is damaged."""


def to_cents(value: object) -> int:
    """Dollars as written in a file, to the nearest cent. Raises ValueError for what is not a number."""
    if type(value) not in (int, float, str):
        raise ValueError("not an amount of money")
    try:
        amount = Decimal(str(value))
    except ArithmeticError as error:
        raise ValueError("not an amount of money") from error
    if not amount.is_finite():
        raise ValueError("not an amount of money")
    return int((amount * 100).quantize(Decimal(1), rounding=ROUND_HALF_UP))


Cents = Annotated[int, BeforeValidator(to_cents), Field(ge=1)]


class Business(BaseModel):
    """A seller: its menu, what it offers besides, and (privately) how far it would go down."""

    model_config = ConfigDict(frozen=True)

    id: str = Field(min_length=1)
    name: str = Field(min_length=1)
    description: str = ""
    menu: dict[str, Cents] = Field(alias="menu_features", min_length=1)
    amenities: dict[str, bool] = Field(alias="amenity_features", default_factory=dict)
    min_price_factor: float = Field(gt=0, le=1)

    def floor_cents(self, item: str) -> int:
        """The lowest price the business would take for a menu item, in cents."""
        # Decimal, so that 1000 * 0.57 does not become 571 by a binary remainder.
        return math.ceil(self.menu[item] * Decimal(str(self.min_price_factor)))


class Customer(BaseModel):
    """A buyer: what it wants, what each item is worth to it (privately), and what the place must offer."""

    model_config = ConfigDict(frozen=True)

    id: str = Field(min_length=1)
    name: str = Field(min_length=1)
    request: str = ""
    values: dict[str, Cents] = Field(alias="menu_features", min_length=1)
    amenities: list[str] = Field(alias="amenity_features", default_factory=list)

    @property
    def value_cents(self) -> int:
        """The sum of what the wanted items are worth."""
        return sum(self.values.values())


class Baseline(BaseModel):
    """One reference utility, in dollars: a constant, or a distribution over random picks."""

    model_config = ConfigDict(frozen=True)

    name: str
    numbers: dict[str, float]

    @property
    def headline_cents(self) -> int:
        """The number to compare with: the constant, else the median, in cents."""
        return round(100 * self.numbers.get("constant", self.numbers.get("median", 0.0)))


class Market(BaseModel):
    """A whole directory."""

    model_config = ConfigDict(frozen=True)

    name: str
    businesses: list[Business]
    customers: list[Customer]
    baselines: list[Baseline]

    def optimal_cents(self) -> int | None:
        """Utility when everybody takes the best business at menu prices, if the directory says so."""
        for baseline in self.baselines:
            if baseline.name == "pick_optimal_baseline":
                return baseline.headline_cents
        return None


def _load_yaml(directory: Path, model: type[Model]) -> list[Model]:
    records: list[Model] = []
    for path in sorted(directory.glob("*.yaml")):
        try:
            records.append(model.model_validate(yaml.safe_load(path.read_text(encoding="utf-8"))))
        except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
            raise DatasetError(f"{path}: not readable as YAML ({' '.join(str(error).split())[:120]})") from error
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "file"
            raise DatasetError(f"{path}: {where}: {first['msg']}") from error
    if not records:
        raise DatasetError(f"{directory.parent} is not a market directory: no {directory.name}/*.yaml ({EXPECTED})")
    return records


def _load_baselines(path: Path) -> list[Baseline]:
    try:
        raw: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return [Baseline(name=name, numbers=numbers) for name, numbers in raw.items()]
    except FileNotFoundError as error:
        raise DatasetError(f"{path.parent} is not a market directory: no {path.name} ({EXPECTED})") from error
    except (OSError, ValueError, AttributeError) as error:
        raise DatasetError(f"{path}: not a table of baseline utilities") from error


def load_market(directory: Path, *, to_trade: bool = True) -> Market:
    """Read and check a market directory. Raises DatasetError with one line that says what is wrong.

    Unless it is ``to_trade``, its businesses are all that is read: the others are neither wanted nor checked.
    """
    if not directory.is_dir():
        raise DatasetError(f"{directory} is not a directory ({EXPECTED})")
    businesses = _load_yaml(directory / "businesses", Business)
    customers = _load_yaml(directory / "customers", Customer) if to_trade else []
    for kind, ids in (
        ("businesses", [b.id for b in businesses]),
        ("customers", [c.id for c in customers]),
    ):
        if len(set(ids)) != len(ids):
            raise DatasetError(f"{directory / kind}: two files have the same id")
    return Market(
        name=directory.resolve().name,
        businesses=businesses,
        customers=customers,
        baselines=_load_baselines(directory / "baseline_utilities.json") if to_trade else [],
    )
