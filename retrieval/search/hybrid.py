"""Hybrid search: dense and BM25 candidates, filtered before the best are chosen, fused, freed of repeats."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import nullcontext
from difflib import SequenceMatcher
from typing import Protocol

import numpy as np

from core.errors import LabError
from core.values import Hit, Passage
from retrieval.chunking import searchable_text
from retrieval.embedding.embedder import Embedder
from retrieval.embedding.threads import one_thread
from retrieval.index.index import Index
from retrieval.index.lexical import search_bm25
from retrieval.index.vectors import take_vectors
from retrieval.search.fusion import FUSIONS, diversify, order_by_score
from retrieval.search.words import NEGATIONS, NUMBER_WORDS

MODES = ("hybrid", "dense", "bm25")
CANDIDATES = 50  # Of each kind of search: enough that what both find is seen by both.
WIDENING = 4  # Times as many candidates as passages at first, and again each time that repeats took the places.
MOST_CANDIDATES = 3_200  # Of each kind: however many repeats there are, a search ends.
FEW = 4  # Queries at once: so many are somebody waiting, more are an evaluation.
SAME_WORDS = 0.95  # Share of their distinct words that two passages have in common, to be repeats.
SAME_LENGTH = 0.9  # Of the longer one's characters, that the shorter one has; spares comparing words.
# A single one of these makes another statement; "t" is the end of "isn't".
DECISIVE = NEGATIONS | {"t"} | {part for word in NUMBER_WORDS for part in word.split()}
COUNTED = re.compile(r"^(?:page|row)s? \d+(?:–\d+)?(?: · |$)")


class Reranker(Protocol):
    """Judges query and passage together; see `retrieval.search.rerank`."""

    def score(self, query: str, texts: Sequence[str]) -> list[float]:
        """Return the relevance of each text."""


class HybridRetriever:
    """Searches one index. Any number of threads may search at once.

    Args:
        index: The index.
        embedder: Embeds the queries.
        mode: `hybrid`, `dense` or `bm25`.
        fusion: How hybrid joins both: `convex` or `rrf`.
        diversity: Reorder by maximal marginal relevance with this weight, 0..1; None only drops repeats.
        reranker: Judges the best candidates anew.

    Raises:
        LabError: There is no such mode or fusion, the weight is out of range, or dense search was asked for and
            the index was made with another embedder.
    """

    def __init__(
        self, index: Index, embedder: Embedder, *, mode: str = "hybrid", fusion: str = "convex",
        diversity: float | None = None, reranker: Reranker | None = None,
    ) -> None:  # fmt: skip
        if mode not in MODES:
            raise LabError(f"There is no search mode {mode!r}.", f"Choose one of {', '.join(MODES)}.")
        if fusion not in FUSIONS:
            raise LabError(f"There is no way of fusing called {fusion!r}.", f"Choose one of {', '.join(FUSIONS)}.")
        if diversity is not None and not 0 <= diversity <= 1:
            raise LabError(f"A diversity of {diversity} makes no sense.", "Give a number between 0 and 1.")
        if mode == "dense" and index.stale:
            raise LabError(" ".join(index.notes) or "The index was made with another embedder.")
        self._index, self._embedder, self._fuse = index, embedder, FUSIONS[fusion]
        self._dense = mode != "bm25" and not index.stale
        self._lexical = mode != "dense"
        self._diversity, self._reranker = diversity, reranker
        self.notes: tuple[str, ...] = index.notes

    def search(self, queries: Sequence[str], *, top_k: int, documents: Collection[str] | None = None) -> list[list[Hit]]:
        """Return at most `top_k` hits for each query, best first; ties are broken by position.

        Args:
            queries: What to look for.
            top_k: How many; more than there are is fine.
            documents: Ids of the only documents that may be found.

        Raises:
            LabError: A query is empty, or the embedder's vectors do not fit the index.
        """
        if not all(query.strip() for query in queries):
            raise LabError("The search text is empty.", "Type what to look for.")
        if not queries:
            return []
        allowed = None if documents is None else self._index.select(documents)
        most = len(self._index) if allowed is None else len(allowed)
        if most < 1 or top_k < 1:
            return [[] for _ in queries]
        vectors = self._embed(queries) if self._dense else None
        hits: list[list[Hit]] = [[] for _ in queries]
        waiting, depth = list(range(len(queries))), min(max(CANDIDATES, WIDENING * top_k), most)
        while waiting:
            candidates = self._find(
                [queries[i] for i in waiting], None if vectors is None else vectors[waiting], depth, allowed
            )
            for i, lists in zip(waiting, candidates, strict=True):
                hits[i] = self._merge(queries[i], lists, top_k)
            # Repeats may have taken all the places; a list that is not full has no more to give.
            more = depth < min(most, MOST_CANDIDATES)
            waiting = [
                i for i, lists in zip(waiting, candidates, strict=True)
                if more and len(hits[i]) < top_k and any(len(scores) >= depth for scores in lists.values())
            ]  # fmt: skip
            depth = min(WIDENING * depth, most)
        return hits

    def _find(
        self, queries: Sequence[str], vectors: np.ndarray | None, depth: int, allowed: np.ndarray | None
    ) -> list[dict[str, dict[int, float]]]:
        """Return each query's candidates, at most `depth` of each kind of search: their scores by id."""
        nothing: list[dict[int, float]] = [{} for _ in queries]
        dense = nothing if vectors is None else self._search_dense(vectors, depth, allowed)
        lexical = self._search_lexical(queries, depth, allowed) if self._lexical else nothing
        return [{"dense": d, "bm25": b} for d, b in zip(dense, lexical, strict=True)]

    def _embed(self, queries: Sequence[str]) -> np.ndarray:
        with one_thread() if len(queries) <= FEW else nullcontext():
            vectors = self._embedder.encode_query(queries)
        expected = (len(queries), self._index.vectors.d)
        if vectors.shape != expected:
            raise LabError(
                f"The embedder gave vectors of shape {vectors.shape}, the index needs {expected}.", "Rebuild the index."
            )
        return vectors

    def _search_dense(self, vectors: np.ndarray, depth: int, allowed: np.ndarray | None) -> list[dict[int, float]]:
        lengths = np.linalg.norm(vectors, axis=1)
        usable = np.isfinite(lengths) & (lengths > 0)  # FAISS answers a NaN with nonsense; words still search.
        unit = np.ascontiguousarray(vectors[usable] / lengths[usable, None], dtype=np.float32)
        results: list[dict[int, float]] = [{} for _ in vectors]
        with one_thread():
            scores, ids = self._index.search_vectors(unit, depth, allowed)
        for place, row, marks in zip(np.flatnonzero(usable), ids, scores, strict=True):
            results[place] = {int(i): float(s) for i, s in zip(row, marks, strict=True) if i >= 0}
        return results

    def _search_lexical(self, queries: Sequence[str], depth: int, allowed: np.ndarray | None) -> list[dict[int, float]]:
        ids = self._index.ids
        mask = None
        if allowed is not None:
            mask = np.zeros(len(ids), dtype=bool)
            mask[np.searchsorted(ids, allowed)] = True
        return [
            {int(ids[position]): score for position, score in search_bm25(self._index.bm25, query, depth, mask)}
            for query in queries
        ]

    def _merge(self, query: str, candidates: Mapping[str, Mapping[int, float]], top_k: int) -> list[Hit]:
        """Fuse the candidates of each kind of search into hits, repeats left out."""
        used = {name: scores for name, scores in candidates.items() if scores}
        # One kind alone keeps its own scores: scaled, its best hit would have 1 however bad it is.
        fused = self._fuse(list(used.values())) if len(used) > 1 else dict(next(iter(used.values()), {}))
        ranks = {name: {i: rank for rank, i in enumerate(order_by_score(scores), start=1)} for name, scores in used.items()}
        order = order_by_score(fused)
        if self._diversity and self._index.vectors is not None:
            vectors = take_vectors(self._index.vectors, np.array(order, dtype=np.int64))
            order = diversify(order, fused, vectors, diversity=self._diversity)
        hits = [
            Hit(
                passage=passage,
                score=fused[i],
                ranks={name: rank[i] for name, rank in ranks.items() if i in rank},
                scores={name: scores[i] for name, scores in used.items() if i in scores},
            )
            for i, passage in self._load_distinct(order, max(top_k, CANDIDATES) if self._reranker else top_k)
        ]
        return rerank(query, hits, self._reranker)[:top_k] if self._reranker else hits

    def _load_distinct(self, order: Sequence[int], count: int) -> Iterator[tuple[int, Passage]]:
        """Load passages in order until there are `count`, leaving out what repeats a better one."""
        kept: dict[str, list[Passage]] = {}  # By title: texts under different titles are never repeats.
        left = count
        for start in range(0, len(order), count):
            block = order[start : start + count]
            for passage_id, passage in zip(block, self._index.load_passages(block), strict=True):
                others = kept.setdefault(passage.title.casefold(), [])
                if left and not any(is_repeat(passage, other) for other in others):
                    others.append(passage)
                    left -= 1
                    yield passage_id, passage
            if not left:
                return


