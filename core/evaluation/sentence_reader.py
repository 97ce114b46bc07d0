"""A reader without a language model: the sentence most like the question, and of it the number or the name asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from core.answers.view import view_schema
from core.evaluation.rules import find_rule
from core.tasks.task import Task
from core.values import Document, Example

_END = re.compile(r"(?<=[.!?])\s+|\n+")
_ASKS_NUMBER = re.compile(r"\bhow (many|much|long|often|old|big|far|soon|late|early)\b|\bwhen\b|\bpercent|\bwhat (time|share|amount|number)\b", re.I)  # fmt: skip
_ASKS_NAME = re.compile(r"\bwho(m|se)?\b|\bwhich (person|team|office|city)\b|\bwhere\b", re.I)
_NUMBER = re.compile(r"[€$£]?\d[\d.,:/]*\d|\d")
_NAME = re.compile(r"(?<!^)\b[A-ZÅÄÖØÆÜ][\w’'-]+(?: [A-ZÅÄÖØÆÜ][\w’'-]+)*")
UNIT_WORDS = 2  # Words after a number that say of what it is.
LEAST_WORDS = 4  # Of a sentence; fewer are a heading.
# Of some 2,000 pages: 16 s and 460 MB for 300 questions on an AVX2 core. What comes after them is not read.
MOST_SENTENCES = 40_000
CLOSEST = 5  # Sentences that are looked at for a number or a name.


def find_text_field(task: Task) -> str | None:
    """Return the field that a sentence can answer: the primary one, if it is a text; None for any other."""
    view = view_schema(task.schema)
    field = view.fields.get(task.primary_metric)
    return task.primary_metric if field is not None and find_rule(field, "text") == "text" and "string" in field.kinds else None


def read_sentences(task: Task, items: Sequence[Example], documents: Sequence[Document]) -> list[str | None]:
    """Return for each question what its best sentence says.

    Sentences, their document's title before them, are compared by the cosine of tf-idf weights of parts of words.
    A question for a number gets the first number with the two words after it, one for a person or place the first name that
    the question does not hold, of the closest sentence that has one; any other question gets the closest sentence. None
    where no part of the question stands in a document.
    """
    sentences = [
        (document.title, part.strip(" #*-|"))
        for document in documents
        for part in _END.split(document.text)
        if not part.startswith("#")
    ]
    sentences = [(title, text) for title, text in sentences if len(text.split()) >= LEAST_WORDS][:MOST_SENTENCES]
    if not sentences or not items:
        return [None] * len(items)
    from sklearn.feature_extraction.text import TfidfVectorizer

    # Parts of words, not whole ones: "interviewing" finds "interview".
    weigh = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True)
    known = weigh.fit_transform([f"{title} {text}" for title, text in sentences])
    likeness = (
        weigh.transform([item.input for item in items]) @ known.T
    ).toarray()  # Questions x sentences, 4 MB for 300 x 1,500.
    return [
        _read_best(item.input, [sentences[place][1] for place in row.argsort()[::-1][:CLOSEST] if row[place] > 0])
        for item, row in zip(items, likeness, strict=True)
    ]


def _read_best(question: str, closest: Sequence[str]) -> str | None:
    """Return what the first of the closest sentences says that holds what is asked for; else the closest one whole."""
    for sentence in closest:
        span = _take_span(question, sentence)
        if span is not None:
            return span
    return closest[0] if closest else None


def _take_span(question: str, sentence: str) -> str | None:
    """Return the number or name that is asked for, None where the sentence has none, the sentence where neither is."""
    if _ASKS_NUMBER.search(question):
        found = _NUMBER.search(sentence)
        return " ".join([found.group(), *sentence[found.end() :].split()[:UNIT_WORDS]]).rstrip(" .,;:|") if found else None
    if _ASKS_NAME.search(question):
        return next((name.group() for name in _NAME.finditer(sentence) if name.group() not in question), None)
    return sentence


def answer_with_spans(usual: Mapping[str, Any], field: str, spans: Sequence[str | None]) -> list[dict[str, Any]]:
    """Return the usual answer with each span in its field; the usual value where there is no span."""
    return [{**usual, field: span} if span is not None else dict(usual) for span in spans]
