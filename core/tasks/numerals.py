"""Numbers as people write them in tables: decimal commas, thousands, percent and currency signs; only where a whole column agrees."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

MARKS = "%€$£¥"
SIGN = re.compile(rf"^([-+\u2212]?)\s*([{MARKS}]?)\s*(.*?)\s*([{MARKS}]|EUR|USD|GBP|CHF)?$")
GROUPED = re.compile(r"\d{1,3}(?P<mark>[.,'’ \u00a0\u202f])\d{3}(?:(?P=mark)\d{3})*(?:(?P<point>[.,])\d+)?")
FRACTION = re.compile(r"\d{1,15}(?P<point>[.,])\d+")
WHOLE = re.compile(r"\d{1,15}")
LONGEST = 40  # Characters of a number with its signs.
LONGEST_GROUP = 3  # Digits that stand without a separator of thousands.


@dataclass(frozen=True, slots=True)
class Numeral:
    """How a column writes its numbers.

    Args:
        decimal: What stands before a fraction.
        thousands: What stands between groups of three digits, empty where nothing does.
        sign: A percent or currency sign that all cells have, which is left out.
        whole: Whether no cell has a fraction.
    """

    decimal: str = "."
    thousands: str = ""
    sign: str = ""
    whole: bool = False

    def read(self, text: str) -> float | int | None:
        """Return the number that a cell holds, None where it holds none."""
        minus, sign, digits = _split(text)
        if sign != self.sign or not digits or _is_code(digits):
            return None
        pattern = r"\d{1,15}"
        if self.thousands:
            mark = re.escape(self.thousands)
            pattern = rf"(?:\d{{1,3}}(?:{mark}\d{{3}})+|\d{{1,15}})"
        if not re.fullmatch(rf"{pattern}(?:{re.escape(self.decimal)}\d+)?", digits):
            return None
        plain = digits.replace(self.thousands, "") if self.thousands else digits
        value = float(minus + plain.replace(self.decimal, "."))
        return int(value) if self.whole else value

    def describe(self) -> str:
        """Say in a few words how the numbers are written."""
        parts = ["a decimal comma"] if self.decimal == "," else []
        parts += [f"{self.thousands!r} between thousands"] if self.thousands else []
        parts += [f"{self.sign!r}, which is left out"] if self.sign else []
        return " and ".join(parts) or "a decimal point"


def _split(text: str) -> tuple[str, str, str]:
    """Return minus, sign and digits of a cell."""
    match = SIGN.match(text.strip()) if len(text) <= LONGEST else None
    if match is None:
        return "", "", ""
    minus, before, digits, after = match.groups()
    if not minus and digits[:1] in "-\u2212" and digits:
        minus, digits = digits[0], digits[1:].strip()
    return ("-" if minus in ("-", "\u2212") else ""), before or after or "", digits


def _is_code(digits: str) -> bool:
    """Say whether digits are a postcode or the like, which a leading zero shows."""
    return bool(re.match(r"0\d", digits))


@dataclass(slots=True)
class _Marks:
    """What stands between the digits of a column: before fractions, between thousands, and what can be either."""

    points: set[str]
    groups: set[str]
    either: set[str]
    longest: int = 0  # Digits of the longest whole number without a mark.

    def note(self, text: str) -> bool:
        """Take in the digits of one cell; says whether they are a number at all."""
        grouped, fraction = GROUPED.fullmatch(text), FRACTION.fullmatch(text)
        if grouped and (grouped["point"] or grouped["mark"] not in ".," or text.count(grouped["mark"]) > 1):
            self.groups.add(grouped["mark"])
            self.points |= {grouped["point"]} if grouped["point"] else set()
        elif grouped and not text.startswith("0"):
            self.either.add(grouped["mark"])  # `1,234`: a thousand, or one and a fraction.
        elif fraction:
            self.points.add(fraction["point"])
        else:
            self.longest = max(self.longest, len(text))
            return bool(WHOLE.fullmatch(text))
        return True

    def settle(self, mark: str, *, comma: bool) -> bool:
        """Decide what a mark is that can be either; says whether anything decides it."""
        if mark in self.points | self.groups:
            return True
        short = mark == "," and 0 < self.longest <= LONGEST_GROUP  # Beside `950` it comes where thousands do.
        if mark == "," and comma:
            self.points.add(mark)
        elif self.points or self.groups or (mark == "." and comma) or short:
            self.groups.add(mark)
        elif mark == ".":
            self.points.add(mark)
        else:
            return False
        return True


def choose_numeral(texts: Sequence[str], *, comma: bool = False) -> Numeral | None:
    """Return how all of some cells write numbers, None where they do not agree or could be read in two ways.

    Args:
        texts: The cells that are not empty.
        comma: Whether other columns of the file have a decimal comma, which settles what `1,234` is.
    """
    signs: set[str] = set()
    marks = _Marks(set(), set(), set())
    for text in texts:
        _, sign, digits = _split(text)
        signs.add(sign)
        if len(signs) > 1 or not digits or _is_code(digits) or not marks.note(digits):
            return None
    if not signs:
        return None
    if not all(marks.settle(mark, comma=comma) for mark in sorted(marks.either)):
        return None
    points, groups = marks.points, marks.groups
    if len(points) > 1 or len(groups) > 1 or points & groups:
        return None
    thousands = "".join(groups)
    decimal = "".join(points) or ("," if thousands == "." else ".")
    return Numeral(decimal, thousands, signs.pop(), whole=not points)


def is_ambiguous(texts: Sequence[str]) -> bool:
    """Say whether all cells are like `1,234`, which can be a thousand or one and a fraction."""
    return bool(texts) and all((match := GROUPED.fullmatch(_split(text)[2])) and match["mark"] == "," for text in texts)
