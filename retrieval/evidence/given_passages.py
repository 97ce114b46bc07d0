"""A search whose hits were chosen before: how a control shows the right passages, or wrong ones, in place of those found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.values import Hit, Retriever


@dataclass(frozen=True, slots=True)
class GivenPassages:
    """A retriever that answers known questions with given hits and leaves the others to a search.

    Args:
        retriever: Searches for the other questions.
        hits: By question, best first.
    """

    retriever: Retriever
    hits: Mapping[str, Sequence[Hit]]

    def search(self, queries: Sequence[str], *, top_k: int) -> list[list[Hit]]:
        """Return at most `top_k` hits for each query, best first."""
        others = list(dict.fromkeys(query for query in queries if query not in self.hits))
        found = dict(zip(others, self.retriever.search(others, top_k=top_k), strict=True)) if others else {}
        return [list(self.hits[query][:top_k]) if query in self.hits else found[query] for query in queries]
