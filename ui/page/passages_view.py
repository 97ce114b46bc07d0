"""Passages as HTML: what was found, where it stands in its document, which values of an answer it supports.

Texts of documents, models and people are escaped here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from html import escape
from typing import Any

from core.tasks.task import Task
from core.values import Document, Hit, Passage, Prediction
from retrieval.evidence.abstention import EvidenceVerdict
from retrieval.evidence.provenance import FieldSupport, locate_answer

LoadDocument = Callable[[str], Document | None]
RETRIEVERS = {"hybrid": "Hybrid", "dense": "Dense", "bm25": "BM25", "rerank": "Reranker"}
HEADINGS = re.compile(r"\A(?:#{1,6}[ \t].*(?:\n+|\Z))+")
BEFORE, AFTER = 300, 600
QUOTED = 60
SHOWN_VALUE = 80
STOPWORDS = frozenset(["a", "an", "and", "are", "at", "be", "by", "can", "do", "does", "for", "from", "has", "have", "how", "i", "in", "is", "it", "long", "many", "may", "me", "much", "must", "my", "of", "on", "or", "the", "their", "this", "to", "what", "when", "where", "which", "who", "whom", "will", "with", "you", "your"])  # fmt: skip


def render_hits(
    hits: Sequence[Hit], query: str, *, dropped: int = 0, documents: Sequence[str] = (), verdict: EvidenceVerdict | None = None
) -> str:
    """Show the passages that an answer was made from.

    Args:
        hits: The passages.
        query: Its words are highlighted.
        dropped: How many more were found but had no room in the prompt.
        documents: Ids of their documents, where these were kept.
        verdict: What is said of the whole search; only a doubt is shown.
    """
    doubt = f'<p class="doubt">{escape(verdict.reason)}</p>' if verdict is not None and verdict.abstained else ""
    names = f": {escape(', '.join(dict.fromkeys(documents)))}" if documents else ""
    left = f'<p class="quiet">{dropped} more had no room in the prompt{names}.</p>' if dropped else ""
    blocks = "".join(_render_hit(hit, query) for hit in hits)
    return f"<details open><summary>Passages used ({len(hits)})</summary>{doubt}{blocks}{left}</details>"


def render_search(verdict: EvidenceVerdict, found: Mapping[str, Sequence[Hit] | str], query: str, load: LoadDocument) -> str:
    """Show what a query found: the verdict, and below it the hits side by side."""
    note = '<p class="quiet">A passage that says the same as a better one is left out.</p>'
    return f'<div data-query="{escape(query)}">{render_verdict(verdict)}{render_columns(found, query, load)}{note}</div>'


def render_columns(found: Mapping[str, Sequence[Hit] | str], query: str, load: LoadDocument) -> str:
    """Show one query's hits side by side, a column for each way of searching; a text stands for why there are none.

    Args:
        found: Hits by search mode, or why this mode cannot search.
        query: Its words are highlighted.
        load: Gives a hit's whole document.
    """
    return f'<div class="cards">{"".join(_render_column(mode, hits, query, load) for mode, hits in found.items())}</div>'


def _render_column(mode: str, hits: Sequence[Hit] | str, query: str, load: LoadDocument) -> str:
    title = f"<h3>{escape(RETRIEVERS.get(mode, mode))}</h3>"
    if isinstance(hits, str) or not hits:
        reason = hits if isinstance(hits, str) and hits else "Nothing found."
        return f'<section class="card">{title}<p class="quiet">{escape(reason)}</p></section>'
    blocks = "".join(
        _render_hit(hit, query, rank=rank, more=_render_source(hit.passage, load)) for rank, hit in enumerate(hits, start=1)
    )
    return f'<section class="card" data-mode="{escape(mode)}">{title}{blocks}</section>'


def _render_hit(hit: Hit, query: str, *, rank: int = 0, more: str = "") -> str:
    number = f'<span class="rank">{rank}</span> ' if rank else ""
    return (
        f'<div class="hit"><p>{number}<b>{escape(hit.passage.title or hit.passage.document)}</b><br>'
        f'<span class="quiet">{escape(_name_place(hit.passage))}</span><br><span class="quiet">{escape(_name_scores(hit))}</span></p>'
        f"<p>{highlight(_drop_headings(hit.passage.text), query)}</p>{more}</div>"
    )


def _name_place(passage: Passage) -> str:
    place = _shorten_place(passage)
    return f"{passage.document} · {place}" if place else passage.document


def _shorten_place(passage: Passage) -> str:
    """Return a passage's place without the title at its beginning, which is said beside it."""
    return passage.place.removeprefix(passage.title).lstrip(" >")


def _drop_headings(text: str) -> str:
    """Leave out the headings that a passage begins with: its title and place say them."""
    return HEADINGS.sub("", text) or text


def _name_scores(hit: Hit) -> str:
    parts = [f"{RETRIEVERS.get(name, name)} #{rank} {hit.scores[name]:.2f}" for name, rank in hit.ranks.items()]
    alone = list(hit.scores.values()) == [hit.score]
    return " · ".join(parts if alone else [f"score {hit.score:.2f}", *parts])


