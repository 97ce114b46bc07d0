"""Test items that were seen before the exam: alike texts across the split, and items an adapter was trained on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal

from core.tasks.near_copies import FORM, Wording, find_near, read_wordings
from core.tasks.wording import normalize, normalize_formerly
from core.values import Example

GRAM = 8  # Words, as in the source that `find_pairs` names.
LEAST_GRAMS = 4  # Of the shorter text, 11 words: of fewer one shared phrase would be most.
NEAR = 0.5  # Share of the shorter text's 8-grams; stricter than the source's 0.7: a person sees both texts and judges.
MANY = 10  # Test texts, at least, that share a phrase before it is taken for the form they are written in.


@dataclass(frozen=True, slots=True)
class OverlapPair:
    """A training and a test example that are too alike.

    Args:
        train: Id of the training example.
        test: Id of the test example.
        shared: 1 for equal texts, else the share of the shorter text's 8-grams, or of both texts' words, in common.
        kind: Equal texts (but for what `normalize` takes away), phrases in common, or all words but a few.
    """

    train: str
    test: str
    shared: float
    kind: Literal["equal", "phrases", "words"] = "equal"


def fingerprint(text: str) -> str:
    """Return the hash by which an input is recognised in whatever task or version it appears. 32 hex digits."""
    return blake2b(normalize(text).encode(), digest_size=16, person=b"wording 2").hexdigest()


def fingerprint_formerly(text: str) -> str:
    """Return the hash that older adapters' cards hold of an input."""
    return blake2b(normalize_formerly(text).encode(), digest_size=16).hexdigest()


def find_seen(items: Iterable[Example], trained_on: Iterable[str]) -> list[str]:
    """Return the ids of the items whose fingerprints, new or former, are among those of training examples."""
    known = set(trained_on)
    return [item.id for item in items if fingerprint(item.input) in known or fingerprint_formerly(item.input) in known]


def find_unknown(examples: Iterable[Example], trained_on: Iterable[str]) -> set[str]:
    """Return the fingerprints that none of the examples has: of rows that are in the task no more."""
    known = {mark for example in examples for mark in (fingerprint(example.input), fingerprint_formerly(example.input))}
    return set(trained_on) - known


def find_pairs(train: Sequence[Example], test: Sequence[Example]) -> list[OverlapPair]:
    """Return the pairs across the split that are too alike, closest first.

    A pair is too alike by one of three rules:

    - *equal*: the same text after `normalize`;
    - *phrases*: at least half of the shorter text's word 8-grams in common, if it has 11 words or more. 8-grams of a form
      are not counted: those of many test texts, and those of more than 3 training texts with different answers;
    - *words*: a few words apart (of 3 to 5 words one), or one inside the other, with the same answer
      (`core/tasks/near_copies.py`).

    Measured: no pair in the first editions of four bundled tasks (1,060 test items), nor in the five of today. Of public data that was split at random, and where
    people ask the same thing in nearly the same words, the rules name 27 % of the test items of Banking77, 7 % of
    Snips, 40 % of SemEval-2013 task 7 (students' answers to the same questions). Copies planted into the bundled tasks
    were all found (240 items; a word changed, put in or left out, the first word changed, halves exchanged, amid 100
    other words, zero-width characters, look-alikes); into Banking77 97 %.

    Time and memory on one core: 5,000 training and 1,000 test texts of 80 words take about 5 s and 300 MB, 40,000 and
    10,000 texts of 15 words 20 s and 340 MB; the time grows with the product of the two.

    Source: the share of 8-grams as a sign of contamination is that of Chowdhery et al. 2022, arXiv 2204.02311,
    section 8, who draw the line at 70 %.
    """
    learned, asked = read_wordings(train), read_wordings(test)
    found: dict[tuple[int, int], tuple[float, Literal["equal", "phrases", "words"]]] = {}
    equal: dict[str, list[int]] = {}
    for number, wording in enumerate(asked):
        equal.setdefault(wording.text, []).append(number)
    for row, wording in enumerate(learned):
        found |= {(row, number): (1.0, "equal") for number in equal.get(wording.text, ())}
    for row, number, share in _find_phrases(learned, asked):
        found.setdefault((row, number), (share, "phrases"))
    for row, number, likeness in find_near(learned, asked):
        found.setdefault((row, number), (likeness, "words"))
    pairs = [OverlapPair(train[row].id, test[number].id, *how) for (row, number), how in found.items()]
    return sorted(pairs, key=lambda pair: (pair.kind != "equal", -pair.shared, pair.test, pair.train))


def _find_phrases(learned: Sequence[Wording], asked: Sequence[Wording]) -> list[tuple[int, int, float]]:
    """Return (training row, test row, share) of pairs that share at least half of the shorter text's 8-grams."""
    places: dict[int, list[int]] = {}
    for number, wording in enumerate(asked):
        for gram in _grams(wording.text):
            places.setdefault(gram, []).append(number)
    form = _find_form(learned, places, tests=len(asked))
    sizes = [len(_grams(wording.text) - form) for wording in asked]
    pairs = []
    for row, wording in enumerate(learned):
        grams = _grams(wording.text) - form
        shared: dict[int, int] = {}
        for gram in grams:
            for number in places.get(gram, ()):
                shared[number] = shared.get(number, 0) + 1
        for number, count in shared.items():
            shorter = min(len(grams), sizes[number])
            if shorter >= LEAST_GRAMS and count >= NEAR * shorter:
                pairs.append((row, number, count / shorter))
    return pairs


def _find_form(learned: Sequence[Wording], places: dict[int, list[int]], *, tests: int) -> set[int]:
    """Return the 8-grams that are the form in which texts are written, not what is asked.

    They stand in many test texts, or in many training texts that expect different answers.
    """
    many = max(MANY, min(100, 0.3 * tests))
    form = {gram for gram, numbers in places.items() if len(numbers) > many}
    seen: dict[int, tuple[int, str, bool]] = {}  # How many texts, the answer of the first, whether another one follows.
    for wording in learned:
        for gram in _grams(wording.text) & places.keys():
            count, answer, differs = seen.get(gram, (0, wording.answer, False))
            seen[gram] = count + 1, answer, differs or wording.answer != answer
    return form | {gram for gram, (count, _, differs) in seen.items() if differs and count > FORM}


def _grams(text: str) -> set[int]:
    words = text.split()
    return {hash(tuple(words[start : start + GRAM])) for start in range(len(words) - GRAM + 1)}
