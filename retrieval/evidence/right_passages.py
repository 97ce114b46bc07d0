"""The passages that hold a question's evidence: the best that any search of the index could have brought."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from core.values import Evidence, Example, Hit, Passage
from retrieval.readers.text import clean_text


def find_right_passages(index: Any, items: Sequence[Example]) -> dict[str, tuple[Hit, ...]]:
    """Return by question the indexed passages that hold its evidence, a piece's best one before the rest of any.

    They are passages as the search brings them, so that prompts look alike. A quote that is cut by a passage's end has
    several; one that stands nowhere has none. Questions without any are left out. Equal questions share theirs: a search
    cannot tell them apart either.

    Args:
        index: The index of the documents (`retrieval.index.index.Index`).
        items: The questions.
    """
    passages: dict[str, list[Passage]] = {}
    pieces: dict[str, list[list[Passage]]] = {}
    for item in items:
        for piece in item.evidence:
            if piece.document not in passages:
                passages[piece.document] = index.load_passages(list(index.select([piece.document])))
            pieces.setdefault(item.input, []).append(_cover(index, piece, passages[piece.document]))
    found = {question: tuple(_take_in_turn(covers)) for question, covers in pieces.items()}
    return {question: hits for question, hits in found.items() if hits}


def _cover(index: Any, piece: Evidence, passages: Sequence[Passage]) -> list[Passage]:
    """Return the passages that hold a piece, that with most of it first; none where the quote is not in the document."""
    document = index.load_document(piece.document)
    span = _find_quote(piece.quote, document.text) if document is not None else None
    if span is None:
        return []
    start, end = span
    shares = [(min(passage.end, end) - max(passage.start, start), passage) for passage in passages]
    chosen: list[Passage] = []
    reach = 0
    for share, passage in sorted(shares, key=lambda pair: -pair[0]):
        if share <= 0 or reach >= end - start:
            break
        chosen.append(passage)
        reach += share
    return chosen


def _find_quote(quote: str, text: str) -> tuple[int, int] | None:
    """Return where a quote stands, however its lines are broken."""
    words = clean_text(quote).split()
    found = re.search(r"\s+".join(map(re.escape, words)), text) if words else None
    return found.span() if found else None


def _take_in_turn(covers: Sequence[Sequence[Passage]]) -> Iterator[Hit]:
    """Yield the passages of several pieces, each once: the best of every piece, then the second ones."""
    seen: set[tuple[str, int]] = set()
    for place in range(max(map(len, covers), default=0)):
        for cover in covers:
            if place < len(cover) and (key := (cover[place].document, cover[place].start)) not in seen:
                seen.add(key)
                yield Hit(cover[place], 1.0)