def _render_source(passage: Passage, load: LoadDocument) -> str:
    """Show a passage inside its document, folded away."""
    document = load(passage.document)
    if document is None:
        return ""
    text, start, end = document.text, passage.start, passage.end
    first = _widen(text, max(0, start - BEFORE), -1)
    last = _widen(text, min(len(text), end + AFTER), 1)
    before = ("… " if first else "") + text[first:start]
    after = text[end:last] + (" …" if last < len(text) else "")
    where = f"characters {start:,} to {end:,} of {len(text):,}"
    return (
        f'<details><summary>In its document</summary><p class="quiet">{escape(document.origin or document.id)}, {where}</p>'
        f'<div class="source">{escape(before)}<mark>{escape(text[start:end])}</mark>{escape(after)}</div></details>'
    )


def _widen(text: str, place: int, step: int) -> int:
    """Move a place outwards to the border of a word."""
    while 0 < place < len(text) and not text[place].isspace():
        place += step
    return place


def render_verdict(verdict: EvidenceVerdict) -> str:
    """Say above search results whether anything relevant was found: score, threshold, reason."""
    name, good = ("Nothing relevant found", "fail") if verdict.abstained else ("Something relevant was found", "ok")
    score, threshold = (round(100 * min(1.0, max(0.0, value))) for value in (verdict.best_score, verdict.threshold))
    return (
        f'<section class="verdict"><span class="badge {good}">{name}</span><p>{escape(verdict.reason)}</p>'
        f'<div class="meter" role="img" aria-label="evidence {score} %, threshold {threshold} %">'
        f'<div style="width:{score}%"></div><i style="left:{threshold}%"></i></div></section>'
    )


def describe_support(task: Task, prediction: Prediction) -> list[dict[str, Any]]:
    """Return where each value of an answer stands in the passages that it was made from; empty without passages."""
    if not prediction.hits or prediction.stage == "failed":
        return []
    passages = [hit.passage for hit in prediction.hits]
    found = []
    for support in locate_answer(prediction.value, passages, task.schema):
        passage = passages[support.passage] if support.passage >= 0 else None
        quote = passage.text[support.start - passage.start : support.end - passage.start] if passage else ""
        found.append({**asdict(support), "place": passage.place if passage else "", "quote": quote})
    return found


def render_support(task: Task, prediction: Prediction) -> str:
    """Say of each value of an answer which passage supports it, with the quote, or that none does."""
    if not prediction.hits or prediction.stage == "failed":
        return ""
    passages = [hit.passage for hit in prediction.hits]
    supports = locate_answer(prediction.value, passages, task.schema)
    lines = [_render_line(support, prediction.value, passages) for support in supports if support.status != "not checked"]
    labels = [_name(support.pointer) for support in supports if support.status == "not checked"]
    if labels:
        lines.append(f'<p class="quiet">Not looked up, for no text need hold them: {escape(", ".join(labels))}.</p>')
    return f'<div class="support"><h4>Where the answer stands</h4>{"".join(lines)}</div>' if lines else ""


def _render_line(support: FieldSupport, answer: Any, passages: Sequence[Passage]) -> str:
    label = f"<b>{escape(_name(support.pointer))}</b> {escape(_shorten(_resolve(answer, support.pointer)))}"
    if support.status == "unsupported":
        return f'<p class="field"><span class="badge fail">unsupported</span> {label}</p>'
    passage = passages[support.passage]
    where = ", ".join(filter(None, [passage.title or passage.document, _shorten_place(passage)]))
    near = f" (nearly: {support.score:.0%})" if support.how == "fuzzy" else ""
    return (
        f'<p class="field"><span class="badge ok">supported</span> {label}<br>'
        f'<span class="quiet">by [{escape(where)}]{near}</span> {_render_quote(passage, support)}</p>'
    )


def _render_quote(passage: Passage, support: FieldSupport) -> str:
    """Quote the words around the supporting ones, those marked; the beginning where a whole passage is cited."""
    text, start, end = passage.text, support.start - passage.start, support.end - passage.start
    if (start, end) == (0, len(text)):
        return f"<q>{escape(_shorten(' '.join(_drop_headings(text).split()), 2 * QUOTED))}</q>"
    first, last = _widen(text, max(0, start - QUOTED), -1), _widen(text, min(len(text), end + QUOTED), 1)
    before, after = text[first:start].lstrip(), text[end:last].rstrip()
    return (
        f"<q>{'… ' if first else ''}{escape(before)}<mark>{escape(text[start:end])}</mark>"
        f"{escape(after)}{' …' if last < len(text) else ''}</q>"
    )


def _name(pointer: str) -> str:
    return " › ".join(part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]) or "the answer"


def _resolve(value: Any, pointer: str) -> Any:
    for part in pointer.split("/")[1:]:
        value = value[int(part)] if isinstance(value, list) else value[part.replace("~1", "/").replace("~0", "~")]
    return value


def _shorten(value: Any, limit: int = SHOWN_VALUE) -> str:
    text = str(value)
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def highlight(text: str, query: str) -> str:
    """Escape a text and mark the words that it shares with the query."""
    wanted = {_stem(word) for word in re.findall(r"\w+", query.lower()) if word not in STOPWORDS}
    pieces = re.split(r"(\w+)", text)
    return "".join(
        f"<mark>{escape(piece)}</mark>" if _stem(piece.lower()) in wanted else escape(piece) for piece in pieces
    ).replace("\n", "<br>")


def _stem(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") else word
