"""Documents that hold a test question together with its answer: retrieval would find the exam, not the knowledge."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import regex

from core.tasks.wording import normalize, split_words
from core.values import Document, Example

LEAST_WORDS = 4  # Of a question that is looked for: shorter ones stand in documents by chance.
NEARBY = 60  # Words before and after a question in which its answer is looked for, beside the answer's own length.
CLOSE = 12  # The same for answers without any text: a number or a yes stands somewhere in any 60 words.
ANCHOR = 3  # Words by which a question's place is found.
_ESCAPE = regex.compile(r'\\(?:u([0-9a-fA-F]{4})|[nrt"\\/])')
_RULES = str.maketrans("|`", "  ")  # Lines of tables and marks of code, which are symbols and would stay.


@dataclass(frozen=True, slots=True)
class DocumentLeak:
    """A document that holds a test question with its answer beside it.

    Args:
        document: The document's id.
        tests: Ids of the test examples it holds, in their order.
    """

    document: str
    tests: tuple[str, ...]


def find_document_leaks(test: Sequence[Example], documents: Iterable[Document]) -> list[DocumentLeak]:
    """Return the documents that hold test questions with their answers, most first. Documents may stream.

    An answer alone is what documents are for, and a question alone gives nothing away. A question counts when it
    stands in the document word for word (after `normalize`) and at least half of its answer's texts stand within 60
    words of it; an answer of numbers and yes or no alone within 12.
    """
    questions = _read_questions(test)
    leaks = []
    for document in documents:
        found: set[int] = set()
        for text in dict.fromkeys((document.text, _unescape(document.text))):
            found.update(_search(split_words(normalize(text.translate(_RULES))), questions))
        if found:
            leaks.append(DocumentLeak(document.id, tuple(test[number].id for number in sorted(found))))
    return sorted(leaks, key=lambda leak: (-len(leak.tests), leak.document))


def find_too_short(test: Sequence[Example]) -> list[str]:
    """Return the ids of the examples whose question is too short to be looked for in documents."""
    return [example.id for example in test if len(_split(example.input)) < LEAST_WORDS]


@dataclass(frozen=True, slots=True)
class _Question:
    """A test example as it is looked for; `parts` are the words of its answer's values, `near` how far off they count."""

    number: int
    words: list[str]
    parts: list[list[str]]
    near: int


def _read_questions(test: Sequence[Example]) -> dict[tuple[str, ...], list[_Question]]:
    """Return the questions by the words that they begin with."""
    questions: dict[tuple[str, ...], list[_Question]] = {}
    for number, example in enumerate(test):
        words = _split(example.input)
        values = list(_list_values(example.output))
        texts = [value for value in values if isinstance(value, str)]
        parts = [part for value in texts or values if (part := _split(value if isinstance(value, str) else json.dumps(value)))]
        if len(words) >= LEAST_WORDS and parts:
            near = NEARBY + sum(map(len, parts)) if texts else CLOSE
            questions.setdefault(tuple(words[:ANCHOR]), []).append(_Question(number, words, parts, near))
    return questions


def _search(words: list[str], questions: Mapping[tuple[str, ...], list[_Question]]) -> Iterator[int]:
    """Yield the numbers of the questions that stand in the words with their answers beside them."""
    for start, anchor in enumerate(zip(*(words[offset:] for offset in range(ANCHOR)), strict=False)):
        for question in questions.get(anchor, ()):
            end = start + len(question.words)
            if words[start:end] == question.words and _is_beside(question, words, start, end):
                yield question.number


def _is_beside(question: _Question, words: list[str], start: int, end: int) -> bool:
    """Say whether at least half of the answer's values stand before or after the place of its question."""
    sides = words[max(0, start - question.near) : start], words[end : end + question.near]
    around = [f" {' '.join(side)} " for side in sides]
    found = sum(any(f" {' '.join(part)} " in side for side in around) for part in question.parts)
    return 2 * found >= len(question.parts)


def _list_values(value: Any) -> Iterator[str | int | float | bool]:
    """Yield the texts, numbers and truth values of an answer, at every level."""
    if isinstance(value, Mapping):
        for item in value.values():
            yield from _list_values(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _list_values(item)
    elif value is not None:
        yield value


def _split(text: str) -> list[str]:
    return split_words(normalize(text.translate(_RULES)))


def _unescape(text: str) -> str:
    """Return a text with JSON's escapes written out, for JSON that is read as plain text."""
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else " ", text) if "\\" in text else text
