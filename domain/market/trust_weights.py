"""How much a fact about a store weighs: one unit, halved for every reason to doubt it.

Guards three bounds. One customer's facts of a kind sum to less than two units (four for broken promises). All that
is said by orders nobody has shown to be paid sums to less than an eighth of a unit per component, whoever and however
many say it; to less than half a unit where those who say it have paid elsewhere. An edit earns less than one unit.
"""

U = 1000
"""One unit of evidence, in milli-units: what one full-weight review is worth."""

UNPAID_HALVINGS = 4
"""How often what an unpaid order says is halved before anything else: it begins at a sixteenth."""

MOST_RECORD = 2
"""How many merchants a buyer's record counts: more prove no more, and many are cheap to make up."""


def halved_weight(halvings: int) -> int:
    """``U`` halved so often, rounded down: 1000, 500, … and 0 from the tenth halving."""
    return U >> min(halvings, U.bit_length())


def fact_weight(earlier: int, *, paid: bool, earlier_unpaid: int = 0) -> int:
    """The weight of what an order's buyer says.

    ``earlier``: facts of the same kind by the same customer. ``earlier_unpaid``: facts about the same store, of
    whatever kind and by whomever, that weighed something although unpaid: many identities are worth no more than one.
    """
    return halved_weight(earlier if paid else earlier + UNPAID_HALVINGS + earlier_unpaid)


def broken_promise_weight(earlier: int, *, paid: bool, earlier_unpaid: int = 0, buyer_record: int = 0) -> int:
    """What a promise that the seller broke counts against its store, in milli-units: a rule for every way to break one.

    Two units where the buyer had paid, halved with each earlier one of the same buyer. Where it had not, the buyer
    risked nothing and the weight is a sixteenth of a unit, doubled for each other merchant (two at most) of whom the
    buyer has an order that was paid, delivered and kept; halved for each earlier unpaid fact about the store.

    A process that lets a seller out of an order (or misses its date) does not call this: it writes the fact with
    ``db.market.order_facts.insert_broken`` in the transaction that records it, with what was true then, and the fold
    counts the earlier ones and asks this rule. A route that wants to warn a seller may call it for an estimate.
    """
    if paid:
        return 2 * halved_weight(earlier)
    return halved_weight(earlier + UNPAID_HALVINGS - min(buyer_record, MOST_RECORD) + earlier_unpaid)
