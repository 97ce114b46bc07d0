"""Numbers in texts, written one way each, so that equal ones read the same and others do not.

Everything works on digits as text: no number is too long, and none is rounded.
"""

from __future__ import annotations

from collections.abc import Sequence

UNITS = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
SMALL = {word: number for number, word in enumerate(UNITS.split())}
TENS = {
    word: 10 * number
    for number, word in enumerate(["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], 2)
}
SCALES = {"thousand": 3, "million": 6, "billion": 9, "trillion": 12}  # Zeros.
SHORT_SCALES = {"k": 3, "mn": 6, "mio": 6, "bn": 9, "mrd": 9}
ORDINALS = {
    word: number
    for number, word in enumerate(
        ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth"],
        1,
    )
}
EXACT_PARTS = {2: "5", 4: "25", 5: "2", 8: "125", 10: "1"}  # Decimals of one part, of the fractions that have few.
MOST_ZEROS = 400  # A power of ten beyond it is left as written.


def write_number(whole: str, decimals: str = "", *, shift: int = 0, negative: bool = False) -> str:
    """Write a number without grouping, trailing zeros or a needless sign: 1450, 1.5, -5.

    A whole number that starts with a zero keeps it, as 007 is a name and not seven.

    Args:
        whole: The digits before the decimal sign.
        decimals: The digits after it.
        shift: Places that the decimal sign moves to the right, as in "1.5 million".
        negative: Whether it stands under a minus.
    """
    if shift > 0:
        decimals = decimals.ljust(shift, "0")
        whole, decimals = whole + decimals[:shift], decimals[shift:]
    elif shift < 0:
        whole = whole.rjust(1 - shift, "0")
        whole, decimals = whole[:shift], whole[shift:] + decimals
    if decimals or shift:
        whole = whole.lstrip("0") or "0"
    decimals = decimals.rstrip("0")
    text = f"{whole}.{decimals}" if decimals else whole
    return f"-{text}" if negative and text.strip("0.") else text


def read_number(text: str) -> tuple[str, str]:
    """Split a number into the digits before and after its decimal sign.

    The English reading is taken: a comma with groups of three digits behind it groups, a point is decimal. Where that
    is impossible the other reading is: "1,50" and "1.000,50" have decimals, "1.000.000" has none.
    """
    digits = text.replace(" ", "").replace("'", "").replace("_", "")
    commas, points = digits.count(","), digits.count(".")
    if commas and points:
        decimal = max(",", ".", key=digits.rfind)  # The last one.
    elif commas == 1 and (len(digits.rpartition(",")[2]) != 3 or digits.startswith("0")):
        decimal = ","
    else:
        decimal = "." if points == 1 else ""
    if not decimal:
        return digits.replace(",", "").replace(".", ""), ""
    whole, _, decimals = digits.rpartition(decimal)
    return whole.replace(",", "").replace(".", "") or "0", decimals


def write_fraction(above: int, below: int, whole: int = 0) -> str:
    """Write a fraction as a decimal where it has few digits (½ is 0.5), else in lowest terms (2/6 is 1/3)."""
    from fractions import Fraction

    value = whole + Fraction(above, below)
    if value.denominator == 1:
        return str(value.numerator)
    if value.denominator in EXACT_PARTS:
        return write_number(*str(float(value)).split("."))
    return f"{value.numerator}/{value.denominator}"


def read_number_words(words: Sequence[str]) -> tuple[str, int]:
    """Read the number that a sequence of words starts with, as in "twenty-one" or "two hundred and five".

    Returns:
        The number and how many words it takes; ("", 0) where the sequence starts with no number.
    """
    total = group = used = place = 0
    last = ""  # What may follow depends on what the last part was.
    while place < len(words):
        word = words[place]
        if word in {"and", "-"} and last and place + 1 < len(words):
            joins = {"and": last == "hundred", "-": last == "tens"}[word]
            if not joins or not (words[place + 1] in SMALL or (word == "and" and words[place + 1] in TENS)):
                break
            place += 1
            continue
        if word in SMALL and last in {"", "hundred", "scale"} or word in SMALL and last == "tens" and 0 < SMALL[word] < 10:
            group, last = group + SMALL[word], "small"
        elif word in TENS and last in {"", "hundred", "scale"}:
            group, last = group + TENS[word], "tens"
        elif word == "hundred" and last in {"", "small"} and group < 100:
            group, last = max(group, 1) * 100, "hundred"
        elif word in SCALES and last != "scale":
            total, group, last = total + max(group, 1) * 10 ** SCALES[word], 0, "scale"
        else:
            break
        place += 1
        used = place
    return (str(total + group), used) if used else ("", 0)
