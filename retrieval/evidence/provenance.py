"""Where each value of an answer stands in the passages: exactly, in another spelling, or nearly; else unsupported.

No model is asked. What is shown is where a value can be read, not that the answer is right; a value that was worked
out (a sum, a judgement) stands in no text and is rightly called unsupported.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from core.values import Passage
from retrieval.search.words import NEGATIONS, Word, find_words

SupportStatus = Literal["supported", "unsupported", "not checked"]
MatchKind = Literal["exact", "normalised", "fuzzy", ""]
LEAST_SCORE = 0.75  # Of a text that counts as nearly found: one change in four words.
LEAST_LIKENESS = 0.85  # Of two words with one stem, 0..1: "employee" and "employees" reach it, "policy" and "police" do not.
LEAST_LETTERS = 4  # Of words that are compared letter by letter; shorter ones are alike too easily.
LONGEST_ENDING = 3  # Letters by which two words with one stem may differ in length.
MAX_WORDS = 80  # Compared at once, since the work grows with their square; of a longer text each part must be found.
ARTICLES = {"a", "an", "the"}
# What may be missing of a text that was nearly found; "may" is a month too.
LITTLE = ARTICLES | {
    "and", "or", "but", "of", "to", "in", "on", "at", "by", "for", "with", "from", "as", "is", "are", "was", "were", "be",
    "been", "being", "it", "its", "this", "that", "these", "those", "there", "they", "their", "he", "she", "his", "her",
    "we", "us", "our", "you", "your", "i", "my", "me", "will", "would", "shall", "should", "can", "could", "has", "have",
    "had", "do", "does", "did", "also", "only", "just", "so", "then", "such", "which", "who",
}  # fmt: skip
FORBIDDEN = 1e6  # Words; the cost of a change that no number of equal words makes up for.


@dataclass(frozen=True, slots=True)
class FieldSupport:
    """What is known of one value of an answer.

    Args:
        pointer: JSON pointer of the value.
        status: `not checked` where a text need not hold the value: labels, booleans, nulls, empty texts.
        how: How it was found; `normalised` is the same words in other case, punctuation or number form.
        passage: Index of the passage among those given; -1 where it was not found.
        document: Id of that passage's document.
        start: Offset in the document.
        end: Offset in the document.
        score: From 0 to 1: 1 unless fuzzy; of an unsupported value, that of the nearest text with all its words.
    """

    pointer: str
    status: SupportStatus
    how: MatchKind = ""
    passage: int = -1
    document: str = ""
    start: int = 0
    end: int = 0
    score: float = 0.0


class Span(NamedTuple):
    """A place in a passage, offsets in its text, and how near it is."""

    score: float
    start: int
    end: int


def locate_answer(value: Any, passages: Sequence[Passage], schema: Mapping[str, Any]) -> list[FieldSupport]:
    """Locate every value of a JSON answer in the passages, best passage first.

    A value that is the id of a passage's document cites that passage as a whole.

    Args:
        value: The answer.
        passages: What the answer was made from.
        schema: JSON Schema of the answer: a value that it names itself (enum, const) is a label and not checked.
    """
    words = [find_words(passage.text) for passage in passages]
    return [
        FieldSupport(pointer, "not checked") if _is_free(leaf, nodes) else _locate(pointer, leaf, passages, words)
        for pointer, leaf, nodes in _leaves(value, _expand([schema], schema), schema, "")
    ]


def _leaves(
    value: Any, nodes: Sequence[Mapping[str, Any]], root: Mapping[str, Any], pointer: str
) -> Iterator[tuple[str, Any, Sequence[Mapping[str, Any]]]]:
    """Yield (pointer, value, schemas that apply to it) of everything that holds nothing else."""
    if isinstance(value, dict):
        for key, item in value.items():
            fields = [node["properties"][key] for node in nodes if key in node.get("properties", {})]
            others = [node["additionalProperties"] for node in nodes if isinstance(node.get("additionalProperties"), dict)]
            escaped = str(key).replace("~", "~0").replace("/", "~1")
            yield from _leaves(item, _expand(fields or others, root), root, f"{pointer}/{escaped}")
    elif isinstance(value, list):
        items = [node["items"] for node in nodes if isinstance(node.get("items"), dict)]
        for place, item in enumerate(value):
            tuples = [node["prefixItems"][place] for node in nodes if place < len(node.get("prefixItems", []))]
            yield from _leaves(item, _expand(tuples or items, root), root, f"{pointer}/{place}")
    else:
        yield pointer, value, nodes


def _expand(nodes: Sequence[Any], root: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return schemas with their references and alternatives beside them."""
    expanded: list[Mapping[str, Any]] = []
    waiting = list(nodes)
    while waiting:
        node = waiting.pop(0)
        if not isinstance(node, Mapping) or any(node is seen for seen in expanded):  # A reference may lead in a circle.
            continue
        expanded.append(node)
        waiting += [part for name in ("anyOf", "oneOf", "allOf") for part in node.get(name, [])]
        if isinstance(node.get("$ref"), str):
            waiting.append(_follow(node["$ref"], root))
    return expanded


def _follow(reference: str, root: Mapping[str, Any]) -> Any:
    """Return what a reference inside the schema points to; None for any other."""
    node: Any = root
    for part in reference.removeprefix("#").split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        node = node.get(key) if isinstance(node, Mapping) else None
    return node if reference.startswith("#") else None


def _is_free(value: Any, nodes: Sequence[Mapping[str, Any]]) -> bool:
    """Whether no text need hold the value."""
    if value is None or isinstance(value, bool) or not str(value).strip():
        return True
    return any(value == node.get("const") or value in node.get("enum", []) for node in nodes)


