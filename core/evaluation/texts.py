"""How far a text is from the expected one: words in common, with numbers, dates, times and signs kept whole.

Source: SQuAD's evaluation script (Rajpurkar et al. 2016, arXiv 1606.05250, section 6.1) for words, articles and F1;
DROP's (Dua et al. 2019, arXiv 1903.00161) for "a wrong number is a wrong answer". Both compare what they see: here
numbers are compared by value (`core/evaluation/numerals.py`, `core/evaluation/dates.py`).
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

import regex

from core.evaluation.dates import read_date, read_time
from core.evaluation.numerals import (
    MOST_ZEROS,
    ORDINALS,
    SCALES,
    SHORT_SCALES,
    read_number,
    read_number_words,
    write_fraction,
    write_number,
)

MAX_WORDS_KEPT = 4096  # Texts whose words are remembered: an expected text is compared with many answers.
ARTICLES = {"a", "an", "the"}
# Names after which a number that ends in 0 is no decimal: Python 3.10 is not Python 3.1.
VERSIONED = (
    "versions?|release|ver[.]?|v|python|java|php|ruby|node|node[.]js|perl|django|pytorch|tensorflow|cuda|kubernetes|postgresql"
    "|ubuntu|android|ios|macos|windows"
)
CURRENCIES = {"€": "eur", "$": "usd", "£": "gbp", "¥": "jpy", "₹": "inr"}
SPELLINGS = {
    "euro": "eur", "euros": "eur", "dollar": "usd", "dollars": "usd", "pound": "gbp", "pounds": "gbp", "yen": "jpy",
    **{code: code for code in ("eur", "usd", "gbp", "chf", "jpy", "inr")},
    "percent": "%", "pct": "%",
}  # fmt: skip
# What may stick to a number; anything else makes the whole a code, as in 2FA.
UNITS = (
    "mg|kg|g|km|cm|mm|m|min|mins|ms|s|sec|secs|h|hr|hrs|d|l|ml|gb|mb|kb|tb|gib|mib|hz|khz|mhz|ghz|w|kw|mw|kwh|v|mah|px|pt"
    "|dpi|fps|rpm|mph|kmh|eur|usd|gbp|chf|jpy|inr|pp|bp|bps|x|c|f"
)
DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2212\ufe58\ufe63"), "-")
APOSTROPHES = dict.fromkeys(map(ord, "\u2018\u2019\u02bc`"), "'")
FIGURES = {"figure", "loose"}
LONGEST = 10_000  # Characters of a text in which numbers are looked for; longer ones are compared word by word.
UNSEEN = dict.fromkeys([0xAD, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2065), 0xFEFF], "")
BLANKS = dict.fromkeys([0x2800, 0x3164, 0xFFA0], " ")  # An empty braille cell, and Hangul's letter for none.
EM_DASHES = {0x2014: " - ", 0x2015: " - "}
SPELT = str.maketrans({**DASHES, **EM_DASHES, **APOSTROPHES, **UNSEEN, 0x2044: "/", ord("×"): " x ", ord("&"): " and "})

NAME = "\ue000"  # Stands for a capital A within a sentence, which is a name: Hepatitis A.

_END = r"(?![\p{L}\p{M}\p{N}])"
_NUMBER = regex.compile(
    r"(?:(?<sign>-|minus\s+)(?=[\p{Sc}\d.]))?(?<currency>\p{Sc}\s?(?<inner>-)?(?=[\d.]))?"
    r"(?<number>[1-9]\d{0,2}(?<group>[, '_])\d{3}(?:(?P=group)\d{3}){0,12}(?!\d|(?P=group)\d)(?:[.]\d+|,\d{1,2}(?!\d))?"
    r"|[1-9]\d?(?:,\d\d){1,12},\d{3}(?:\.\d+)?|[1-9]\d{0,2}(?:\.\d{3}){1,12},\d+|[1-9]\d{0,2}(?:\.\d{3}){2,12}(?!\d|\.\d)"
    r"|\d+\.\d+|(?<!\d,)\d+,\d+(?!\d|,)|\d+|\.\d+)"
    r"(?:e(?<power>[+-]?\d{1,3})(?![\p{L}\p{N}]))?(?!\d|[./:]\d)"
)
_SCALE = regex.compile(rf"\s?(?P<scale>{'|'.join(SCALES)}|mn|mio|bn|mrd){_END}|(?P<scale>k){_END}")
_MONEY_SCALE = regex.compile(rf"(?P<scale>[mb]){_END}")
_UNIT = regex.compile(rf"(?:{UNITS}){_END}")
_FRACTION = regex.compile(rf"(?:(?P<whole>\d{{1,6}})\s)?(?P<above>\d)/(?P<below>10|[2-9]){_END}(?![./]\d)")
_ORDINAL = regex.compile(rf"(?P<number>\d+)(?:st|nd|rd|th){_END}")
_JOINED = regex.compile(rf"\d+(?:[./:]\d+){{1,12}}{_END}")  # 1.2.3, 24/7, 16:9
_PHONE = regex.compile(
    rf"\+\d{{1,3}}(?:\d{{5,12}}|(?:[ .-]?\(\d{{1,5}}\)|[ .-]\d{{1,12}}){{1,7}}){_END}"
    rf"|\(\d{{3}}\)\s?\d{{3}}[ .-]\d{{4}}{_END}|\d{{3}}(?P<gap>[.-])\d{{3}}(?P=gap)\d{{4}}{_END}"
)
_VERSION = regex.compile(rf"(?<=(?<![\p{{L}}\p{{N}}])(?:{VERSIONED})[ -])\d+(?:\.\d+){{1,12}}{_END}(?![,./:]\d)")
_DOTTED = regex.compile(rf"\d+(?:\.\d+){{1,12}}{_END}")
_CAPITAL = regex.compile(r"(?<=[\p{L}\p{N},;)'\"][ \t]+)A(?=[ \t]+[\p{L}\p{N}])")
_ADDRESS = regex.compile(r"(?:https?://|www\.)(?<address>\S+)|(?<address>[\w.+%-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64}){1,8})")
_WORD = regex.compile(
    r"n/a(?![\p{L}\p{N}])|(?:ab|[a-fo])[+-](?![\p{L}\p{N}+-])|[etx]-(?=[a-z]{3})[a-z]+"  # Grades and blood groups; e-mail, x-ray, t-shirt.
    r"|[\p{L}\p{N}][\p{L}\p{M}\p{N}_]*(?:'[\p{L}\p{M}]+|\.(?=\p{L})[\p{L}\p{M}\p{N}_]+)*(?:(?:\+\+|\#)(?![\p{L}\p{N}]))?"
)
_CURRENCY_WORD = regex.compile(r"(us|a|c|nz|hk)\$(?=\s?\d)|(eur|usd|gbp|chf|jpy|inr)(?=\d)")
_SYMBOL = regex.compile(rf"%|‰|°[cf]?|->|=>|<-(?!\s?[\d.])|!=+|=+|[<>]=?|\.net{_END}|\p{{S}}")
_SPELT_SIGNS = {"<=": "≤", ">=": "≥", "->": "→", "<-": "←", "=>": "⇒", "!=": "≠", "!==": "≠"}
_BOUNDS = frozenset("<>≤≥±~≈")  # Of the number after them.
_UNSAID = regex.compile(r"[\p{Sk}|®©●■▪◦►]")  # Of how a text is set, not of what it says.
_SUPERSCRIPT = regex.compile(r"(?<=\d)[⁰¹²³⁴-⁹]+")
_VULGAR = regex.compile(r"(?<=\d)(?=[¼-¾⅐-⅞])")


class Term(NamedTuple):
    """A word of a text in the one form in which it is compared.

    Its kind is `word`, `figure` (a number, date, time or phone number), `loose` (a figure that an answer need not
    repeat: "one", the 4 of GPT-4), `unit` (what sticks to a figure), `name` (a capital A) or
    `dash`.
    """

    text: str
    kind: str


def token_f1(value: str, expected: str) -> float:
    """Return the multiset F1 of the texts' words; 0 where figures are expected and none of them is given.

    Without the rule for figures "12 months" earns half the mark of "13 months": on unseen facts a model that
    guesses units scored 0.26 with not one number right (`benchmarks/LOG.md`).
    """
    given, right = read_pair(value, expected)
    figures = {word.text for word in right if word.kind == "figure"}
    if figures and not figures & {word.text for word in given}:
        return 0.0
    shared = (Counter(word.text for word in given) & Counter(word.text for word in right)).total()
    shared -= _count_swapped(given, right)
    return 2 * shared / (len(given) + len(right)) if given or right else 1.0


def have_same_words(value: str, expected: str) -> bool:
    """Whether two texts are the same words in the same order, which an F1 of 1 does not tell: Bob reports to Alice."""
    given, right = read_pair(value, expected)
    return [word.text for word in given] == [word.text for word in right]


def multiset_f1(value: Sequence[Hashable], expected: Sequence[Hashable]) -> float:
    """Return the F1 of two lists as multisets; two empty lists agree fully."""
    if not value or not expected:
        return float(not value and not expected)
    return 2 * (Counter(value) & Counter(expected)).total() / (len(value) + len(expected))


def normalize_text(text: str) -> str:
    """Return the words in which a text is compared, joined by spaces."""
    return " ".join(word.text for word in read_words(text))


def trim_text(text: str) -> str:
    """Return what an exact comparison sees: compatible characters unified (NFKC), no white space around."""
    return unicodedata.normalize("NFKC", text).strip()


def read_pair(value: str, expected: str) -> tuple[tuple[Term, ...], tuple[Term, ...]]:
    """Split two texts into their words; an "a" is a word in one where the other has a capital A for a name."""
    given, right = read_words(value), read_words(expected)
    named = [any(word.kind == "name" for word in words) for words in (given, right)]
    if named[0] == named[1]:
        return given, right
    return (given, read_words(expected, keep_a=True)) if named[0] else (read_words(value, keep_a=True), right)


@lru_cache(maxsize=MAX_WORDS_KEPT)
def read_words(text: str, *, keep_a: bool = False) -> tuple[Term, ...]:
    """Split a text into its words; a text of punctuation alone is one word, the text itself.

    Args:
        text: Any text.
        keep_a: Whether "a" is a word and no article.
    """
    spelt = _spell(text)
    plain = [Term(part, "word") for part in spelt.replace(NAME, "a").split()] if len(spelt) > LONGEST else None
    found = plain or _join_spans(_read_numerals(list(_scan(spelt))))
    words = [word for word in found if word.kind != "dash"]
    articles = ARTICLES - {"a"} if keep_a else ARTICLES
    # An "a" at the end is no article but a name: grade A.
    kept = [
        word
        for place, word in enumerate(words)
        if word.text not in articles or word.kind == "name" or (word.text == "a" and place == len(words) - 1)
    ]
    kept, raw = _place_units(kept), spelt.strip()
    return tuple(kept) or ((Term(raw, "word"),) if raw else ())


def _place_units(words: list[Term]) -> list[Term]:
    """Put a currency behind its number: EUR 5 is 5 EUR."""
    placed = list(words)
    for place in range(len(placed) - 1):
        unit, figure = placed[place : place + 2]
        attached = place > 0 and placed[place - 1].kind in FIGURES
        if unit.kind == "unit" and unit.text in SPELLINGS and unit.text != "%" and figure.kind in FIGURES and not attached:
            placed[place : place + 2] = [figure, unit]
    return placed


def _spell(text: str) -> str:
    """Unify characters that mean the same; an exponent or a fraction does not run into the number before it."""
    parted = _VULGAR.sub(" ", _SUPERSCRIPT.sub(lambda found: "^" + found.group(), text.replace(NAME, " ")))
    plain = unicodedata.normalize("NFKC", parted.translate({**DASHES, **BLANKS}))
    return str(_CAPITAL.sub(NAME, plain)).casefold().translate(SPELT)


def _scan(text: str) -> Iterable[Term]:
    """Yield the words of a spelt text from left to right."""
    place = 0
    while place < len(text):
        if text[place].isspace():
            place += 1
            continue
        words, place = _read_figure(text, place) or _read_word(text, place) or _read_symbol(text, place)
        yield from words


def _read_figure(text: str, place: int) -> tuple[list[Term], int] | None:
    """Read a date, time, phone number, fraction or number that starts at a place."""
    first, before = text[place], text[place - 1 : place]
    if first.isalpha():
        if before.isalnum() or first not in "jfmasond":  # Months, "minus".
            return None
    elif not (first.isdecimal() and first.isascii()) and first not in "-+(." and unicodedata.category(first) != "Sc":
        return None
    kind = "loose" if before == "-" and text[place - 2 : place - 1].isalpha() else "figure"
    if found := _VERSION.match(text, place):
        return [Term(_write_version(found.group()), kind)], found.end()
    for read in (_read_phone, read_date, read_time, _read_fraction):
        if found := read(text, place):
            return [Term(found[0], kind)], found[1]
    if number := _read_number(text, place, kind):
        return number
    if found := _JOINED.match(text, place):
        return [Term(found.group(), kind)], found.end()
    return None


def _read_phone(text: str, place: int) -> tuple[str, int] | None:
    found = _PHONE.match(text, place)
    if found is None:
        return None
    digits = "".join(character for character in found.group() if character.isdecimal())
    grouped = _NUMBER.match(text, place + 1)  # +5 000 000 is a number.
    if not 8 <= len(digits) <= 15 or (grouped and grouped["group"] and grouped.end() >= found.end()):
        return None
    return f"tel{'+' if found.group().startswith('+') else ''}{digits}", found.end()


def _read_fraction(text: str, place: int) -> tuple[str, int] | None:
    found = _FRACTION.match(text, place)
    if found is None or int(found["above"]) >= int(found["below"]) or found["above"] == "0":
        return None
    return write_fraction(int(found["above"]), int(found["below"]), int(found["whole"] or 0)), found.end()


def _read_number(text: str, place: int, kind: str) -> tuple[list[Term], int] | None:
    """Read a number with its sign, currency, scale and unit."""
    found = _NUMBER.match(text, place)
    before = text[place - 1 : place]
    bound = before.isalnum() or before in {")", "]", "%"} if before else False
    if found is None or (bound and (found["sign"] or found["number"].startswith("."))):
        return None
    if ordinal := _ORDINAL.match(text, place):
        return [Term(f"{ordinal['number'].lstrip('0')}th", kind)], ordinal.end()
    end, shift = found.end(), int(found["power"] or 0)
    scale = _SCALE.match(text, end) or (_MONEY_SCALE.match(text, end) if found["currency"] else None)
    if scale:
        name = scale["scale"]
        shift, end = shift + {**SCALES, **SHORT_SCALES, "m": 6, "b": 9}[name], scale.end()
    unit = _UNIT.match(text, end)
    if abs(shift) > MOST_ZEROS or (unit is None and text[end : end + 1].isalnum()):
        return None
    whole, decimals = read_number(found["number"])
    words = [Term(write_number(whole, decimals, shift=shift, negative=bool(found["sign"] or found["inner"])), kind)]
    if found["currency"]:
        sign = found["currency"][0]
        words.append(Term(CURRENCIES.get(sign, sign), "unit"))
    if unit:
        words.append(Term(unit.group(), "unit"))
    return words, unit.end() if unit else end


def _write_version(text: str) -> str:
    """Write a version as it stands, but for a sole zero behind its point: 3.10 is not 3.1, and 3.0 is 3."""
    whole, _, decimals = text.partition(".")
    return text if decimals.strip("0") else whole


def _read_word(text: str, place: int) -> tuple[list[Term], int] | None:
    if text[place] == NAME:
        return [Term("a", "name")], place + 1
    if not text[place].isalnum():
        return None
    if found := _CURRENCY_WORD.match(text, place):
        code = found[2] or {"us": "usd", "a": "aud", "c": "cad"}.get(found[1], f"{found[1]}d")
        return [Term(code, "unit")], found.end()
    if found := _ADDRESS.match(text, place):
        address = found["address"].rstrip(".,;:!?)]}\"'/")
        return [Term(address.removeprefix("www."), "word")], found.end()
    if text[place] == "v" and (found := _DOTTED.match(text, place + 1)):  # v1.2.3
        return [Term(_write_version(found.group()), "figure")], found.end()
    found = _WORD.match(text, place)
    if found is None:
        return None
    word = found.group()
    bare = word if word[-1] in "+-" else regex.sub("['._/-]", "", word)
    return [Term(SPELLINGS.get(bare, bare), "unit" if bare in SPELLINGS else "word")], found.end()


def _read_symbol(text: str, place: int) -> tuple[list[Term], int]:
    """Read a sign that belongs to a number or is a word of its own, or pass over any other character."""
    found = _SYMBOL.match(text, place)
    if found is None:
        return ([Term("-", "dash")] if text[place] == "-" else []), place + 1
    sign, end = found.group(), found.end()
    before, after = text[place - 1 : place], text[end : end + 4].lstrip()[:1]
    if sign == ".net":
        return ([Term(sign, "word")], end) if not before.isalnum() else ([], place + 1)
    if unicodedata.category(sign[0]) == "Sc":
        return [Term(CURRENCIES.get(sign, sign), "unit")], end
    if sign[0] in {"%", "‰", "°"} or (sign == "+" and before.isdecimal()):
        return [Term(sign, "unit")], end
    bound = sign in _BOUNDS or sign in {"<=", ">="}
    if bound and (after.isdecimal() or after == "-" or unicodedata.category(after or " ") == "Sc"):
        return [Term({"≈": "~"}.get(sign, _SPELT_SIGNS.get(sign, sign)), "unit")], end
    said = not _UNSAID.match(sign) and sign != "~" and (sign != "+" or before.isalnum() or not text[end : end + 1].isdecimal())
    return ([Term(_SPELT_SIGNS.get(sign, sign), "word")] if said else []), end


def _read_numerals(words: list[Term]) -> list[Term]:
    """Turn number words into figures, "per cent" into its sign."""
    texts, read, place = [word.text for word in words], list[Term](), 0
    while place < len(words):
        number, used = read_number_words(texts[place : place + 12])
        if used:
            read.append(Term(number, "loose" if texts[place : place + used] == ["one"] else "figure"))
        elif texts[place] in ORDINALS and not (read and read[-1].kind == "figure"):
            used = 1
            read.append(Term(f"{ORDINALS[texts[place]]}th", "loose"))
        elif texts[place : place + 2] == ["per", "cent"]:
            used = 2
            read.append(Term("%", "unit"))
        else:
            used = 1
            read.append(words[place])
        place += used
    return read


def _join_spans(words: list[Term]) -> list[Term]:
    """Make one figure of a span: 3-5, "3 to 5", "between 3 and 5"; the unit of $10-$20 stays, once."""
    joined: list[Term] = []
    spanned = False
    for word in words:
        if spanned and word.kind == "unit" and word == joined[-1]:
            continue
        joined.append(word)
        start = _find_span(joined)
        spanned = start is not None or (spanned and word.kind == "unit")
        if start is not None:
            ends = [part.text for part in joined[start:] if part.kind in FIGURES]
            units = [part for part in joined[start:] if part.kind == "unit" and part not in joined[max(start - 1, 0) : start]]
            joined[start:] = [Term("-".join(ends), "figure"), *units]
    return joined


def _find_span(words: Sequence[Term]) -> int | None:
    """Return where a span starts that ends with the last word, as in [from] 3 [unit] to [unit] 5."""
    if len(words) < 3 or words[-1].kind not in FIGURES:
        return None
    place = len(words) - 2
    while place > 1 and words[place].kind == "unit":
        place -= 1
    link, start = words[place], place - 1
    while start > 0 and words[start].kind == "unit":
        start -= 1
    if words[start].kind != "figure":
        return None
    opened = words[start - 1].text if start else ""
    if link.kind == "dash":
        return start
    if link.text == "to":
        return start - 1 if opened == "from" else start
    return start - 1 if link.text == "and" and opened == "between" else None


def _count_swapped(given: Sequence[Term], right: Sequence[Term]) -> int:
    """Count the figures that stand in one another's place: "5 days, 3 weeks" where "3 days, 5 weeks" is right.

    Only texts that are equal but for their figures are looked at, and the order within a list ("3 and 5") is free.
    """
    frames = [[word.text if word.kind not in FIGURES else _find_shape(word) for word in words] for words in (given, right)]
    if len(given) < 3 or given == right or frames[0] != frames[1]:
        return 0
    swapped, pending = 0, (Counter[str](), Counter[str]())
    for mine, other in [*zip(given, right, strict=True), (Term("", "word"), Term("", "word"))]:
        if mine.kind in FIGURES:
            pending[0][mine.text] += 1
            pending[1][other.text] += 1
        elif mine.text not in {"and", "or"}:
            swapped += (pending[0] - pending[1]).total()
            pending = (Counter(), Counter())
    figures = [Counter(word.text for word in words if word.kind in FIGURES) for words in (given, right)]
    return max(0, swapped - (figures[0] - figures[1]).total())  # What no place expects is counted by the F1 already.


def _find_shape(word: Term) -> str:
    return "#time" if ":" in word.text else "#span" if "-" in word.text[1:] else "#number"