def rerank(query: str, hits: Sequence[Hit], reranker: Reranker) -> list[Hit]:
    """Order hits by a reranker's score, which each then carries beside the others."""
    if not hits:
        return []
    marks = reranker.score(query, [searchable_text(hit.passage) for hit in hits])
    order = order_by_score(dict(enumerate(marks)))
    return [
        Hit(hit.passage, marks[i], {**hit.ranks, "rerank": rank}, {**hit.scores, "rerank": marks[i]})
        for rank, (i, hit) in enumerate(((i, hits[i]) for i in order), start=1)
    ]


def is_repeat(one: Passage, other: Passage) -> bool:
    """Whether two passages under one title say the same in nearly the same words. Their page or row does not count.

    Vectors cannot tell: "a bonus of 40 euros" and "a bonus of 50 euros" have a cosine above 0.95, but the answer may
    stand in the second. The same holds where a "not" is added or left out. Texts that differ in their titles only are
    no repeats either: handbooks of two branches, for instance.
    """
    if len(one.text) < SAME_LENGTH * len(other.text) or len(other.text) < SAME_LENGTH * len(one.text):
        return False
    words, others = (
        re.findall(r"\w+", f"{COUNTED.sub('', passage.place)}\n{passage.text}".casefold()) for passage in (one, other)
    )
    if len(set(words) ^ set(others)) > (1 - SAME_WORDS) * len({*words, *others}):
        return False
    changes = SequenceMatcher(None, words, others, autojunk=False).get_opcodes()
    moved = {word for kind, a, b, c, d in changes if kind != "equal" for word in (*words[a:b], *others[c:d])}
    return moved.isdisjoint(DECISIVE) and not any(re.search(r"\d", word) for word in moved)