def _locate(pointer: str, value: Any, passages: Sequence[Passage], words: Sequence[Sequence[Word]]) -> FieldSupport:
    for place, passage in enumerate(passages):
        if value == passage.document:
            return _support(pointer, "exact", place, passage, Span(1.0, 0, len(passage.text)))
    text = value.strip() if isinstance(value, str) else json.dumps(value)
    sought = find_words(text)
    # The whole text is looked for in every passage before nearness counts in any.
    kinds: list[tuple[MatchKind, Any]] = [("exact", _find_exact), ("normalised", _find_normalised)]
    for how, find in kinds:
        for place, passage in enumerate(passages):
            if span := find(text, sought, passage.text, words[place]):
                return _support(pointer, how, place, passage, span)
    if not isinstance(value, str) or not sought:
        return FieldSupport(pointer, "unsupported")
    spans = [(_find_parts(sought, words[place]), place) for place in range(len(passages))]
    span, place = max(spans, key=lambda pair: (pair[0].score, -pair[1]), default=(Span(0.0, 0, 0), -1))
    if span.score < LEAST_SCORE:
        return FieldSupport(pointer, "unsupported", score=span.score)
    return _support(pointer, "fuzzy", place, passages[place], span)


def _support(pointer: str, how: MatchKind, place: int, passage: Passage, span: Span) -> FieldSupport:
    start = passage.start
    return FieldSupport(pointer, "supported", how, place, passage.document, start + span.start, start + span.end, span.score)


def _find_exact(text: str, sought: Sequence[Word], inside: str, words: Sequence[Word]) -> Span | None:
    """Find a text as it is spelled and of the same words: "4" is not in "40" or "4.5", nor "-20" in "10-20"."""
    borders = [(word.start, word.end) for word in sought]
    place = inside.find(text)
    while place >= 0:
        end = place + len(text)
        if [(word.start - place, word.end - place) for word in words if word.start < end and word.end > place] == borders:
            return Span(1.0, place, end)
        place = inside.find(text, place + 1)
    return None


def _find_normalised(text: str, sought: Sequence[Word], inside: str, words: Sequence[Word]) -> Span | None:
    """Find the same words in a row; an article before them does not count."""
    if len(sought) > 1 and sought[0].keys & ARTICLES:
        sought = sought[1:]
    for first in range(len(words) - len(sought) + 1 if sought else 0):
        row = words[first : first + len(sought)]
        if all(word.equals(other) for word, other in zip(sought, row, strict=True)):
            return Span(1.0, row[0].start, row[-1].end)
    return None


def _find_parts(sought: Sequence[Word], words: Sequence[Word]) -> Span:
    """Find each part of a text in a passage; the least of the scores counts."""
    count = math.ceil(len(sought) / MAX_WORDS)
    size = math.ceil(len(sought) / count)
    spans = [_find_nearest(sought[first : first + size], words) for first in range(0, len(sought), size)]
    return Span(min(span.score for span in spans), min(span.start for span in spans), max(span.end for span in spans))


def _find_nearest(sought: Sequence[Word], words: Sequence[Word]) -> Span:
    """Find the stretch of words that needs the fewest changes to become those of a text.

    The score is 1 - cost / number of sought words. A number or a negation never changes, comes or goes: "12 months"
    is no evidence for "13 months", nor "is paid" for "is not paid". No sought word may be missing but a little one:
    "paid in May" is no evidence for "paid monthly".

    Source: Sellers 1980, "The theory and computation of evolutionary distances", section 3 (free start and end).
    """
    costs = [0.0] * (len(words) + 1)  # Of the sought words so far, ending before each word.
    starts = list(range(len(words) + 1))  # Where each such stretch begins.
    weights = [_weight(other) for other in words]
    for word in sought:
        lost = _weight(word) if word.keys & LITTLE else FORBIDDEN
        changes = {other.keys: _change(word, other) for other in {other.keys: other for other in words}.values()}
        row, begins = [costs[0] + lost], [starts[0]]
        for place, other in enumerate(words):
            cost, begin = costs[place] + changes[other.keys], starts[place]
            if (without := costs[place + 1] + lost) < cost:
                cost, begin = without, starts[place + 1]
            if (inserted := row[place] + weights[place]) < cost:
                cost, begin = inserted, begins[place]
            row.append(cost)
            begins.append(begin)
        costs, starts = row, begins
    end = min(range(len(costs)), key=costs.__getitem__)
    score = max(0.0, 1 - costs[end] / len(sought))
    if starts[end] == end:
        return Span(0.0, 0, 0)
    return Span(score, words[starts[end]].start, words[end - 1].end)


def _weight(word: Word) -> float:
    """Return what it costs that the passage has a word more."""
    return FORBIDDEN if word.number or word.keys & NEGATIONS else 1.0


def _change(word: Word, other: Word) -> float:
    """Return what it costs to take one word for another."""
    if word.equals(other):
        return 0.0
    if _weight(word) == FORBIDDEN or _weight(other) == FORBIDDEN:
        return FORBIDDEN
    difference = _difference(next(iter(word.keys)), next(iter(other.keys)))
    return FORBIDDEN if difference == 1.0 and not word.keys & LITTLE else difference


@lru_cache(maxsize=2**14)
def _difference(word: str, other: str) -> float:
    """Return how unlike two words are, 0..1; words of different stems differ wholly, however many letters they share."""
    if min(len(word), len(other)) < LEAST_LETTERS or abs(len(word) - len(other)) > LONGEST_ENDING:
        return 1.0
    matcher = SequenceMatcher(None, word, other, autojunk=False)
    likeness = matcher.ratio() if matcher.quick_ratio() >= LEAST_LIKENESS else 0.0
    return 1 - likeness if likeness >= LEAST_LIKENESS else 1.0
