"""What a reader sees of a text: the one home of how texts are normalised, measured and told apart.

Code points are not what people read. Some show nothing (U+200B), some are another's other form (the letter e with
U+0301, the full-width letter A), and one Chinese character says as much as two Latin letters. Sources: Unicode's
DerivedCoreProperties (Default_Ignorable_Code_Point), UAX #11 (East Asian Width), UAX #15 (normalisation forms).
"""

import re
import unicodedata

_IGNORED = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    # Braille's blank is no white space and shows nothing.
    "\u2800]"
)
"""Shows nothing. Inside a text some of it joins emoji or letters, so it is not taken out of prose."""
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_VISIBLE = frozenset("LNPS")


def line(text: str) -> str:
    """A name or a title as it is kept: compatibility forms folded (NFKC), nothing invisible, single blanks.

    What joins or colours an emoji stays where it stands between visible characters.
    """
    # Once more at the end: letters and accents that something invisible kept apart belong together.
    seen = _without_idle(unicodedata.normalize("NFKC", text))
    return " ".join(_CONTROLS.sub(" ", unicodedata.normalize("NFKC", seen)).split())


def prose(text: str) -> str:
    """A longer text as it is kept: composed (NFC), Unix line ends, nothing at its ends that shows nothing."""
    composed = unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n")
    start, end = 0, len(composed)
    while start < end and _is_blank(composed[start]):
        start += 1
    while end > start and _is_blank(composed[end - 1]):
        # A variation selector at the end belongs to the emoji before it.
        if "\ufe00" <= composed[end - 1] <= "\ufe0f" and end - 1 > start and not _is_blank(composed[end - 2]):
            break
        end -= 1
    return composed[start:end]


def visible_length(text: str) -> int:
    """How much a text says, in Latin characters.

    Letters, digits, punctuation and symbols count one, wide letters (Chinese, Japanese, Korean) two, a run of blanks
    between others one; accents, joiners and whatever shows nothing count none.
    """
    folded = _CONTROLS.sub(" ", _IGNORED.sub("", unicodedata.normalize("NFKC", text)))
    words = [sum(_weight(character) for character in word) for word in folded.split()]
    said = [weight for weight in words if weight]
    return sum(said) + max(0, len(said) - 1)


def _without_idle(text: str) -> str:
    """Without what shows nothing, but for joiners and selectors right behind something visible that is no letter."""
    kept: list[str] = []
    for place, character in enumerate(text):
        if not _IGNORED.match(character):
            kept.append(character)
        elif character == "\u200d" or "\ufe00" <= character <= "\ufe0f":
            follows = text[place + 1] if place + 1 < len(text) else ""
            if kept and _is_symbol(kept[-1]) and (character != "\u200d" or (follows and _is_symbol(follows))):
                kept.append(character)
    return "".join(kept)


def _is_symbol(character: str) -> bool:
    return unicodedata.category(character) in {"So", "Sk"} or character == "\ufe0f"


def _is_blank(character: str) -> bool:
    return character.isspace() or _IGNORED.match(character) is not None or unicodedata.category(character) == "Cc"


def _weight(character: str) -> int:
    category = unicodedata.category(character)
    if category[0] not in _VISIBLE:
        return 0
    return 2 if category == "Lo" and unicodedata.east_asian_width(character) in "WF" else 1
