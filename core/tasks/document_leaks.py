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
LEAST_LETTERS = 4  # Of a text that gives an answer away; shorter ones, such as "pay" or "28", stand in any text.
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


def find_document_leaks(
    test: Sequence[Example], documents: Iterable[Document], *, schema: Mapping[str, Any] | None = None
) -> list[DocumentLeak]:
    """Return the documents that hold test questions with their answers, most first. Documents may stream.

    An answer alone is what documents are for, and a question alone gives nothing away. A question counts when it
    stands in the document word for word (after `normalize`) and within 60 words of it the longest of its answer's open
    texts and at least half of them. Labels that the schema lists and texts of up to 3 letters are no open texts: an
    answer of those, of numbers and of yes or no alone counts when half of it stands within 12 words.

    Args:
        test: The examples of the exam.
        documents: What retrieval reads.
        schema: Of the answers, to tell labels from open texts; without it every text is open.
    """
    questions = _read_questions(test, _list_labels(schema))
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
    """A test example as it is looked for; `parts` are the words of its answer's values, `near` how far off they count.

    Where `open` says so they are of open texts, the longest first, which must be there.
    """

    number: int
    words: list[str]
    parts: list[list[str]]
    near: int
    open: bool


def _read_questions(test: Sequence[Example], labels: set[str]) -> dict[tuple[str, ...], list[_Question]]:
    """Return the questions by the words that they begin with."""
    questions: dict[tuple[str, ...], list[_Question]] = {}
    for number, example in enumerate(test):
        words = _split(example.input)
        values = list(_list_values(example.output))
        said = [value for value in values if value not in labels] or values
        texts = [value for value in said if isinstance(value, str) and value not in labels]
        texts = [value for value in texts if len("".join(_split(value))) >= LEAST_LETTERS]
        parts = [part for value in texts or said if (part := _split(value if isinstance(value, str) else json.dumps(value)))]
        if len(words) >= LEAST_WORDS and parts:
            parts.sort(key=lambda part: -len(" ".join(part)))
            near = NEARBY + sum(map(len, parts)) if texts else CLOSE
            questions.setdefault(tuple(words[:ANCHOR]), []).append(_Question(number, words, parts, near, bool(texts)))
    return questions


def _list_labels(schema: Any) -> set[str]:
    """Return the texts that a schema lists for a choice, at every level."""
    labels, waiting = set[str](), [schema]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Mapping):
            listed = node.get("enum")
            choices = [*(listed if isinstance(listed, list) else ()), node.get("const")]
            labels.update(choice for choice in choices if isinstance(choice, str))
        waiting.extend(node.values() if isinstance(node, Mapping) else node if isinstance(node, list) else ())
    return labels


def _search(words: list[str], questions: Mapping[tuple[str, ...], list[_Question]]) -> Iterator[int]:
    """Yield the numbers of the questions that stand in the words with their answers beside them."""
    for start, anchor in enumerate(zip(*(words[offset:] for offset in range(ANCHOR)), strict=False)):
        for question in questions.get(anchor, ()):
            end = start + len(question.words)
            if words[start:end] == question.words and _is_beside(question, words, start, end):
                yield question.number


def _is_beside(question: _Question, words: list[str], start: int, end: int) -> bool:
    """Say whether the longest open text and at least half of the answer's values stand around the place of its question."""
    sides = words[max(0, start - question.near) : start], words[end : end + question.near]
    around = [f" {' '.join(side)} " for side in sides]
    found = [any(f" {' '.join(part)} " in side for side in around) for part in question.parts]
    return (found[0] or not question.open) and 2 * sum(found) >= len(found)


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
