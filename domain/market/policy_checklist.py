"""Reads a store's policy texts into the four fields of the policy checklist.

Clarity is what is measured, not generosity: a field counts as present when a buyer's agent can read a
rule out of the text, so "no returns", "final sale", "sold as is" and "no warranty" are present, while
"returns are at our discretion", "ships soon" and "contact us about refunds" are not. English only. Each
field is read where it belongs: returns and refunds in the return policy, shipping in the shipping policy,
a warranty in either. Guards linear time on hostile input: only the first ``MAX_CHARACTERS`` are read, all
whitespace is single, and no pattern has an unbounded repetition inside another.

A duration belongs to the nearest topic word of its phrase, else of its sentence; a sentence without any
topic word speaks of the text's own topic. Known limit: a rule for some goods only ("sale items cannot be
returned") counts as the store's rule unless the text also names a period.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from domain.market.policy_phrases import (
    DURATION,
    IDLE,
    NEGATIVES,
    NUMBERS,
    REFUND_KINDS,
    REFUND_PAYOUT,
    SEPARATOR,
    TOPIC,
    UNIT_SECONDS,
    VAGUE,
    WITHOUT_DURATION,
)

MAX_CHARACTERS = 10_000


class PolicyField(StrEnum):
    """The checklist."""

    RETURNS_WINDOW = "returns_window"
    SHIPPING_TIME = "shipping_time"
    REFUND_RULE = "refund_rule"
    WARRANTY = "warranty"


LONGEST_DAYS = {"returns": 1_100, "shipping": 366, "warranty": 36_525, "payout": 366}
"""Longer periods are no policy but a figure of speech or another subject ("30 years in business")."""


@dataclass(frozen=True, slots=True)
class ParsedRule:
    """A normalised rule. Days are whole, shorter times rounded up; a month is 30 days, a year 365.

    ``kind`` is ``days``, ``none`` (a clearly stated negative), ``instant``, ``unlimited``, ``statutory``
    or, for refunds, ``full``, ``partial``, ``store_credit``, ``exchange_only``, ``offered``.
    """

    kind: str
    min_days: int | None = None
    max_days: int | None = None


@dataclass(frozen=True, slots=True)
class PolicyChecklist:
    """What could be read; None where a field is missing or says nothing definite."""

    returns_window: ParsedRule | None
    shipping_time: ParsedRule | None
    refund_rule: ParsedRule | None
    warranty: ParsedRule | None

    def present(self) -> dict[str, bool]:
        """The ``fields`` input of POLICY_UPDATED: every field of the checklist, by name."""
        return {name.value: getattr(self, name.value) is not None for name in PolicyField}


def parse_policy(return_policy_text: str, shipping_policy_text: str) -> PolicyChecklist:
    """Read both texts. Total: any string gives an answer, in time linear in its length."""
    returns = list(_sentences(return_policy_text))
    shipping = list(_sentences(shipping_policy_text))
    return PolicyChecklist(
        returns_window=_period(returns, "returns", "returns"),
        shipping_time=_period(shipping, "shipping", "shipping"),
        refund_rule=_refund(returns),
        warranty=_period(returns, "returns", "warranty") or _period(shipping, "shipping", "warranty"),
    )


def _sentences(text: str) -> Iterator[str]:
    plain = unicodedata.normalize("NFKC", text[:MAX_CHARACTERS])[:MAX_CHARACTERS].lower()
    plain = plain.translate(_PLAIN)
    for line in re.split(r"[.!?](?=\s|$)|[;\n\r•|]", plain):
        sentence = IDLE.sub(" ", " ".join(line.split()))
        sentence = re.sub(r"\band/or\b", "or", sentence)
        sentence = re.sub(r"(?<=[a-z])/(?=[a-z])", " or ", sentence)
        if sentence.strip(" -*"):
            yield sentence


_PLAIN = str.maketrans({"‘": "'", "’": "'", "–": "-", "—": "-", "‑": "-", "−": "-", "‐": "-", "_": " "})


@dataclass(frozen=True, slots=True)
class _Period:
    topic: str | None
    rule: ParsedRule


def _period(sentences: list[str], own_topic: str, topic: str) -> ParsedRule | None:
    """A period said of the topic, else what is said of it without one, else one said of nothing else."""
    found = [period for sentence in sentences for period in _periods(sentence)]
    for period in found:
        if period.topic == topic and _plausible(period.rule, topic):
            return period.rule
    for sentence in sentences:
        for kind, pattern in WITHOUT_DURATION[topic]:
            if pattern.search(sentence):
                return ParsedRule(kind)
        if _denied(sentence, topic):
            return ParsedRule("none")
    if topic == own_topic:
        for period in found:
            if period.topic is None and _plausible(period.rule, topic):
                return period.rule
    return None


def _plausible(rule: ParsedRule, topic: str) -> bool:
    return rule.max_days is not None and rule.max_days <= LONGEST_DAYS[topic]


def _denied(sentence: str, topic: str) -> bool:
    return not VAGUE.search(sentence) and any(p.search(sentence) for p in NEGATIVES[topic])


def _refund(sentences: list[str]) -> ParsedRule | None:
    """The first definite statement about money back; a payout time beside it is kept as its days."""
    payout = None
    for sentence in sentences:
        for period in _periods(sentence):
            if payout is None and period.topic == "payout" and _plausible(period.rule, "payout"):
                payout = period.rule
    days = (payout.min_days, payout.max_days) if payout else (None, None)
    for sentence in sentences:
        if VAGUE.search(sentence):
            continue
        if _denied(sentence, "refund"):
            return ParsedRule("none")
        for kind, pattern in REFUND_KINDS:
            if pattern.search(sentence):
                return ParsedRule(kind, *days)
    return ParsedRule("offered", *days) if payout else None


@dataclass(frozen=True, slots=True)
class _Word:
    start: int
    end: int
    segment: int
    topic: str


def _periods(sentence: str) -> Iterator[_Period]:
    """Every duration of a sentence with the topic it belongs to, left to right, in one sweep."""
    durations = list(DURATION.finditer(sentence))
    if not durations:
        return
    inside = iter(durations)
    span = next(inside, None)
    cuts: list[int] = []
    for cut in SEPARATOR.finditer(sentence):
        while span and span.end() <= cut.start():
            span = next(inside, None)
        if not span or cut.end() <= span.start():
            cuts.append(cut.start())
    words = _topic_words(sentence, cuts)
    at = segment = 0
    for duration in durations:
        while segment < len(cuts) and cuts[segment] < duration.start():
            segment += 1
        while at < len(words) and words[at].start < duration.start():
            at += 1
        rule = _rule(duration)
        if rule:
            yield _Period(_nearest(words, at, segment, duration), rule)


def _topic_words(sentence: str, cuts: list[int]) -> list[_Word]:
    words: list[_Word] = []
    segment = 0
    for match in TOPIC.finditer(sentence):
        topic = match.lastgroup
        if topic is None or topic == "anchor":
            continue
        while segment < len(cuts) and cuts[segment] < match.start():
            segment += 1
        if topic == "refund":
            end = cuts[segment] if segment < len(cuts) else len(sentence)
            paid_out = REFUND_PAYOUT.search(sentence, match.end(), min(end, match.end() + 60))
            topic = "payout" if paid_out else "returns"
        words.append(_Word(match.start(), match.end(), segment, topic))
    return words


def _nearest(words: list[_Word], at: int, segment: int, duration: re.Match[str]) -> str | None:
    """words[at] is the first word after the duration's start. Same phrase first, then what came before."""
    before = words[at - 1] if at else None
    after = words[at] if at < len(words) else None
    here = [word for word in (before, after) if word and word.segment == segment]
    if len(here) == 2 and here[1].start - duration.end() < duration.start() - here[0].end:
        return here[1].topic
    chosen = here[0] if here else before or after
    return chosen.topic if chosen else None


def _rule(duration: re.Match[str]) -> ParsedRule | None:
    parts = duration.groupdict()
    if parts["sameday"]:
        return ParsedRule("days", 0, 0)
    if parts["nextday"]:
        return ParsedRule("days", 1, 1)
    if parts["one"]:
        low = high = 1
        unit = parts["one"]
    else:
        low = _number(parts["low"] or parts["labelled"])
        high = _number(parts["high"]) if parts["high"] else low
        unit = parts["unit"] or parts["label"]
    seconds = UNIT_SECONDS[unit[:2] if unit[:2] in UNIT_SECONDS else unit[:1]]
    low, high = sorted((-(-low * seconds // 86_400), -(-high * seconds // 86_400)))
    if high == 0:
        return ParsedRule("none", 0, 0)
    return ParsedRule("days", low, high)


def _number(text: str) -> int:
    if text.isdigit():
        return int(text)
    if text.endswith("hundred"):
        return NUMBERS["hundred"]
    return sum(NUMBERS[word] for word in re.split(r"[- ]", text))
