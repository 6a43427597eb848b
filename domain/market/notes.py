"""What a public note about a private offer may say: anything but its terms.

Numbers are compared by value, however they are written: with separators, in minor or in major units, in
any script's digits. Words are not read: who spells a price out can also tell it elsewhere.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from decimal import Decimal

from domain.market.errors import NOTE_HOLDS_TERMS

_NUMBER = re.compile(r"\d(?:[.,'’_ ]?\d)*")


def _values(note: str) -> Iterator[Decimal]:
    """Every number a reader could see in the note, each reading of it."""
    plain = unicodedata.normalize("NFKC", note)
    for found in _NUMBER.finditer(plain):
        digits = "".join(str(unicodedata.decimal(c)) for c in found[0] if c.isdecimal())
        if len(digits) > 18:
            continue
        yield Decimal(digits)
        last = max(found[0].rfind("."), found[0].rfind(","))
        if last >= 0:
            decimals = sum(c.isdecimal() for c in found[0][last:])
            yield Decimal(digits).scaleb(-decimals)
        # "12 for 2" is two numbers, though a space also groups digits.
        for part in re.split(r"[^\d]", found[0]):
            if part:
                yield Decimal("".join(str(unicodedata.decimal(c)) for c in part))


def check_public_note(note: str | None, prices_cents: Iterable[int], quantity: int) -> None:
    """Refuse a note that holds a price of the negotiation, its total or its quantity.

    Raises reference.note_holds_terms.
    """
    if not note:
        return
    terms = {Decimal(quantity)}
    for price in prices_cents:
        for cents in (price, price * quantity):
            terms |= {Decimal(cents), Decimal(cents) / 100, Decimal(cents // 100)}
    if terms & set(_values(note)):
        raise NOTE_HOLDS_TERMS.error()
