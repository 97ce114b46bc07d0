"""A search that finds nothing where its hits hold too little evidence: wrong passages mislead a model more than none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.values import Hit, Retriever
from retrieval.evidence.abstention import DEPTH, measure_evidence


@dataclass(frozen=True, slots=True)
class EvidenceGate:
    """A retriever behind a threshold.

    Args:
        retriever: Searches.
        below: Evidence (0..1, `measure_evidence`) of the best hit below which a query gets no hits.
    """

    retriever: Retriever
    below: float

    def search(self, queries: Sequence[str], *, top_k: int) -> list[list[Hit]]:
        """Return at most `top_k` hits for each query, best first; none where the evidence is below the threshold.

        Evidence is measured as everywhere, on the first hits, however few are wanted.
        """
        found = self.retriever.search(queries, top_k=max(top_k, DEPTH))
        return [
            hits[:top_k] if measure_evidence(query, hits)[0] >= self.below else []
            for query, hits in zip(queries, found, strict=True)
        ]
