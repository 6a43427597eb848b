"""The English the policy checklist understands: patterns only, read by ``policy_checklist``.

Every pattern runs on one lower-case sentence whose whitespace is single spaces. Invariant: repetitions
are bounded and never nested in unbounded ones, so a search costs at most a constant per character.
"""

import re
from collections.abc import Mapping

NUMBERS: Mapping[str, int] = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
    "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15,
    "sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40,
    "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90, "hundred": 100,
}  # fmt: skip
_DAY = 86_400
UNIT_SECONDS: Mapping[str, int] = {
    "s": 1, "mi": 60, "h": 3_600, "d": _DAY, "w": 7 * _DAY, "f": 14 * _DAY, "mo": 30 * _DAY, "y": 365 * _DAY,
}  # fmt: skip
"""By the first letters of a unit that tell it from the others."""

_TENS = r"(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)"
_ONES = r"(?:one|two|three|four|five|six|seven|eight|nine)"
_TEENS = "|".join(word for word, value in NUMBERS.items() if 9 < value < 20)
_NUMBER = rf"(?:\d{{1,4}}|{_TENS}(?:[- ]{_ONES})?|(?:(?:a|one) )?hundred|{_TEENS}|zero|{_ONES})"
_ECHO = r"(?: ?\([a-z0-9 -]{1,20}\))?"
_UNIT = r"(?:seconds?|secs?|minutes?|mins?|hours?|hrs?|h|days?|weeks?|wks?|months?|mos|years?|yrs?|fortnights?)"
_SORT = r"(?:(?:business|working|calendar|full|consecutive|week)[- ]){0,2}"

DURATION = re.compile(
    r"\b(?P<sameday>same[- ](?:business[- ])?day)\b"
    r"|\b(?P<nextday>next[- ](?:business[- ]|working[- ])?day|overnight)\b"
    rf"|\b(?:within|in|for|takes?|about) an? {_SORT}(?P<one>{_UNIT})\b"
    rf"|\b{_SORT}(?P<label>days|hours|weeks|months|years)\)? ?[:=] ?(?P<labelled>\d{{1,4}})\b(?![-.,]\d)"
    rf"|(?<![\w.$€£])(?P<low>{_NUMBER}){_ECHO}"
    rf"(?: ?(?:-|/|\b(?:to|or|and)\b)(?:to-)? ?(?P<high>{_NUMBER}){_ECHO})?[- ]?{_SORT}(?P<unit>{_UNIT})\b",
    re.ASCII,
)

SEPARATOR = re.compile(r",|\b(?:and|but|while|whereas|plus)\b| - ")

IDLE = re.compile(r"\b24/7\b|\b\d{1,2} (?:hours|days) (?:a|per) (?:day|week)\b|\bmay or may not\b", re.ASCII)
"""Phrases that look like a rule and are none."""

_EVENT = r"(?:deliver|ship|dispatch|arriv|return|refund|exchang|cancel|receipt|receiv|order|purchas|pay)\w*"
_FILLER = r"(?:the|your|our|its?|we|you|they|items?|order|product|goods|is|are|was|has|been|original|date)"

TOPIC = re.compile(
    rf"\b(?P<anchor>(?:of|after|from|since|following|upon|before|until|once)(?: {_FILLER}){{0,4}} {_EVENT})\b"
    r"|\b(?P<returns>return (?:shipping|postage|label|freight|delivery)|return(?:s|ed|able|ing)?|exchang\w*"
    r"|(?:sen[dt]|bring|brought|give|giving|ship|shipped)(?: \w{1,20}){0,3} back"
    r"|(?:money[- ]back|satisfaction)(?: guarantee)?|cooling[- ]off|withdraw\w*)\b"
    r"|\b(?P<refund>refund\w*|reimburs\w*)\b"
    r"|\b(?P<shipping>ship(?:s|ped|ping|ments?)?|deliver(?:s|y|ed|ies)?|dispatch(?:ed|es)?|arriv(?:e|es|al|ing|ed)"
    r"|transit|lead[- ]time|handling|processing|postage|download\w*|mail(?:ed|s)|fulfil\w*|access|sent)\b"
    r"|\b(?P<warranty>warrant(?:y|ies|ed)|guarantees?)\b"
    r"|\b(?P<other>cancel\w*|respon[ds]\w*|reply|replies|contact|support|notify|report\w*|payments?|invoices?"
    r"|in business|experience|renew\w*)\b",
    re.ASCII,
)

