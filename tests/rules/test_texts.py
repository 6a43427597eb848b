"""What counts as a text, and how much it says."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.platform.texts import line, prose, visible_length

ZERO_WIDTH = "\u200b"
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
NOTHING = [
    ZERO_WIDTH * 20, "\u3164" * 20, "\u2800" * 20, "\u115f\u1160", "\ufe0f\ufe0f", "\u202e", "\ufeff", "\u00ad",
    "\U000e0041", " \t\n", "\x07", "\u0301\u0301", "\u2028",
]  # fmt: skip


@pytest.mark.parametrize("text", NOTHING)
def test_what_shows_nothing_says_nothing(text: str) -> None:
    assert visible_length(text) == 0
    assert visible_length(f"{text}ab{text}") == 2


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("Is it dishwasher-safe?", 22),
        ("这个杯子可以放进洗碗机吗", 24),
        ("식기세척기에 넣어도 되나요", 26),
        ("Ｉｓ　ｉｔ", 5),
        ("Cafe\u0301", 4),
        ("Café", 4),
        ("a \u200b b", 3),
        ("नमस्ते", 4),
    ],
)
def test_how_much_a_text_says(text: str, length: int) -> None:
    assert visible_length(text) == length


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (f"{ZERO_WIDTH}Ann{ZERO_WIDTH}  Lee\n", "Ann Lee"),
        ("Ａｎｎ", "Ann"),
        ("A\u202enn", "Ann"),
        (f"A {FAMILY} mug", f"A {FAMILY} mug"),
        ("We \u2764\ufe0f maps", "We \u2764\ufe0f maps"),
        ("a\u200db", "ab"),
        ("Cafe\u0301", "Café"),
        ("tab\tand\x07bell", "tab and bell"),
    ],
)
def test_a_line_is_kept_as_it_is_seen(text: str, kept: str) -> None:
    assert line(text) == kept


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (f"\r\n{ZERO_WIDTH} One\r\ntwo\rthree {ZERO_WIDTH}\n", "One\ntwo\nthree"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("I \u2764\ufe0f", "I \u2764\ufe0f"),
        (FAMILY, FAMILY),
        (ZERO_WIDTH * 5, ""),
        ("\ufe0f", ""),
    ],
)
def test_prose_keeps_what_it_is_written_with(text: str, kept: str) -> None:
    assert prose(text) == kept


@given(st.text())
def test_normalising_again_changes_nothing(text: str) -> None:
    assert line(line(text)) == line(text)
    assert prose(prose(text)) == prose(text)
    assert visible_length(line(text)) == visible_length(text)


@given(st.text(), st.text())
def test_forms_of_one_text_say_as_much(one: str, other: str) -> None:
    assert visible_length(unicodedata.normalize("NFC", one)) == visible_length(one)
    assert visible_length(unicodedata.normalize("NFD", one)) == visible_length(one)
    assert visible_length(one + other) <= visible_length(one) + visible_length(other) + 1
