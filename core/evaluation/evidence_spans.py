"""Where a question's evidence stands in a passage, which may be cut inside the quote."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import SequenceMatcher


def find_quote(text: str, quote: str) -> tuple[int, int] | None:
    """Return start and end of the longest stretch of a quote in a text, None where less than half of its words stand there.

    Line breaks and runs of blanks make no difference, as in `core.evaluation.causes.has_evidence`.
    """
    words, sought = list(re.finditer(r"\S+", text)), quote.split()
    if not sought:
        return None
    found = SequenceMatcher(None, [word[0] for word in words], sought, autojunk=False).find_longest_match()
    if found.size < (len(sought) + 1) // 2:
        return None
    return words[found.a].start(), words[found.a + found.size - 1].end()


def split_evidence(text: str, quotes: Iterable[str]) -> list[tuple[str, bool]]:
    """Return a text in pieces, each with whether it is part of one of the quotes."""
    spans = sorted(span for quote in quotes if (span := find_quote(text, quote)) is not None)
    pieces, place = [], 0
    for start, end in spans:
        start = max(start, place)  # Two quotes may overlap.
        if start >= end:
            continue
        pieces += [(text[place:start], False), (text[start:end], True)]
        place = end
    return [(part, marked) for part, marked in [*pieces, (text[place:], False)] if part]
