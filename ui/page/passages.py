"""Passages as HTML: what was found, how well, and where it stands in its document."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from core.values import Document, Hit, Passage
from retrieval.evidence.abstention import EvidenceVerdict
from ui.page.markup import render

LoadDocument = Callable[[str], Document | None]
HitsByMode = Mapping[str, Sequence[Hit] | str]  # A text says why this mode cannot search.
RETRIEVERS = {"hybrid": "Hybrid", "dense": "Dense", "bm25": "BM25", "rerank": "Reranker"}
HEADINGS = re.compile(r"\A(?:#{1,6}[ \t].*(?:\n+|\Z))+")
BEFORE = 300  # Characters of the document shown before a passage.
AFTER = 600  # Characters shown after it: people read on more than back.
LONG_WORD = 3  # Letters; a final s of longer words is taken for a plural.
# Words too common to be worth a mark: marking them would hide why a passage was found.
STOPWORDS = frozenset(["a", "an", "and", "are", "at", "be", "by", "can", "do", "does", "for", "from", "has", "have", "how", "i", "in", "is", "it", "long", "many", "may", "me", "much", "must", "my", "of", "on", "or", "the", "their", "this", "to", "what", "when", "where", "which", "who", "whom", "will", "with", "you", "your"])  # fmt: skip


@dataclass(frozen=True, slots=True)
class TextPiece:
    """A piece of a text: marked or not, or the end of a line."""

    text: str
    marked: bool = False
    line: bool = False


def render_hits(
    hits: Sequence[Hit], query: str, *, dropped: int = 0, documents: Sequence[str] = (), verdict: EvidenceVerdict | None = None
) -> Markup:
    """Show the passages that an answer was made from.

    Args:
        hits: The passages.
        query: Its words are highlighted.
        dropped: How many more were found but had no room in the prompt.
        documents: Ids of their documents, where these were kept.
        verdict: What is said of the whole search; only a doubt is shown.
    """
    return render(
        "passages/hits",
        hits=[_describe_hit(hit, query) for hit in hits],
        doubt=verdict.reason if verdict is not None and verdict.abstained else "",
        dropped=dropped,
        documents=list(dict.fromkeys(documents)),
    )


def render_search(verdict: EvidenceVerdict, by_mode: HitsByMode, query: str, load: LoadDocument) -> Markup:
    """Show what a query found: the verdict, and below it the hits side by side."""
    columns = render_columns(by_mode, query, load)
    return render("passages/search", query=query, verdict=render_verdict(verdict), columns=columns)


def render_columns(by_mode: HitsByMode, query: str, load: LoadDocument) -> Markup:
    """Show one query's hits side by side, a column for each way of searching.

    Args:
        by_mode: What each way of searching found.
        query: Its words are highlighted.
        load: Gives a hit's whole document.
    """
    return render("passages/columns", columns=[_describe_column(mode, hits, query, load) for mode, hits in by_mode.items()])


def render_verdict(verdict: EvidenceVerdict) -> Markup:
    """Say above search results whether anything relevant was found: score, threshold, reason."""
    score, threshold = (round(100 * min(1.0, max(0.0, value))) for value in (verdict.best_score, verdict.threshold))
    return render("passages/verdict", abstained=verdict.abstained, reason=verdict.reason, score=score, threshold=threshold)


def _describe_column(mode: str, hits: Sequence[Hit] | str, query: str, load: LoadDocument) -> dict[str, Any]:
    reason = hits if isinstance(hits, str) else ""
    listed = () if isinstance(hits, str) else hits
    return {
        "mode": mode,
        "title": RETRIEVERS.get(mode, mode),
        "reason": reason or "Nothing found.",
        "hits": [_describe_hit(hit, query, rank=rank, load=load) for rank, hit in enumerate(listed, start=1)],
    }


def _describe_hit(hit: Hit, query: str, *, rank: int = 0, load: LoadDocument | None = None) -> dict[str, Any]:
    passage = hit.passage
    place = shorten_place(passage)
    return {
        "rank": rank,
        "title": passage.title or passage.document,
        "place": f"{passage.document} · {place}" if place else passage.document,
        "scores": _name_scores(hit),
        "pieces": split_marked(drop_headings(passage.text), query),
        "source": _find_source(passage, load) if load is not None else None,
    }


def shorten_place(passage: Passage) -> str:
    """Return a passage's place without the title at its beginning, which is said beside it."""
    return passage.place.removeprefix(passage.title).lstrip(" >")


def drop_headings(text: str) -> str:
    """Leave out the headings that a passage begins with: its title and place say them."""
    return HEADINGS.sub("", text) or text


def _name_scores(hit: Hit) -> str:
    parts = [f"{RETRIEVERS.get(name, name)} #{rank} {hit.scores[name]:.2f}" for name, rank in hit.ranks.items()]
    alone = list(hit.scores.values()) == [hit.score]
    return " · ".join(parts if alone else [f"score {hit.score:.2f}", *parts])


def _find_source(passage: Passage, load: LoadDocument) -> dict[str, str] | None:
    """Return a passage with what stands around it in its document; None where the document is gone."""
    document = load(passage.document)
    if document is None:
        return None
    text, start, end = document.text, passage.start, passage.end
    first = widen(text, max(0, start - BEFORE), -1)
    last = widen(text, min(len(text), end + AFTER), 1)
    return {
        "where": f"{document.origin or document.id}, characters {start:,} to {end:,} of {len(text):,}",
        "before": ("… " if first else "") + text[first:start],
        "passage": text[start:end],
        "after": text[end:last] + (" …" if last < len(text) else ""),
    }


def widen(text: str, place: int, step: int) -> int:
    """Move a place outwards to the border of a word."""
    while 0 < place < len(text) and not text[place].isspace():
        place += step
    return place


def split_marked(text: str, query: str) -> list[TextPiece]:
    """Return a text in pieces, those marked that it shares with the query; lines end where they did."""
    shared = {_stem(word) for word in re.findall(r"\w+", query.lower()) if word not in STOPWORDS}
    return [
        TextPiece(piece, marked=_stem(piece.lower()) in shared, line=piece == "\n")
        for piece in re.split(r"(\w+|\n)", text)
        if piece
    ]


def _stem(word: str) -> str:
    return word[:-1] if len(word) > LONG_WORD and word.endswith("s") else word
