"""Texts that are nearly one another across the split: reworded ones, and short ones inside long ones."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from core.tasks.wording import normalize, split_words
from core.values import Example

ALIKE = 0.7  # Shared words over all words of both: one word of six changed (5 of 7), or two of sixteen (14 of 18).
LEAST_SHARED = (
    5  # Words; of fewer, one phrase that many questions begin with would be most, so that all but one must be shared.
)
LEAST_ASKED = 3  # Words of a text that is compared word by word; of shorter ones a changed word is half of all.
SAME_TEXT = 0.85  # From here on two texts of at least `LONG` words are one text whatever their answers.
LONG = 12
LEAST_INSIDE = 6  # Words of a text that stands whole in another one.
FORM = 3  # Rows that share a pair's words, beside the pair: more of them, and the words are a form that is filled in.
TRIED = 50  # Closest rows looked at for a test text: where more are alike, they are of one form.
MOST = 0.8  # Of the rows alike to a text: words that so many share are the form, not what is asked.
BLOCK = 2_000_000  # Cells of the table of shared words that are held at a time: 8 MB.

NUMBERS = frozenset(["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"])

_Words = frozenset[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Wording:
    """What a row asks and expects, as rows are compared.

    Args:
        text: The normalised input.
        words: Its words, each with the count of the same words before it: a multiset.
        answer: What is expected, in a form that can be compared.
    """

    text: str
    words: _Words
    answer: str


def read_wordings(examples: Iterable[Example]) -> list[Wording]:
    """Return the wordings of examples, in order."""
    wordings = []
    for example in examples:
        text = normalize(example.input)
        answer = json.dumps(example.output, sort_keys=True, default=str)
        wordings.append(Wording(text, _number_words(split_words(text)), answer))
    return wordings


def find_unworded(test: Iterable[Example]) -> list[str]:
    """Return the ids of the examples whose input is so short that only equal texts are looked for."""
    return [example.id for example in test if len(split_words(normalize(example.input))) < LEAST_ASKED]


def find_near(train: Sequence[Wording], test: Sequence[Wording]) -> Iterator[tuple[int, int, float]]:
    """Yield (training row, test row, likeness) of near copies that differ by a few words, or stand one inside the other.

    Two texts are near copies when their words agree, their answers agree, and what they share is not a form:

    - *Words*: they share at least 5 words and 70 % of all words of both, in any order; or, of 3 to 5 words, all but one
      word of the longer one, which is no number; or one of at least 6 words stands whole in the other.
    - *Answers*: both rows expect the same. What expects something else is another question, however alike it is; only
      from 12 words and 85 % on the answers do not count, unless a number is among the changed words.
    - *No form*: of other rows with the pair's words none expects something else, and at most 3 expect the same (more,
      if nothing else has that answer). *How long does a work permit for Brazil take?* is no copy of the one for Japan:
      the one for Portugal has another answer, so that the changed word matters. Where more than 3 training rows are
      alike to a test text, what most of them share is set aside, and the rest must agree too: answers to one question
      share the question.

    Source: the likeness is the resemblance (Jaccard's coefficient) and the whole text inside the other the containment
    of Broder 1997, *On the resemblance and containment of documents*, of single words as multisets.
    """
    forms = _Forms([*train, *test])
    for column, rows in _find_alike(train, test):
        asked = test[column]
        form = forms.find_shared(asked, [train[row] for row, likeness in rows if likeness >= ALIKE])
        for row, likeness in rows:
            if _is_copy(train[row], asked, form, likeness) and not forms.fill(train[row], asked):
                yield row, column, likeness


def _is_copy(one: Wording, other: Wording, form: _Words, likeness: float) -> bool:
    """Say whether the words of two texts agree, those of a form set aside, and the answers as far as they need to."""
    if len(one.words & other.words) < LEAST_SHARED and not _is_short_copy(one, other):
        return False
    if likeness < ALIKE:
        return one.answer == other.answer and (_is_short_copy(one, other) or _is_inside(one, other))
    rest = other.words - form
    if len(rest & one.words) < ALIKE * len(rest) or (not rest and one.words - form):
        return False
    if one.answer == other.answer:
        return True
    changed = any(sign.isdigit() for word, _ in one.words ^ other.words for sign in word)
    return not changed and likeness >= SAME_TEXT and min(len(rest), len(one.words - form)) >= LONG


def _is_short_copy(one: Wording, other: Wording) -> bool:
    """Say whether short texts share all but one word, changed, put in or left out: what `_find_alike` asks for at once."""
    sizes = len(one.words), len(other.words)
    shared = len(one.words & other.words)
    counts = any(word.isnumeric() or word in NUMBERS for word, _ in one.words ^ other.words)  # A table for two, for three.
    return shared < LEAST_SHARED and min(sizes) >= LEAST_ASKED and shared >= max(sizes) - 1 and not counts


def _is_inside(one: Wording, other: Wording) -> bool:
    """Say whether one text stands whole in the other, word for word."""
    shorter, longer = sorted((one.text, other.text), key=len)
    return f" {shorter} " in f" {longer} "


def _find_alike(train: Sequence[Wording], test: Sequence[Wording]) -> Iterator[tuple[int, list[tuple[int, float]]]]:
    """Yield test rows with the training rows (and their likeness) whose words are alike or all in one of the two."""
    known = {word: number for number, word in enumerate({word for row in train for word in row.words})}
    learned, asked = _count_words(train, known), _count_words(test, known)
    sizes, others = (np.array([len(row.words) for row in rows], dtype=np.float32) for rows in (train, test))
    step = max(1, BLOCK // max(1, len(train)))
    for start in range(0, len(test) if train else 0, step):
        shared = (asked[start : start + step] @ learned.T).toarray()
        shorter = np.minimum(others[start : start + step, None], sizes)
        likeness = shared / np.maximum(1, others[start : start + step, None] + sizes - shared)
        alike = (likeness >= ALIKE) & (shared >= LEAST_SHARED)
        longer = np.maximum(others[start : start + step, None], sizes)
        alike |= (shared < LEAST_SHARED) & (shorter >= LEAST_ASKED) & (shared >= longer - 1)
        inside = (shared >= shorter) & (shorter >= LEAST_INSIDE)
        for index in np.flatnonzero((alike | inside).any(axis=1)):
            rows = np.flatnonzero(alike[index] | inside[index])
            closest = rows[np.argsort(-likeness[index, rows], kind="stable")[:TRIED]]
            yield start + int(index), [(int(row), float(likeness[index, row])) for row in closest]


def _count_words(wordings: Sequence[Wording], known: dict[tuple[str, int], int]) -> Any:
    """Return a sparse table with a 1 for each known word, shape (texts, words)."""
    from scipy.sparse import csr_matrix

    rows = [[known[word] for word in wording.words if word in known] for wording in wordings]
    ends = np.cumsum([0, *map(len, rows)])
    columns = np.fromiter(chain.from_iterable(rows), dtype=np.int32, count=int(ends[-1]))
    return csr_matrix((np.ones(len(columns), dtype=np.float32), columns, ends), shape=(len(wordings), len(known)))


def _number_words(words: Sequence[str]) -> _Words:
    counts: Counter[str] = Counter()
    numbered = set()
    for word in words:
        numbered.add((word, counts[word]))
        counts[word] += 1
    return frozenset(numbered)


class _Forms:
    """Which words are a form that rows fill in: they stand in many rows, or in rows that expect different answers."""

    def __init__(self, wordings: Sequence[Wording]) -> None:
        self._wordings = wordings
        self._places: dict[tuple[str, int], set[int]] = defaultdict(set)
        for number, wording in enumerate(wordings):
            for word in wording.words:
                self._places[word].add(number)
        self._answers = Counter(answer for _, answer in {(wording.text, wording.answer) for wording in wordings})
        self._known: dict[tuple[_Words, str], dict[str, str]] = {}

    def fill(self, one: Wording, other: Wording) -> bool:
        """Say whether two rows fill in the same form: both are made of it, or one of it and much else."""
        shared = one.words & other.words
        alike = len(shared) >= ALIKE * len(one.words | other.words) or _is_short_copy(one, other)
        inside = "" if alike else min(one.text, other.text, key=len)
        if (shared, inside) not in self._known:
            self._known[shared, inside] = self._find_rows(shared, inside)
        rows = {text: answer for text, answer in self._known[shared, inside].items() if text not in (one.text, other.text)}
        if any(answer not in (one.answer, other.answer) for answer in rows.values()):
            return True
        return len(rows) > FORM and self._answers[other.answer] > len(rows) + 2

    def find_shared(self, asked: Wording, alike: Sequence[Wording]) -> _Words:
        """Return the words that most of the rows alike to a text share with it; none where there are few, or all are copies."""
        texts = {wording.text: wording.answer for wording in alike if wording.text != asked.text}
        copies = set(texts.values()) == {asked.answer} and self._answers[asked.answer] <= len(texts) + 2
        if len(texts) <= FORM or copies:
            return frozenset()
        counts = Counter(word for wording in alike for word in wording.words & asked.words)
        return frozenset(word for word, count in counts.items() if count >= MOST * len(alike))

    def _find_rows(self, shared: _Words, inside: str) -> dict[str, str]:
        """Return texts that are made of the shared words and few others, or hold a text, with their answers."""
        places = sorted((self._places[word] for word in shared), key=len)
        rows: dict[str, str] = {}
        for number in sorted(places[0].intersection(*places[1:])):
            wording = self._wordings[number]
            most = max(len(shared) + 1, len(shared) / ALIKE)  # Words of a text that is made of them.
            if f" {inside} " in f" {wording.text} " if inside else len(wording.words) <= most:
                rows[wording.text] = wording.answer
            if len(rows) > TRIED:
                break
        return rows