REFUND_PAYOUT = re.compile(r"\b(?:issued|process(?:ed|ing)?|credited|paid|takes?|appears?|posted|made)\b")
"""Makes a period beside "refund" the time until the money is back, not the window to return."""

VAGUE = re.compile(
    r"\bdiscretion|\bcase[- ]by[- ]case\b|\bmight\b|\bmay (?:not )?(?:be )?(?:offer|issue|give|grant)"
    r"|\bit depends\b|\bdepends on\b|\bdepending on\b|\bwhether\b|\btbd\b"
)

_NOUN = r"(?:returns?|refunds?|exchanges?|cancell?ations?|warrant(?:y|ies)|guarantees?)"
_LIST = rf"(?: {_NOUN}(?:, (?:or |and |nor )?| (?:or|and|nor|&) )(?:no )?){{0,3}} ?"
_NOT_ABOUT = (
    r"(?![- ](?:polic|fee|cost|charge|ship|post|label|window|limit|deadline|need|necess|required|form|auth"
    r"|number|hassle|question|info|detail|claim|card|registration|address|delay|time|restriction|surcharge"
    r"|without|if |(?:on|for|of) (?!any|all|the|this|these|our)))"
)
_NO = rf"\b(?:no|zero|without(?: any)?)(?: (?:cash|implied|express|further|money))?{_LIST}"
_DO_NOT = (
    r"\b(?:do not|does not|don't|doesn't|cannot|can't|can not|will not|won't|never)"
    r"(?: (?:accept|offer|allow|provide|give|take|permit|issue|grant|make|do|include|carry|come with|have))"
    rf"(?: an?| any)?{_LIST}"
)
_IS_NOT = (
    r"(?: (?:is|are|will|can))? ?(?:not|never|cannot|can't|won't|aren't|isn't)(?: be)?"
    r" (?:accepted|offered|allowed|provided|given|permitted|available|possible|issued|granted|included|taken|made)"
    r"\b(?! (?:without|if|unless|until|when|for|on|at) )"
)


def _refusals(noun: str) -> list[re.Pattern[str]]:
    return [
        re.compile(rf"{_NO}(?<= ){noun}\b{_NOT_ABOUT}"),
        re.compile(rf"{_DO_NOT}(?<= ){noun}\b{_NOT_ABOUT}"),
        re.compile(rf"\b{noun}(?: (?:or|and) {_NOUN})?{_IS_NOT}"),
        re.compile(rf"\b{noun}(?: (?:or|and) {_NOUN})? ?[:=-] ?(?:no|none|not offered|not accepted)$"),
    ]


def _undoable(verb: str) -> list[re.Pattern[str]]:
    return [
        re.compile(rf"\bnon[- ]?{verb}able\b|\bnot {verb}able\b|\bun{verb}able\b"),
        re.compile(
            rf"\b(?:cannot|can't|can not|may not|will not|won't) be (?:(?:returned|refunded|exchanged) or )?{verb}ed\b"
            r"(?! (?:without|if|unless|until|when|to|in|on|at) )"
        ),
        re.compile(rf"\bnot eligible for (?:a )?{verb}s?\b"),
    ]


