"""When to say "nothing relevant found": evidence of a question's hits against a threshold.

The more passages there are, the higher the best score of a question that none of them answers, so a threshold is set on the
index itself where there are labelled questions: where those with and without their own document part best. Without such
questions the default holds. Sentences of the passages in place of questions made it worse than the default (a sentence has
13 content words, a question 5; balanced accuracy on XQuAD .75 to .80 against .89), so there is no such stand-in.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from core.stored import Stored, restore
from core.values import Hit
from retrieval.chunking import searchable_text
from retrieval.embedding.embedder import Embedder
from retrieval.index.index import Index
from retrieval.index.info import INFO
from retrieval.index.lexical import tokenize
from retrieval.search.hybrid import HybridRetriever

ThresholdSource = Literal["default", "questions"]
SAMPLE = 200  # Questions at most: enough for shares within some points, and seconds of searching.
LEAST_SAMPLE = 20  # Questions; a share of fewer moves by more than 5 points with each.
COVERAGE = 0.4  # Its share of the evidence, the cosine has the rest: best on XQuAD (`benchmarks/LOG.md`).
DEPTH = 5  # Hits that are looked at.
FETCHED = 50  # Hits of a calibration question: some must be left when those of its own documents are taken away.
LEAST_KEPT = 0.9  # Of the answerable questions: refusing one of them is the worse mistake.
TIE = 1e-12  # Between two sums of shares that are equal but for rounding.
# Stems of what makes a sentence a question; no passage need hold them.
ASKING = frozenset({
    "what", "who", "whom", "whose", "when", "where", "which", "whi", "how",
    "do", "doe", "did", "can", "could", "would", "should", "mani", "much",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Threshold(Stored):
    """Where evidence begins, and what that costs.

    Args:
        value: The least evidence of an answerable question, 0..1.
        kept: Share of questions that reach it while their own document is in the index.
        refused: Share of questions that do not reach it while their own document is left out.
        questions: On how many this was measured; 0 for the default.
        source: Whose: labelled questions on this index, or the default, measured on XQuAD.
    """

    value: float
    kept: float
    refused: float
    questions: int
    source: ThresholdSource


# XQuAD's 1,190 questions, their own article removed or not; see benchmarks/LOG.md.
DEFAULTS: Mapping[str, Threshold] = {
    "dense": Threshold(0.445, 0.940, 0.976, 0, "default"),
    "words": Threshold(0.437, 0.952, 0.787, 0, "default"),
}


@dataclass(frozen=True, slots=True)
class EvidenceVerdict:
    """Whether hits are worth answering from.

    Args:
        abstained: Nothing relevant was found.
        reason: Why, in words.
        best_score: The evidence of the best hit, 0..1.
        threshold: The least evidence that counts, 0..1.
        coverage: Share of the question's words in the best passage, 0..1.
    """

    abstained: bool
    reason: str
    best_score: float
    threshold: float
    coverage: float


def judge(query: str, hits: Sequence[Hit], calibration: Mapping[str, Any]) -> EvidenceVerdict:
    """Say whether the first hits of a query hold evidence.

    Args:
        query: The question.
        hits: What a search for it found, best first.
        calibration: `Index.calibration`; the defaults where it is empty.
    """
    kind = "dense" if any("dense" in hit.scores for hit in hits) else "words"
    threshold = read_threshold(calibration, kind)
    score, coverage = measure_evidence(query, hits)
    what = f"The nearest passage scores {score:.2f}; evidence begins at {threshold.value:.2f}"
    words = f"it holds {coverage:.0%} of the question's words"
    if not hits:
        reason = "No passage has anything in common with the question."
    elif score < threshold.value:
        reason = f"Nothing relevant was found. {what}, and {words}."
    else:
        reason = f"{what}, and {words}."
    return EvidenceVerdict(score < threshold.value or not hits, reason, score, threshold.value, coverage)


def calibrate(
    index: Index,
    embedder: Embedder,
    *,
    questions: Sequence[tuple[str, Collection[str]]] = (),
    seed: int = 0,
) -> dict[str, Any]:
    """Set the thresholds of an index: for hits with vectors (`dense`) and for hits by words alone (`words`).

    At most 200 questions are searched for. Each is scored with all of its hits, and again without those from its own
    documents. The threshold is the one of best balanced accuracy that keeps nine in ten.

    Args:
        index: The index; what is returned is kept with it.
        embedder: Embeds the questions.
        questions: Questions and the ids of the documents that answer them.
        seed: Of the sample.

    Returns:
        `Threshold` by kind of evidence, as JSON; empty where there are fewer than 20 questions, and the defaults hold.
    """
    random = np.random.default_rng(seed)
    asked = [(text, frozenset(names)) for text, names in questions if names and text.strip()]
    if len(asked) < LEAST_SAMPLE:
        return {}
    asked = [asked[place] for place in sorted(random.permutation(len(asked))[:SAMPLE].tolist())]
    modes = {"words": "bm25"} if index.stale else {"dense": "hybrid", "words": "bm25"}
    thresholds = {}
    for kind, mode in modes.items():
        hits = HybridRetriever(index, embedder, mode=mode).search([text for text, _ in asked], top_k=FETCHED)
        threshold = _set_threshold(asked, hits)
        if threshold is not None:
            thresholds[kind] = threshold.as_json()
    return thresholds


def _set_threshold(asked: Sequence[tuple[str, Collection[str]]], results: Sequence[Sequence[Hit]]) -> Threshold | None:
    """Set the threshold from the evidence of questions with and without their own documents; None where too few tell."""
    own, other = [], []
    for (text, names), hits in zip(asked, results, strict=True):
        elsewhere = [hit for hit in hits if hit.passage.document not in names]
        # A list that is full of the question's own documents does not say what the others would have scored.
        if elsewhere or len(hits) < FETCHED:
            own.append(measure_evidence(text, hits)[0])
            other.append(measure_evidence(text, elsewhere)[0])
    if len(own) < LEAST_SAMPLE:
        return None
    value = choose_threshold(own, other)
    kept, refused = np.mean(np.array(own) >= value), np.mean(np.array(other) < value)
    return Threshold(value, float(kept), float(refused), len(own), "questions")


def measure_evidence(query: str, hits: Sequence[Hit]) -> tuple[float, float]:
    """Return the evidence of the best among a query's first hits, and that hit's coverage, both 0..1.

    Evidence mixes the cosine with the coverage; without vectors it is the coverage alone. On XQuAD the mixture tells
    answerable questions from others far better than either part (area under the curve 0.990 against 0.957 and 0.956).
    Fused scores say nothing here, because the best hit of every search has 1.
    """
    first = hits[:DEPTH]
    weight = COVERAGE if any("dense" in hit.scores for hit in first) else 1.0
    evidence = [(0.0, 0.0)]
    for hit in first:
        coverage = measure_coverage(query, searchable_text(hit.passage))
        cosine = min(1.0, max(0.0, hit.scores.get("dense", 0.0)))
        evidence.append(((1 - weight) * cosine + weight * coverage, coverage))
    return max(evidence)


def measure_coverage(query: str, text: str) -> float:
    """Return the share of a query's words that a text holds; stop and question words do not count, nor do endings."""
    asked, held = (set(words) for words in tokenize([query, text]))
    asked -= ASKING
    return len(asked & held) / len(asked) if asked else 0.0


