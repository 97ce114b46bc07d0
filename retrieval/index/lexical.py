"""BM25 (Lucene's form, as bm25s scores it) over stemmed words: built once, stored as plain arrays, searched with a filter.

bm25s weighs every word of every passage beforehand (Lu 2024, arXiv 2407.03618), so a search only adds up stored
weights. Stored are three arrays and a JSON vocabulary: no pickle, and the arrays are mapped, not read, on loading.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.errors import LabError
from core.stored import Stored, read_stored

ARRAYS = ("weights", "rows", "starts")
VOCABULARY = "vocabulary.json"
WORD = re.compile(r"\b\w\w+\b")  # As bm25s cuts words; single characters say little.


@dataclass(frozen=True, slots=True)
class Vocabulary(Stored):
    """What is kept beside the arrays: the number of passages, and the stemmed words, each at its number's place."""

    size: int
    words: list[str]


@dataclass(frozen=True, eq=False)
class BM25:
    """The weights of words in passages, word by word.

    Args:
        weights: float32, the weight of a word in a passage. Shape: (entries,)
        rows: int32, the passage's position, ascending within a word. Shape: (entries,)
        starts: int64, where each word's entries begin, and the end. Shape: (words + 1,)
        words: Number of each stemmed word.
        size: Number of passages, those without a word included.
    """

    weights: np.ndarray
    rows: np.ndarray
    starts: np.ndarray
    words: Mapping[str, int]
    size: int

    def __len__(self) -> int:
        return self.size


def tokenize(texts: Sequence[str]) -> list[list[str]]:
    """Return the stemmed English words of each text, in order, without stop words and single characters.

    The same as bm25s's own, which sets up three progress bars for each call: most of the time of a short query.
    """
    import Stemmer
    from bm25s.stopwords import STOPWORDS_EN

    stem, stops = Stemmer.Stemmer("english").stemWords, frozenset(STOPWORDS_EN)
    return [stem([word for word in WORD.findall(text.lower()) if word not in stops]) for text in texts]


def build_bm25(texts: Sequence[str]) -> BM25:
    """Weigh the words of passages. Position i of a search result is `texts[i]`."""
    import bm25s

    rows = tokenize(texts)
    words = {word: number for number, word in enumerate(dict.fromkeys(word for row in rows for word in row))}
    if not words:
        nothing = np.zeros(0, dtype=np.float32)
        return BM25(nothing, nothing.astype(np.int32), np.zeros(1, dtype=np.int64), {}, len(texts))
    model = bm25s.BM25(method="lucene")
    model.index(([[words[word] for word in row] for row in rows], dict(words)), create_empty_token=False, show_progress=False)
    entries = model.scores
    rows_of_words = entries["indices"].astype(np.int32)  # Passages; 2 billion are enough, and half the disk.
    return BM25(entries["data"], rows_of_words, entries["indptr"].astype(np.int64), words, len(texts))


def save_bm25(bm25: BM25, folder: Path) -> None:
    """Write the arrays and the vocabulary into a folder, making it if need be.

    Raises:
        OSError: The disk refuses; the caller's `new_folder` translates it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in ARRAYS:
        np.save(folder / f"{name}.npy", getattr(bm25, name), allow_pickle=False)
    # Not by `Vocabulary.as_json`, which copies word by word: 0.7 s for 300,000, this 0.05.
    text = json.dumps({"size": bm25.size, "words": list(bm25.words)}, ensure_ascii=False)
    (folder / VOCABULARY).write_text(text, encoding="utf-8")


def load_bm25(folder: Path) -> BM25:
    """Map what `save_bm25` wrote; checksums are the caller's.

    Raises:
        LabError: A part is absent, or the parts do not belong together.
    """
    vocabulary = read_stored(Vocabulary, folder / VOCABULARY, remedy="Build the index again.")
    try:
        weights, rows, starts = (np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in ARRAYS)
    except (OSError, ValueError) as error:
        raise LabError(f"The word index in {folder} cannot be read: {error}.", "Build the index again.") from error
    if len(starts) != len(vocabulary.words) + 1 or not len(weights) == len(rows) == int(starts[-1]):
        raise LabError(f"The parts of the word index in {folder} do not belong together.", "Build the index again.")
    return BM25(weights, rows, starts, {word: number for number, word in enumerate(vocabulary.words)}, vocabulary.size)


def search_bm25(bm25: BM25, query: str, count: int, allowed: np.ndarray | None = None) -> list[tuple[int, float]]:
    """Return at most `count` (position, score), best first; equal scores in order of position, none without a common word.

    Args:
        bm25: The weights.
        query: What to look for; a repeated word counts again.
        count: How many at most; more than there are passages is fine.
        allowed: Which positions may be found, applied before the best are chosen. Shape: (passages,), bool.
    """
    scores = np.zeros(bm25.size, dtype=np.float32)
    for number in (bm25.words[word] for word in tokenize([query])[0] if word in bm25.words):
        entries = slice(bm25.starts[number], bm25.starts[number + 1])
        scores[bm25.rows[entries]] += bm25.weights[entries]  # A word's rows are distinct, so nothing is added once only.
    if allowed is not None:
        scores[~allowed] = 0.0
    return [(int(position), float(scores[position])) for position in choose_best(scores, count)]


def choose_best(scores: np.ndarray, count: int) -> np.ndarray:
    """Return the positions of the `count` largest scores above zero, best first, ties in order of position.

    Only what reaches the last place is sorted: at 500,000 passages a full sort would take most of a search.
    """
    positions = np.flatnonzero(scores > 0)
    if count < 1:
        return positions[:0]
    if len(positions) > count:
        marks = scores[positions]
        # All that tie with the last place stay, so that the order of position decides among them.
        positions = positions[marks >= np.partition(marks, -count)[-count]]
    return positions[np.argsort(-scores[positions], kind="stable")][:count]