_FINAL = [
    re.compile(
        r"(?<!not )(?<!not a )(?<!never )\b(?:final sales?|(?:all|every) sales? (?:is |are )?(?:considered )?final"
        r"|sales are final|sold as final)\b"
    )
]
_NO_SHIPPING = [
    re.compile(rf"\bno (?:shipping|delivery|deliveries)\b{_NOT_ABOUT}"),
    re.compile(
        r"\b(?:do not|don't|does not|never) (?:ship|deliver)(?: (?:items?|goods|products|anything|orders))?(?=$|,)"
    ),
    re.compile(r"\b(?:pick-?up|pick up|collection)(?: in[- ]store)? only\b|\bonly (?:pick-?up|collection)\b"),
]

NEGATIVES: Mapping[str, list[re.Pattern[str]]] = {
    "returns": [*_refusals(r"returns?"), *_undoable("return"), *_FINAL],
    "refund": [*_refusals(r"refunds?"), *_undoable("refund"), *_FINAL],
    "warranty": [
        *_refusals(r"(?:warrant(?:y|ies)|guarantees?)"),
        re.compile(r"\b(?:sold|provided|supplied) [\"']?as[- ]is\b|\bnot (?:covered by|under) (?:a |any )?warranty\b"),
        re.compile(r"\bdisclaims? (?:any|all) (?:\w{1,20} ){0,3}warrant(?:y|ies)\b"),
    ],
    "shipping": _NO_SHIPPING,
}

_AT_ONCE = r"(?:instant(?:ly)?|immediate(?:ly)?|right away|at once)"
WITHOUT_DURATION: Mapping[str, list[tuple[str, re.Pattern[str]]]] = {
    "returns": [
        (
            "unlimited",
            re.compile(
                r"\b(?:lifetime|unlimited) returns?\b"
                r"|\breturn\w{0,4}(?: \w{1,20}){0,4} (?:any ?time|no time limit)\b"
            ),
        )
    ],
    "warranty": [
        (
            "unlimited",
            re.compile(r"\blifetime (?:limited )?(?:warranty|guarantee)\b|\b(?:warranty|guaranteed?) for life\b"),
        ),
        ("statutory", re.compile(r"\b(?:statutory|legal) (?:\w{1,20} )?(?:warrant|guarantee)")),
    ],
    "shipping": [
        (
            "instant",
            re.compile(
                rf"\b{_AT_ONCE} (?:digital )?(?:deliver|download|access|ship|dispatch|fulfil)"
                r"|\b(?:deliver|ship|sent|available|dispatch|accessible|download)\w{0,3}(?: \w{1,20}){0,2}"
                rf" {_AT_ONCE}\b"
                r"|\bdigital (?:download|delivery)\b"
            ),
        )
    ],
}  # fmt: skip

REFUND_KINDS: list[tuple[str, re.Pattern[str]]] = [
    ("exchange_only", re.compile(r"\b(?:exchanges?|replacements?) only\b|\bonly (?:offer |accept )?exchanges?\b")),
    ("store_credit", re.compile(r"\bstore credit\b|\bcredit note\b|\bgift card\b")),
    (
        "partial",
        re.compile(
            r"\bpartial(?:ly)? refund|\brestocking fee of\b|(?<![\d.])\d{1,2} ?(?:%"
            r"|percent) (?:restocking|refund|of the)"
        ),
    ),
    (
        "full",
        re.compile(
            r"\bfull(?:y)? refund|\b100 ?% refund|\bmoney[- ]back\b|\brefund\w{0,3} in full\b"
            r"|\brefund\w{0,3}(?: \w{1,20}){0,2} (?:full|entire|purchase) (?:amount|price)\b"
        ),
    ),
    (
        "offered",
        re.compile(
            r"\brefunds?(?: (?:is|are|will be))? (?:issued|processed|available|given|offered|granted|made|paid)\b"
            r"|\brefunds? within\b|\b(?:offers?|gives?|provides?|issues?|grants?|get|receive) (?:an? )?refunds?\b"
            r"|\b(?:we|will|can|be|are|is) (?:be )?(?:refund|refunded|refundable)\b"
            r"|\brefund\w{0,3} to (?:the |your )?original\b"
        ),
    ),
]  # fmt: skip
