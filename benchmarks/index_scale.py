"""How the index grows: opening 100,000 passages, and exact against approximate search at 50,000 and 500,000.

    python -m benchmarks.index_scale [--quick]

Claims: 100,000 passages open in less than 2 seconds, checksums included; beyond 100,000 passages inverted lists
search at least 10 times as fast as every vector in turn and find more than 95 % of the same ten. The vectors are
made up, 2,000 clusters in 48 dimensions with noise in all 384: nearer to those of texts than directions at random,
which no approximate index can search. At 500,000 a list is nearly a cluster, so that recall is flattered.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.measure import print_report, read_arguments
from core.values import Document
from retrieval.embedding.embedder import Fingerprint
from retrieval.index.update import from_documents, update_index
from retrieval.index.vectors import build_vectors, choose_kind, search_vectors

DIMENSION, INTRINSIC, CLUSTERS, QUERIES, TOP_K, TIMED = 384, 48, 2000, 200, 10, 50
WORDS = 20_000
OPEN = """
import json, sys, time
import faiss, numpy, sqlite3, bm25s, psutil
sys.path.insert(0, {root!r})
from pathlib import Path
from retrieval.embedding.embedder import Fingerprint
from retrieval.index.index import open_index
before = psutil.Process().memory_info().rss
start = time.perf_counter()
index = open_index(Path({folder!r}), Fingerprint("made up", "none", {dimension}, 256), task="t")
seconds = time.perf_counter() - start
assert len(index.load_passages(index.ids[:5])) == 5
print(json.dumps([seconds, (psutil.Process().memory_info().rss - before) / 2**20, len(index)]))
"""


class RandomEmbedder:
    """Gives any unit vectors: what is measured is the store."""

    fingerprint = Fingerprint("made up", "none", DIMENSION, 256)

    def __init__(self) -> None:
        self._random = np.random.default_rng(0)

    @property
    def tokenizer(self) -> Any:
        """A token for each word."""
        from tokenizers import Tokenizer, models, pre_tokenizers

        tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
        tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
        return tokenizer

    def encode(self, texts: list[str]) -> np.ndarray:
        """Return unit vectors of random direction. Shape: (texts, DIMENSION)."""
        return scale(self._random.standard_normal((len(texts), DIMENSION)).astype(np.float32))


def measure_opening(count: int) -> dict[str, Any]:
    """Store `count` passages of 60 words and open them in a process of its own, twice: the second time is reported."""
    documents = list(make_documents(count))
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        start = time.perf_counter()
        report = update_index(folder, from_documents(documents), RandomEmbedder())
        spent = time.perf_counter() - start
        start = time.perf_counter()
        update_index(folder, from_documents(documents), RandomEmbedder())
        again = time.perf_counter() - start
        script = OPEN.format(root=str(Path(__file__).resolve().parent.parent), folder=place, dimension=DIMENSION)
        for _ in range(2):
            output = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
        seconds, memory, found = json.loads(output)
        assert found == report.passages == count
        sizes = {
            path.relative_to(folder).as_posix(): path.stat().st_size / 2**20 for path in folder.rglob("*") if path.is_file()
        }
    return {
        "passages": count,
        "open_seconds": seconds,
        "memory_mib": memory,
        "generation_mib": sum(size for name, size in sizes.items() if name.startswith("0")),
        "vectors_mib": sum(size for name, size in sizes.items() if name.endswith("vectors.faiss")),
        "cache_mib": sizes["embeddings.sqlite"],
        "first_update_seconds_without_embedding": spent,
        "unchanged_update_seconds": again,
    }


def make_documents(count: int) -> Iterable[Document]:
    """Yield documents of 60 words, distributed like those of a language (Zipf)."""
    random = np.random.default_rng(0)
    for number in range(count):
        words = np.minimum(random.zipf(1.2, 60), WORDS)
        yield Document(f"d{number}", f"Document {number}", " ".join(f"word{word}" for word in words))


def measure_search(count: int, *, kinds: dict[str, list[int]]) -> dict[str, Any]:
    """Compare kinds of FAISS index: seconds to build, recall@10 against exact search, milliseconds of one query."""
    vectors = make_vectors(count + QUERIES)
    queries, vectors, ids = vectors[count:], vectors[:count], np.arange(count)
    exact = build_vectors(vectors, ids, kind="Flat")
    truth = search_vectors(exact, queries, TOP_K)[1]
    results: dict[str, Any] = {"Flat": {"p50_ms": time_search(exact, queries)}}
    for kind, efforts in kinds.items():
        start = time.perf_counter()
        index = build_vectors(vectors, ids, kind=kind)
        results[kind] = {"build_seconds": time.perf_counter() - start}
        for effort in efforts:
            set_effort(index, effort)
            found = search_vectors(index, queries, TOP_K)[1]
            recall = float(np.mean([len(set(a) & set(b)) / TOP_K for a, b in zip(found.tolist(), truth.tolist(), strict=True)]))
            results[kind][str(effort)] = {"recall@10": recall, "p50_ms": time_search(index, queries)}
    return {"passages": count, "kinds": results}


def set_effort(index: Any, effort: int) -> None:
    """Set how many lists are probed, or how many nodes are kept in view."""
    import faiss

    inner: Any = faiss.downcast_index(index.index)
    if hasattr(inner, "nprobe"):
        inner.nprobe = effort
    else:
        inner.hnsw.efSearch = effort


def time_search(index: Any, queries: np.ndarray) -> float:
    """Return the median milliseconds of one query with one thread."""
    import faiss

    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    times = []
    for query in queries[:TIMED]:
        start = time.perf_counter()
        search_vectors(index, query[None], 50)
        times.append(1000 * (time.perf_counter() - start))
    faiss.omp_set_num_threads(threads)
    return median(times)


def make_vectors(count: int) -> np.ndarray:
    """Return unit vectors in clusters. Shape: (count, DIMENSION), float32."""
    random = np.random.default_rng(0)
    basis = random.standard_normal((INTRINSIC, DIMENSION), dtype=np.float32) / np.float32(INTRINSIC**0.5)
    centres = random.standard_normal((CLUSTERS, INTRINSIC), dtype=np.float32)
    blocks = []
    for start in range(0, count, 50_000):
        size = min(50_000, count - start)
        inner = centres[random.integers(0, CLUSTERS, size)] + 0.8 * random.standard_normal((size, INTRINSIC), dtype=np.float32)
        blocks.append(scale(inner @ basis + 0.35 * random.standard_normal((size, DIMENSION), dtype=np.float32)))
    return np.concatenate(blocks)


def scale(vectors: np.ndarray) -> np.ndarray:
    """Scale vectors to length 1."""
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def measure_scale(*, quick: bool) -> dict[str, Any]:
    """Measure all of it; also called by `retrieval.py`."""
    small, large = (2_000, 5_000) if quick else (50_000, 500_000)
    efforts = [32, 64, 128]
    searches = [
        measure_search(small, kinds={f"IVF{round(4 * small**0.5)},Flat": efforts, "HNSW32": efforts}),
        measure_search(large, kinds={choose_kind(large) if not quick else "IVF64,Flat": efforts}),
    ]
    return {"opening": measure_opening(3_000 if quick else 100_000), "search": searches}


def main() -> None:
    """Print the report."""
    arguments = read_arguments(__doc__.splitlines()[0])
    result = measure_scale(quick=arguments.quick)
    large = result["search"][1]["kinds"]
    kind = next(name for name in large if name != "Flat")
    ratios = {"flat_over_lists_p50": large["Flat"]["p50_ms"] / large[kind]["64"]["p50_ms"]}
    print_report("index_scale", config={"quick": arguments.quick, "dimension": DIMENSION}, ours=result, ratios=ratios,
                 limits={"open_seconds": 2.0, "recall@10": 0.95, "flat_over_lists_p50": 10.0})  # fmt: skip


if __name__ == "__main__":
    main()
