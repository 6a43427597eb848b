"""What discount codes take off a basket, and from which line.

Invariants: no line falls below zero, an applied discount is the sum of its allocations, and the sum of all of
them is what the lines lost. An order of application is fixed by the store (``position``), so the same codes
give the same amounts in whatever order they are sent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from domain.checkout.models import Allocation, AppliedDiscount, DiscountRule
from domain.checkout.states import DiscountKind


@dataclass(frozen=True, slots=True)
class Taken:
    """What was applied, and what each line lost in all, in cents."""

    applied: tuple[AppliedDiscount, ...]
    by_line: Mapping[str, int]
    unknown: tuple[int, ...]


def share(amount: int, weights: Sequence[int]) -> list[int]:
    """Split ``amount`` in proportion to ``weights`` in whole cents, by largest remainder.

    ``amount`` is at most the sum of the weights; no share exceeds its weight.
    """
    whole = sum(weights)
    if whole == 0:
        return [0] * len(weights)
    shares = [amount * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(amount * weights[i] % whole), i))
    for i in by_remainder[: amount - sum(shares)]:
        shares[i] += 1
    return shares


def _worth(rule: DiscountRule, remaining: int) -> int:
    match rule.kind:
        case DiscountKind.PERCENTAGE:
            return remaining * min(rule.value, 100) // 100
        case DiscountKind.FIXED_AMOUNT:
            return min(rule.value, remaining)


def apply_discounts(base: Mapping[str, int], codes: Sequence[str], rules: Sequence[DiscountRule]) -> Taken:
    """Apply every known code once to the lines of ``base``, cents by line id. Unknown codes give nothing."""
    known = {rule.code.upper(): rule for rule in rules}
    wanted = dict.fromkeys(code.upper() for code in codes)
    remaining = dict(base)
    applied = []
    for rule in sorted((known[code] for code in wanted if code in known), key=lambda r: (r.position, r.code.upper())):
        lines = list(remaining)
        amount = _worth(rule, sum(remaining.values()))
        if amount <= 0:
            continue
        shares = share(amount, [remaining[line] for line in lines])
        for line, part in zip(lines, shares, strict=True):
            remaining[line] -= part
        applied.append(
            AppliedDiscount(
                code=rule.code,
                title=rule.title,
                amount_cents=amount,
                priority=rule.position,
                allocations=tuple(
                    Allocation(line_id=line, amount_cents=part)
                    for line, part in zip(lines, shares, strict=True)
                    if part
                ),
            )
        )
    unknown = tuple(i for i, code in enumerate(codes) if code.upper() not in known)
    return Taken(tuple(applied), {line: base[line] - left for line, left in remaining.items()}, unknown)
