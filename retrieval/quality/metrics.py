"""Retrieval quality on labelled questions: recall@k, reciprocal rank, nDCG@10, each with an interval.

A document counts at the rank of its best passage. Conventions are those of BEIR (Thakur et al. 2021, arXiv
2104.08663): headline nDCG@10, means over questions that have a relevant document.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from core.errors import LabError
from core.evaluation.intervals import Interval, mean_interval
from core.values import Hit, Retriever

DEPTH = 10  # Documents that count; the headline of BEIR is nDCG@10.
RECALL_AT = tuple(range(1, DEPTH + 1))
PASSAGES = 100  # That are fetched for each question: ten documents may hold that many of them.


@dataclass(frozen=True)
class LabelledQuestion:
    """A question and the documents that answer it, with their gains (1 where only relevance is known)."""

    query: str
    relevant: Mapping[str, float]
    cluster: str


@dataclass(frozen=True)
class Quality:
    """Means over questions. `recall` is by k."""

    questions: int
    recall: Mapping[int, Interval]
    reciprocal_rank: Interval
    ndcg: Interval

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "questions": self.questions,
            "recall": {str(k): asdict(value) for k, value in self.recall.items()},
            "mrr@10": asdict(self.reciprocal_rank),
            "ndcg@10": asdict(self.ndcg),
        }


def measure_quality(retriever: Retriever, labelled: Sequence[LabelledQuestion]) -> Quality:
    """Search every question and mark the ranking of documents.

    Raises:
        LabError: No question has a relevant document.
    """
    questions = [item for item in labelled if item.relevant]
    if not questions:
        raise LabError("No question says which document answers it.", 'Give test examples an "evidence".')
    results = retriever.search([item.query for item in questions], top_k=PASSAGES)
    rankings = [rank_documents(hits) for hits in results]
    clusters = [item.cluster for item in questions]

    def mean(values: Sequence[float]) -> Interval:
        return mean_interval(values, clusters)

    pairs = list(zip(rankings, [item.relevant for item in questions], strict=True))
    return Quality(
        questions=len(questions),
        recall={k: mean([recall(ranking, relevant, k=k) for ranking, relevant in pairs]) for k in RECALL_AT},
        reciprocal_rank=mean([reciprocal_rank(ranking, relevant, k=DEPTH) for ranking, relevant in pairs]),
        ndcg=mean([ndcg(ranking, relevant, k=DEPTH) for ranking, relevant in pairs]),
    )


def rank_documents(hits: Sequence[Hit]) -> list[str]:
    """Return the documents of hits, each once, at the place of its best passage."""
    return list(dict.fromkeys(hit.passage.document for hit in hits))


def recall(ranking: Sequence[str], relevant: Mapping[str, float], *, k: int) -> float:
    """Return the share of relevant documents among the first k."""
    return len(set(ranking[:k]) & set(relevant)) / len(relevant)


def reciprocal_rank(ranking: Sequence[str], relevant: Mapping[str, float], *, k: int) -> float:
    """Return 1 / the rank of the first relevant document, 0 beyond k."""
    return next((1 / rank for rank, document in enumerate(ranking[:k], start=1) if document in relevant), 0.0)


def ndcg(ranking: Sequence[str], relevant: Mapping[str, float], *, k: int) -> float:
    """Return the discounted gain over the best possible one (Jarvelin and Kekalainen 2002, linear gain as trec_eval)."""
    gains = [relevant.get(document, 0.0) for document in ranking[:k]]
    best = sorted(relevant.values(), reverse=True)[:k]
    return _discount(gains) / _discount(best)


def _discount(gains: Sequence[float]) -> float:
    return sum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, start=1))
