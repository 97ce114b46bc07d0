"""One's own text cut into passages, with and without overlap, and its passages on a map beside a question.

The cutting is the lab's own (`retrieval/chunking.py`). It has no overlap; here it is added as others do it: each passage
begins so many tokens earlier, inside the one before. The map is made of the two directions in which the passages' vectors
differ most (principal components, Pearson 1901); a question is laid into the same two, so it moves while they stand.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.errors import LabError
from core.values import Document
from lab.lab import Lab

LONGEST_TEXT = 20_000  # Characters.
MOST_CHUNKS = 200  # Of which a map can be read and made while somebody waits.
LARGEST_OVERLAP = 0.5
SHORTEST = 16  # Tokens of a passage.


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage of a text: `text[start:end]`, its tokens, and where what it shares with the one before ends."""

    start: int
    end: int
    shared_until: int
    text: str
    tokens: int
    shared_tokens: int


@dataclass(frozen=True, slots=True)
class ChunkMap:
    """Passages and a question in two dimensions.

    Args:
        points: (x, y) of each passage.
        question: (x, y) of the question; None without one.
        cosines: Of the question with each passage; empty without one.
        kept: The share of the passages' variance that the two directions show.
    """

    points: tuple[tuple[float, float], ...]
    question: tuple[float, float] | None
    cosines: tuple[float, ...]
    kept: float


def cut_text(tokenizer: Any, text: str, *, tokens: int, overlap: float) -> list[Chunk]:
    """Cut a text into passages of at most so many tokens, the overlap included.

    Args:
        tokenizer: The embedder's, truncation off.
        text: The text, taken as markdown.
        tokens: The largest passage.
        overlap: Share of a passage that repeats the one before, 0 to 0.5.

    Raises:
        LabError: The text is empty or too long, or a size is impossible.
    """
    from retrieval.chunking import split_document

    if not text.strip() or len(text) > LONGEST_TEXT:
        raise LabError(f"The text has {len(text.strip()):,} characters.", f"Give 1 to {LONGEST_TEXT:,}.")
    if tokens < SHORTEST or not 0 <= overlap <= LARGEST_OVERLAP:
        raise LabError(f"{tokens} tokens with an overlap of {overlap:.0%} make no passage.", "Choose larger passages.")
    shared = int(tokens * overlap)
    passages = split_document(Document("text", "", text), tokenizer, max_tokens=tokens - shared)
    starts = [first for first, _ in tokenizer.encode(text, add_special_tokens=False).offsets]
    chunks: list[Chunk] = []
    for passage in passages:
        place = bisect_left(starts, passage.start)
        begin = place if not chunks else max(place - shared, bisect_left(starts, chunks[-1].start))
        start = starts[begin] if begin < place else passage.start
        count = bisect_left(starts, passage.end) - begin
        chunks.append(Chunk(start, passage.end, passage.start, text[start : passage.end], count, place - begin))
    return chunks


def map_chunks(lab: Lab, texts: Sequence[str], question: str = "") -> ChunkMap:
    """Lay passages, and a question, on a map.

    Raises:
        LabError: There are too many passages.
    """
    if len(texts) > MOST_CHUNKS:
        raise LabError(
            f"There are {len(texts)} passages.", f"A map holds {MOST_CHUNKS}: choose larger passages or a shorter text."
        )
    embedder = lab.load_embedder()
    vectors = embedder.encode(texts)
    asked = embedder.encode_query([question]) if question.strip() else None
    return lay_out_vectors(vectors, asked)


def lay_out_vectors(vectors: Any, question: Any | None) -> ChunkMap:
    """Project unit vectors to their first two principal components. Shape: vectors (passages, size), question (1, size)."""
    import numpy as np

    mean = vectors.mean(axis=0)
    centred = (vectors - mean).astype(np.float64)
    _, singular, directions = np.linalg.svd(centred, full_matrices=False)
    # The sign of a direction is arbitrary; its largest part is made positive, so that the map never flips.
    axes = np.array([axis * (1 if axis[np.abs(axis).argmax()] >= 0 else -1) for axis in directions[:2]])
    total = float((singular**2).sum())
    points = centred @ axes.T
    places = tuple((float(row[0]), float(row[1]) if len(row) > 1 else 0.0) for row in points)
    kept = float((singular[:2] ** 2).sum()) / total if total > 0 else 1.0
    if question is None:
        return ChunkMap(places, None, (), kept)
    spot = (question[0] - mean) @ axes.T
    cosines = tuple(float(value) for value in vectors @ question[0])
    return ChunkMap(places, (float(spot[0]), float(spot[1]) if len(spot) > 1 else 0.0), cosines, kept)