def choose_threshold(own: Sequence[float], other: Sequence[float]) -> float:
    """Return the threshold of best balanced accuracy that nine in ten of `own` reach, if there is one.

    Refusing a question that has an answer is the worse mistake. The threshold lies halfway between two scores that were
    seen; of equally good ones the middle one is taken, which is the farthest from either mistake.
    """
    mine, others = np.sort(np.array(own)), np.sort(np.array(other))
    seen = np.unique(np.concatenate([mine, others, [0.0, 1.0]]))
    places = (seen[1:] + seen[:-1]) / 2
    kept = 1 - np.searchsorted(mine, places) / len(mine)
    refused = np.searchsorted(others, places) / len(others)
    marks = np.where((kept >= LEAST_KEPT) | (kept.max() < LEAST_KEPT), kept + refused, 0.0)
    best = np.flatnonzero(marks >= marks.max() - TIE)
    return float(places[best[len(best) // 2]])


def read_threshold(calibration: Mapping[str, Any], kind: str) -> Threshold:
    """Return the threshold of a kind of evidence, the default where it was not measured.

    Raises:
        LabError: The index keeps one that is damaged.
    """
    kept = calibration.get(kind)
    if kept is None or (
        isinstance(kept, Mapping) and kept.get("source") == "sentences"
    ):  # Of older indexes: worse than the default.
        return DEFAULTS[kind]
    remedy = "Build the index anew: `ragft index TASK --rebuild`."
    return restore(Threshold, json.dumps(kept), origin=f"The {kind} threshold in {INFO}", remedy=remedy)
