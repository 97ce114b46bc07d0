"""Retrieval against LangChain's FAISS and BM25 ensemble: quality, speed of indexing and of one query, abstention.

Needs SciFact and XQuAD (English) in BEIR's form below ../shared/data, and `pip install -e .[bench]` for the peer.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.langchain_peer import Peer
from benchmarks.measure import print_report, read_arguments
from core.settings import read_settings
from core.values import Document, Passage
from retrieval.chunking import searchable_text
from retrieval.embedding.embedder import SentenceEmbedder, find_folder
from retrieval.evidence.abstention import calibrate, judge
from retrieval.index.index import Index
from retrieval.index.lexical import BM25, build_bm25
from retrieval.index.update import index_documents
from retrieval.index.vectors import build_vectors, take_vectors
from retrieval.quality.beir import read_beir
from retrieval.quality.metrics import DEPTH, PASSAGES, LabelledQuestion, measure_quality, ndcg
from retrieval.search.hybrid import MODES, HybridRetriever

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
SIZES = (5_000, 50_000, 500_000)
TARGETS = {
    "scifact": {"dense": 0.640, "bm25": 0.66, "hybrid": 0.70}, "xquad": {"hybrid": 0.975}, "ingest_vs_encode": 0.95,
    "ingest_vs_peer": 1.3, "query_p50_vs_peer": 1.0, "query_p95_vs_peer": 1.0,
}  # fmt: skip


def main() -> None:
    """Run all parts and print one report."""
    quick = read_arguments(__doc__ or "").quick
    home = read_settings().folder("indexes")
    embedder = SentenceEmbedder(graphs=home.with_name("graphs"))
    peer = Peer(find_folder("all-MiniLM-L6-v2"))
    corpora = {
        name: take(*read_beir(DATA / folder), quick=quick) for name, folder in (("scifact", "scifact"), ("xquad", "xquad_en"))
    }
    ours: dict[str, Any] = {"quality": {}}
    theirs: dict[str, Any] = {"quality": {}}
    indexes = {}
    for name, (documents, labelled) in corpora.items():
        place = home / f"benchmark-{name}{'-quick' if quick else ''}"
        indexes[name] = index_documents(place, documents, embedder, task=name, passage_tokens=embedder.fingerprint.max_tokens)
        ours["quality"][name] = measure_modes(indexes[name], embedder, labelled)
        theirs["quality"][name] = measure_peer(peer, documents, labelled, place.with_name(f"{place.name}-peer.npy"))
    ours["ingest"], theirs["ingest"], ratios = time_ingest(
        corpora["scifact"][0][: 12 if quick else 400], embedder, peer, rounds=1 if quick else 3
    )
    queries = [item.query for item in corpora["scifact"][1]][: 20 if quick else 150]
    sizes = [size for size in SIZES if not quick or size <= SIZES[0]]
    ours["query_ms"], theirs["query_ms"], query_ratios = time_queries(indexes["scifact"], embedder, peer, queries, sizes)
    ours["abstention"] = measure_abstention(indexes["xquad"], embedder, corpora["xquad"][1])
    print_report(
        "retrieval",
        config={"quick": quick, "backend": embedder.backend, "scifact_documents": len(corpora["scifact"][0]), "passages": {n: len(i) for n, i in indexes.items()}},
        ours=ours, peer=theirs, ratios={**ratios, **query_ratios}, limits=TARGETS,
    )  # fmt: skip


def take(
    documents: list[Document], labelled: list[LabelledQuestion], *, quick: bool
) -> tuple[list[Document], list[LabelledQuestion]]:
    """Return a corpus and its questions; of a quick run, a few of both, from everywhere."""
    if not quick:
        return documents, labelled
    labelled = labelled[:: len(labelled) // 40]
    wanted = {name for item in labelled for name in item.relevant}
    return [item for item in documents if item.id in wanted], labelled


def measure_modes(index: Index, embedder: SentenceEmbedder, labelled: Sequence[LabelledQuestion]) -> dict[str, Any]:
    """Return nDCG@10 of each search mode, and of rank fusion."""
    retrievers = {mode: HybridRetriever(index, embedder, mode=mode) for mode in MODES}
    retrievers["hybrid_rrf"] = HybridRetriever(index, embedder, fusion="rrf")
    return {mode: measure_quality(retriever, labelled).ndcg.mean for mode, retriever in retrievers.items()}


def measure_peer(
    peer: Peer, documents: Sequence[Document], labelled: Sequence[LabelledQuestion], cache: Path
) -> dict[str, Any]:
    """Return the peer's nDCG@10; its chunks' vectors are kept from run to run."""
    chunks = peer.split(documents)
    texts = [chunk.page_content for chunk in chunks]
    vectors = np.load(cache, allow_pickle=False) if cache.is_file() else np.zeros((0, 0))
    if len(vectors) != len(texts):
        vectors = np.array(peer.embeddings.embed_documents(texts), dtype=np.float32)
        cache.parent.mkdir(parents=True, exist_ok=True)
        np.save(cache, vectors)
    peer.ingest_embedded(texts, [chunk.metadata["id"] for chunk in chunks], vectors)
    count = min(PASSAGES, len(texts))
    return {
        mode: statistics.mean(ndcg(peer.rank(item.query, mode=mode, count=count), item.relevant, k=DEPTH) for item in labelled)
        for mode in MODES
    }


def time_ingest(
    documents: Sequence[Document], embedder: SentenceEmbedder, peer: Peer, *, rounds: int
) -> tuple[dict[str, Any], dict[str, Any], dict[str, float]]:
    """Time, in turn, our whole indexing, the bare encoding of the same passages, and the peer's whole indexing.

    The bare encoding is sentence-transformers' `encode` as it comes: it sorts by length itself.
    """
    from sentence_transformers import SentenceTransformer

    bare = SentenceTransformer(str(find_folder("all-MiniLM-L6-v2")), device="cpu")
    with tempfile.TemporaryDirectory() as place, ExitStack() as stack:
        index = ingest(documents, embedder, Path(place) / "first")
        stack.callback(index.store.close)
        texts = [searchable_text(passage) for passage in index.load_passages(index.ids.tolist())]
        tasks: dict[str, Callable[[], Any]] = {
            "ours": lambda: ingest(documents, embedder, Path(tempfile.mkdtemp(dir=place))).store.close(),
            "encode": lambda: bare.encode(texts, show_progress_bar=False),
            "ours_encode": lambda: embedder.encode(texts),
            "peer": lambda: peer.ingest(documents, Path(tempfile.mkdtemp(dir=place))),
        }
        times: dict[str, list[float]] = {name: [] for name in tasks}
        for number in range(rounds + 1):
            for name, task in tasks.items():
                start = time.perf_counter()
                task()
                if number:  # The first round warms up.
                    times[name].append(time.perf_counter() - start)
    seconds = {name: statistics.median(values) for name, values in times.items()}

    def compare(name: str, other: str) -> float:
        return statistics.median(b / a for a, b in zip(times[name], times[other], strict=True))

    ours = {"documents": len(documents), "passages": len(texts), "seconds": seconds["ours"], "passages_per_second": len(texts) / seconds["ours"],
            "encode_seconds": seconds["ours_encode"], "bare_encode_seconds": seconds["encode"]}  # fmt: skip
    theirs = {"chunks": len(peer.split(documents)), "seconds": seconds["peer"]}
    ratios = {
        "ingest_vs_encode": compare("ours", "encode"), "ingest_vs_own_encode": compare("ours", "ours_encode"),
        "encode_vs_encode": compare("ours_encode", "encode"), "ingest_vs_peer": compare("ours", "peer"),
    }  # fmt: skip
    return ours, theirs, ratios


def ingest(documents: Sequence[Document], embedder: SentenceEmbedder, folder: Path) -> Index:
    """Chunk, embed, index and save documents as the product does."""
    return index_documents(folder, documents, embedder, task="benchmark", passage_tokens=embedder.fingerprint.max_tokens)


def time_queries(
    index: Index, embedder: SentenceEmbedder, peer: Peer, queries: Sequence[str], sizes: Sequence[int]
) -> tuple[dict[str, Any], dict[str, Any], dict[str, float]]:
    """Time single queries (embed, search, fuse, load ten passages): ours at each size, the peer's at the first, in turn.

    Beyond the real passages, vectors are real ones with noise and words are repeated; see `tile`.
    """
    base = cut(index, sizes[0])
    passages = base.load_passages(base.ids.tolist())
    peer.ingest_embedded(
        [searchable_text(item) for item in passages], [item.document for item in passages], take_vectors(base.vectors, base.ids)
    )
    asked = peer.make_retriever("hybrid", count=DEPTH)
    ours: dict[str, Any] = {}
    theirs: dict[str, Any] = {}
    ratios: dict[str, float] = {}
    for size in sizes:
        retriever = HybridRetriever(tile(base, size), embedder)
        tasks: dict[str, Callable[[str], Any]] = {"ours": lambda query, by=retriever: by.search([query], top_k=DEPTH)}
        if size == sizes[0]:
            tasks["peer"] = asked.invoke
        times = time_each(tasks, queries)
        ours[str(size)] = describe(times["ours"])
        if size == sizes[0]:
            theirs[str(size)] = describe(times["peer"])
            ratios = {f"query_{name}_vs_peer": theirs[str(size)][name] / ours[str(size)][name] for name in ("p50", "p95")}
    return ours, theirs, ratios


def time_each(tasks: dict[str, Callable[[str], Any]], queries: Sequence[str]) -> dict[str, list[float]]:
    """Return milliseconds of each task for each query, the tasks in turn, after five queries that do not count."""
    times: dict[str, list[float]] = {name: [] for name in tasks}
    for number, query in enumerate([*queries[:5], *queries]):
        for name, task in tasks.items():
            start = time.perf_counter()
            task(query)
            if number >= 5:
                times[name].append(1000 * (time.perf_counter() - start))
    return times


def describe(times: Sequence[float]) -> dict[str, float]:
    """Return the median and the 95th percentile."""
    return {"p50": float(np.percentile(times, 50)), "p95": float(np.percentile(times, 95))}


def cut(index: Index, size: int) -> Index:
    """Return an index of the first passages."""
    ids = index.ids[:size]
    texts = [searchable_text(passage) for passage in index.load_passages(ids.tolist())]
    return replace(index, ids=ids, vectors=build_vectors(take_vectors(index.vectors, ids), ids), bm25=build_bm25(texts))


class TiledStore:
    """Passages that repeat, told apart by their titles, for copies are not shown twice."""

    def __init__(self, index: Index) -> None:
        self._index = index

    def load_passages(self, ids: Sequence[int]) -> list[Passage]:
        """Return the passage of each id."""
        size = len(self._index)
        found = self._index.load_passages([int(self._index.ids[i % size]) for i in ids])
        return [replace(passage, title=f"{passage.title} ({i // size})") for i, passage in zip(ids, found, strict=True)]


def tile(index: Index, size: int, *, seed: int = 0) -> Index:
    """Return an index of at least `size` passages: vectors with noise around the real ones, the words repeated."""
    copies = -(-size // len(index))
    if copies == 1:
        return index
    vectors = np.tile(take_vectors(index.vectors, index.ids), (copies, 1))
    vectors += np.random.default_rng(seed).standard_normal(vectors.shape, dtype=np.float32) * 0.02
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    ids = np.arange(len(vectors), dtype=np.int64)
    words: BM25 = index.bm25
    counts = np.diff(words.starts)
    first = np.repeat(words.starts[:-1], counts)
    place = np.arange(len(words.rows)) - first
    rows = np.empty(copies * len(words.rows), dtype=np.int32)
    weights = np.empty(len(rows), dtype=np.float32)
    for number in range(copies):
        target = first * copies + number * np.repeat(counts, counts) + place
        rows[target], weights[target] = words.rows + number * len(index), words.weights
    bm25 = BM25(weights, rows, words.starts * copies, words.words, len(ids))
    store: Any = TiledStore(index)
    return replace(index, ids=ids, vectors=build_vectors(vectors, ids), bm25=bm25, store=store)


def measure_abstention(index: Index, embedder: SentenceEmbedder, labelled: Sequence[LabelledQuestion]) -> dict[str, Any]:
    """Return the share of questions kept, and of those whose own article is left out refused, by kind of calibration.

    Thresholds are set on the articles of even number and judged on the others.
    """
    articles = list(dict.fromkeys(item.split("#")[0] for row in labelled for item in row.relevant))
    documents = {passage.document for passage in index.load_passages(index.ids.tolist())}
    retriever = HybridRetriever(index, embedder)
    rows: list[tuple[str, Any, Any]] = []
    for article in articles[1::2]:
        questions = [item.query for item in labelled if next(iter(item.relevant)).split("#")[0] == article]
        others = [name for name in documents if name.split("#")[0] != article]
        whole = retriever.search(questions, top_k=DEPTH)
        rows += zip(questions, whole, retriever.search(questions, top_k=DEPTH, documents=others), strict=True)
    known = [(item.query, list(item.relevant)) for item in labelled if next(iter(item.relevant)).split("#")[0] in articles[::2]]
    calibrations = {
        "default": {}, "questions": calibrate(index, embedder, questions=known),
    }  # fmt: skip
    return {
        name: {
            "kept": statistics.mean(not judge(query, hits, calibration).abstained for query, hits, _ in rows),
            "refused": statistics.mean(judge(query, hits, calibration).abstained for query, _, hits in rows),
            "questions": len(rows),
            "threshold": calibration.get("dense", {}),
        }
        for name, calibration in calibrations.items()
    }


if __name__ == "__main__":
    main()
