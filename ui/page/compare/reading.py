"""What several answers were made from: each passage once, and for each value of an answer the words that support it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.tasks.task import Task
from core.values import Example, Hit, Passage
from lab.provenance import locate_support
from retrieval.evidence.provenance import FieldSupport
from ui.page.compare.asking import Entry
from ui.page.passages import HEADINGS, TextPiece, shorten_place
from ui.page.support import name_field

Spans = list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class CardReading:
    """What the cards read.

    Args:
        passages: Each passage once, with the names of the cards that read it.
        chips: For each card, its values and where they stand.
        used: For each card, the numbers of its passages.
        doubts: What is said of searches that found nothing relevant.
        dropped: What had no room in a prompt.
    """

    passages: list[dict[str, Any]] = field(default_factory=list)
    chips: list[list[dict[str, Any]]] = field(default_factory=list)
    used: list[list[int]] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)


def collect_reading(task: Task, item: Example, cards: Sequence[tuple[str, Entry]]) -> CardReading:
    """Collect the passages of all cards, and the values that stand in them.

    Args:
        task: The task.
        item: The question: passages that hold what was expected are marked so.
        cards: Name and entry of each card.
    """
    numbers: dict[tuple[str, int, int], int] = {}
    found: list[tuple[Passage, list[str], Spans]] = []
    chips, used, doubts, dropped = [], [], [], []
    for title, entry in cards:
        prediction = entry.prediction
        hits: Sequence[Hit] = prediction.hits if prediction is not None else ()
        places = []
        for hit in hits:
            key = (hit.passage.document, hit.passage.start, hit.passage.end)
            place = numbers.setdefault(key, len(numbers))
            if place == len(found):
                found.append((hit.passage, [], []))
            found[place][1].append(title)
            places.append(place)
        supports = locate_support(task, prediction, entry.verdict) if prediction is not None else []
        chips.append([_make_chip(support, places, found) for support in supports if support.status != "not checked"])
        used.append([place + 1 for place in places])
        if entry.verdict is not None and entry.verdict.abstained:
            doubts.append(entry.verdict.reason)
        if prediction is not None and prediction.dropped_passages:
            names = ", ".join(prediction.dropped_documents)
            dropped.append(
                f"{title}: {prediction.dropped_passages} more had no room in the prompt{f': {names}' if names else ''}."
            )
    quotes: dict[str, list[str]] = {}
    for evidence in item.evidence:
        quotes.setdefault(evidence.document, []).append(evidence.quote)
    passages = [_describe_passage(number, *what, quotes) for number, what in enumerate(found, start=1)]
    return CardReading(passages, chips, used, list(dict.fromkeys(doubts)), dropped)


def _make_chip(
    support: FieldSupport, places: Sequence[int], found: Sequence[tuple[Passage, list[str], Spans]]
) -> dict[str, Any]:
    """Return one value's chip: which passage, and where in its shown text; the span is marked there too."""
    name = name_field(support.pointer)
    if support.status == "unsupported":
        return {"name": name, "number": 0}
    place = places[support.passage]
    passage, _, spans = found[place]
    cut = _count_headings(passage)
    start, end = max(0, support.start - passage.start - cut), support.end - passage.start - cut
    whole = support.end - support.start >= len(passage.text)  # The document is cited: no words of it stand out.
    if not whole and end > start:
        spans.append((start, end))
    near = "" if support.how != "fuzzy" else f", nearly ({support.score:.0%})"
    return {"name": name, "number": place + 1, "start": 0 if whole else start, "end": 0 if whole else max(0, end), "near": near}


def _describe_passage(
    number: int, passage: Passage, readers: Sequence[str], spans: Spans, quotes: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    text = passage.text[_count_headings(passage) :]
    whole = " ".join(passage.text.split())
    return {
        "number": number,
        "title": passage.title or passage.document,
        "place": " · ".join(filter(None, [passage.document, shorten_place(passage)])),
        "readers": list(readers),
        "pieces": _mark_spans(text, spans),
        "evidence": any(" ".join(quote.split()) in whole for quote in quotes.get(passage.document, ())),
    }


def _mark_spans(text: str, spans: Spans) -> list[TextPiece]:
    """Return a text in pieces, those marked that a span covers; nothing is added, so offsets stay true."""
    borders = sorted({0, len(text), *(min(place, len(text)) for span in spans for place in span)})
    return [
        TextPiece(text[start:end], marked=any(first <= start and end <= last for first, last in spans))
        for start, end in zip(borders, borders[1:], strict=False)
    ]


def _count_headings(passage: Passage) -> int:
    """Return how many characters of a passage are the headings it begins with; 0 where it is nothing else."""
    match = HEADINGS.match(passage.text)
    return match.end() if match and match.end() < len(passage.text) else 0
