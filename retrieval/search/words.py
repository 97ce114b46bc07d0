"""Words of a text with their offsets and the spellings under which they are the same word."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

# Thousands may be set apart by a space that does not break, or an apostrophe; a plain space parts two numbers.
# Scripts without spaces between words: each character is a word.
PATTERN = (
    r"(?P<number>(?<![\p{L}\p{N}_])(?:(?<![.,)\]%])[-+\u2212])?"
    r"(?:\d{1,3}(?:[\u00a0\u202f\u2009'\u2019]\d{3})+|\d+)(?:[.,]\d+)*(?![\p{L}\p{N}_]))"
    r"|(?P<sign>%)"
    r"|[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]\p{M}*"
    r"|(?:(?![\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}])[\p{L}\p{N}_]\p{M}*)+"
)
UNITS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
TEENS = ("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen")
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
COMPOUND = rf"(?P<compound>\b(?i:{'|'.join(TENS)})[- ](?i:{'|'.join(UNITS)})\b)"
NEGATIONS = frozenset({"not", "no", "never", "none", "without", "cannot", "neither", "nor", "nobody", "nothing"})
# "one" alone is left out: it is a pronoun more often than a number.
NUMBER_WORDS = {
    "zero": "0",
    **{word: str(number) for number, word in enumerate(UNITS[1:], start=2)},
    **{word: str(number) for number, word in enumerate(TEENS, start=10)},
    **{word: str(10 * number) for number, word in enumerate(TENS, start=2)},
    **{f"{ten} {unit}": str(10 * n + m) for n, ten in enumerate(TENS, start=2) for m, unit in enumerate(UNITS, start=1)},
}


@dataclass(frozen=True, slots=True)
class Word:
    """A word, number or percent sign.

    Args:
        start: Offset in the text.
        end: Offset after it.
        keys: Its spellings; two words are the same where one of these is. `1.500` has two: 1.5 and 1500.
        number: Whether it is a number in figures or letters.
    """

    start: int
    end: int
    keys: frozenset[str]
    number: bool

    def equals(self, other: Word) -> bool:
        """Whether the two may be the same word."""
        return not self.keys.isdisjoint(other.keys)


def find_words(text: str) -> list[Word]:
    """Return the words of a text in order."""
    return [_make(match) for match in _pattern().finditer(text)]


@lru_cache
def _pattern() -> Any:
    import regex

    return regex.compile(f"{COMPOUND}|{PATTERN}")


def _make(match: Any) -> Word:
    if match["number"]:
        return Word(match.start(), match.end(), frozenset(_read_number(match["number"])), number=True)
    word = "percent" if match["sign"] else _fold(match.group()).replace("-", " ")
    number = NUMBER_WORDS.get(word)
    return Word(match.start(), match.end(), frozenset({word, number} if number else {word}), number=number is not None)


def _fold(word: str) -> str:
    """Return a word without case, width and Latin accents."""
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", word).casefold())
    return unicodedata.normalize("NFC", "".join(character for character in folded if not "\u0300" <= character <= "\u036f"))


def _read_number(text: str) -> Iterator[str]:
    """Yield the readings of a number in figures: the comma and the point are decimal marks in turn.

    A comma before three digits parts thousands, a point may do either.
    A number with a leading zero (07, 04.05.) is part of a date or code: it stays as it is spelled.
    """
    bare = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in text.replace("\u2212", "-").lstrip("+"))
    for mark in "\u00a0\u202f\u2009'\u2019":
        bare = bare.replace(mark, "")
    sign, digits = ("-", bare[1:]) if bare.startswith("-") else ("", bare)
    if "," in digits and (thousands := _read_as(digits, ",", ".")):
        yield sign + thousands  # "1,500" is hardly ever 1.5: few write three decimals, the last ones zero.
        return
    readings = {reading for group, point in ((",", "."), (".", ",")) if (reading := _read_as(digits, group, point))}
    yield from (sign + reading for reading in readings) if readings else (sign + digits,)


def _read_as(digits: str, group: str, point: str) -> str:
    """Return a number's canonical form if `group` parts its thousands and `point` its fraction, else ""."""
    whole, _, fraction = digits.partition(point)
    groups = whole.split(group)
    wrong_groups = len(groups) > 1 and (not 1 <= len(groups[0]) <= 3 or any(len(part) != 3 for part in groups[1:]))
    whole = "".join(groups)
    if wrong_groups or not whole or (len(whole) > 1 and whole.startswith("0")) or not (fraction or "0").isdecimal():
        return ""
    fraction = fraction.rstrip("0")
    return f"{whole}.{fraction}" if fraction else whole
