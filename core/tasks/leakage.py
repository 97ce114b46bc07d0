"""Test items that were seen before the exam: shared words across the split, and items an adapter was trained on."""

from __future__ import annotations

import unicodedata
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import regex

from core.values import Example

GRAM = 8  # Words, as in the source that `find_pairs` names.
LEAST_GRAMS = 4  # Of the shorter text, 11 words: of fewer one shared phrase would be most.
NEAR = 0.5  # Share of the shorter text's 8-grams; stricter than the source's 0.7: a person sees both texts and judges.


@dataclass(frozen=True, slots=True)
class OverlapPair:
    """A training and a test example that are too alike.

    Args:
        train: Id of the training example.
        test: Id of the test example.
        shared: Share of the shorter text's 8-grams that the other has too; 1 for equal texts.
    """

    train: str
    test: str
    shared: float


def normalize(text: str) -> str:
    """Lower-case and join the words by single spaces, so that punctuation and white space do not hide a copy.

    Letters with their marks, digits and symbols stay (a plus sign or an emoji is part of what is asked).
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    return regex.sub(r"[^\p{L}\p{M}\p{N}\p{S}]+", " ", folded).strip() or folded.strip()


def fingerprint(text: str) -> str:
    """Return the hash by which an input is recognised in whatever task or version it appears. 32 hex digits."""
    return blake2b(normalize(text).encode(), digest_size=16).hexdigest()


def find_seen(items: Iterable[Example], trained_on: Iterable[str]) -> list[str]:
    """Return the ids of the items whose fingerprints are among those of training examples."""
    fingerprints = set(trained_on)
    return [item.id for item in items if fingerprint(item.input) in fingerprints]


def find_pairs(train: Sequence[Example], test: Sequence[Example]) -> list[OverlapPair]:
    """Return the pairs across the split that share at least half of the shorter text's word 8-grams, closest first.

    Texts of fewer than 11 words have too few 8-grams for a share to mean anything: among them only equal texts
    count (after `normalize`). 8-grams of a template that many test texts share are not counted. Training texts
    stream past an index of the test texts, which bounds the memory.

    Source: the share of 8-grams as a sign of contamination is that of Chowdhery et al. 2022, arXiv 2204.02311,
    section 8, who draw the line at 70 %.
    """
    places: dict[int, list[int]] = {}
    equal: dict[str, list[int]] = {}
    for number, example in enumerate(test):
        text = normalize(example.input)
        grams = _grams(text)
        equal.setdefault(text, []).append(number)
        for gram in grams:
            places.setdefault(gram, []).append(number)
    # What stands in so many test texts is the form they are asked in, not what is asked.
    shared_by_many = max(10, min(100, 0.3 * len(test)))
    places = {gram: numbers for gram, numbers in places.items() if len(numbers) <= shared_by_many}
    template = _find_template(test, places)
    sizes = [len(_grams(normalize(example.input)) - template) for example in test]
    pairs = []
    for example in train:
        text = normalize(example.input)
        shares = dict.fromkeys(equal.get(text, ()), 1.0)
        grams = _grams(text) - template
        shared: dict[int, int] = {}
        for gram in grams:
            for number in places.get(gram, ()):
                shared[number] = shared.get(number, 0) + 1
        for number, count in shared.items():
            shorter = min(len(grams), sizes[number])
            if shorter >= LEAST_GRAMS and count >= NEAR * shorter:
                shares.setdefault(number, count / shorter)
        pairs += [OverlapPair(example.id, test[number].id, share) for number, share in shares.items()]
    return sorted(pairs, key=lambda pair: (-pair.shared, pair.test, pair.train))


def _find_template(test: Sequence[Example], kept: Container[int]) -> set[int]:
    """Return the 8-grams of the test texts that are not kept."""
    return {gram for example in test for gram in _grams(normalize(example.input)) if gram not in kept}


def _grams(text: str) -> set[int]:
    words = text.split()
    return {hash(tuple(words[start : start + GRAM])) for start in range(len(words) - GRAM + 1)}
