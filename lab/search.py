"""One search of a task's documents as the page and the command line make it: hits, and whether they are worth anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import LabError
from core.tasks.task import Task
from core.values import Hit
from lab.lab import Lab
from lab.limits import check_question

if TYPE_CHECKING:
    from retrieval.evidence.abstention import EvidenceVerdict
    from retrieval.search.hybrid import HybridRetriever

LARGEST_K = 100  # Passages; nobody reads more.


@dataclass(frozen=True)
class Found:
    """What a query found.

    Args:
        hits: By search mode; a text where the mode cannot search, saying why.
        verdict: Whether anything relevant was found.
        index: The index that was searched.
    """

    hits: Mapping[str, list[Hit] | str]
    verdict: EvidenceVerdict
    index: Any


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """How a task's documents are searched.

    Args:
        mode: `hybrid`, `dense` or `bm25`.
        k: How many passages at most.
        fusion: How hybrid joins both rankings: `convex` or `rrf`.
        documents: Ids of the only documents to search, or patterns of them (`policies/*`); all when empty.
        diversity: Weight of maximal marginal relevance, 0..1; None is none.
        rerank: Folder of a cross-encoder that judges the best candidates anew.
    """

    mode: str = "hybrid"
    k: int = 5
    fusion: str = "convex"
    documents: tuple[str, ...] = ()
    diversity: float | None = None
    rerank: Path | None = None


def search_task(lab: Lab, task: Task, query: str, options: SearchOptions) -> Found:
    """Search a task's documents in one way.

    Raises:
        LabError: There is no index, no such mode, fusion, document or cross-encoder, or the query is empty.
    """
    from retrieval.evidence.abstention import DEPTH, judge

    if not 1 <= options.k <= LARGEST_K:
        raise LabError(f"{options.k} passages were asked for.", f"Ask for 1 to {LARGEST_K}.")
    check_question(lab.settings, query)
    index = lab.library.load_index(task)
    among = _find_documents(index, options.documents) if options.documents else None
    retriever = _make_retriever(lab, index, options)
    hits = retriever.search([query], top_k=max(options.k, DEPTH), documents=among)[0]
    return Found({options.mode: hits[: options.k]}, judge(query, hits, index.calibration), index)


def search_all(lab: Lab, task: Task, query: str, options: SearchOptions) -> Found:
    """Search in every way, for a look side by side; dense search alone may be impossible. The mode of `options` does not count.

    Raises:
        LabError: As `search_task`.
    """
    hybrid = search_task(lab, task, query, replace(options, mode="hybrid"))
    hits: dict[str, list[Hit] | str] = {}
    for mode in ("dense", "bm25"):
        if mode == "dense" and hybrid.index.stale:
            hits[mode] = " ".join(hybrid.index.notes)
        else:
            hits |= search_task(lab, task, query, replace(options, mode=mode)).hits
    return Found({**hits, **hybrid.hits}, hybrid.verdict, hybrid.index)


def judge_hits(lab: Lab, task: Task, query: str, hits: Sequence[Hit]) -> EvidenceVerdict | None:
    """Say whether hits of a task's index hold evidence; None where there are none, or no index any more."""
    from retrieval.evidence.abstention import judge

    if not hits:
        return None
    try:
        return judge(query, hits, lab.library.load_index(task).calibration)
    except LabError:
        return None


def _make_retriever(lab: Lab, index: Any, options: SearchOptions) -> HybridRetriever:
    from retrieval.search.hybrid import HybridRetriever
    from retrieval.search.rerank import CrossEncoderReranker

    reranker = CrossEncoderReranker(options.rerank) if options.rerank is not None else None
    return HybridRetriever(
        index,
        lab.load_embedder(),
        mode=options.mode,
        fusion=options.fusion,
        diversity=options.diversity,
        reranker=reranker,
    )


def _find_documents(index: Any, wanted: Sequence[str]) -> list[str]:
    """Return the ids that are wanted or fit a wanted pattern; `*` stands for any characters, `/` too."""
    indexed = index.list_documents()
    chosen: list[str] = []
    for pattern in wanted:
        fitting = [pattern] if pattern in indexed else [name for name in indexed if fnmatchcase(name, pattern)]
        if not fitting:
            near = get_close_matches(pattern, indexed, n=3)
            raise LabError(
                f"There is no document {pattern!r} in the index.",
                f"Did you mean {' or '.join(near)}?"
                if near
                else "See the list of documents: their ids are paths without suffix.",
            )
        chosen += fitting
    return chosen
