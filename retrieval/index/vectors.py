"""The vectors of an index in FAISS: exact search up to 100,000 passages, inverted lists beyond.

Ids are explicit (IndexIDMap2), for those of a plain index shift with every removal. Searching beyond is approximate:
see `choose_kind` for what that costs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from core.errors import LabError

VECTORS = "vectors.faiss"
EXACT_LIMIT = 100_000  # Vectors; up to here an exact search takes 20 ms at most, and lists would lose 2 to 4 %.
POINTS_PER_LIST = 40  # Vectors that train one list; k-means warns below 39.
ROUNDING = 1e-2  # Of a squared length: far more than rounding gives, far less than damage.
PROBES = 64  # Lists looked into by one search; `choose_kind` says what that finds.


def choose_kind(count: int) -> str:
    """Return FAISS's name of the index for so many vectors.

    Measured on 2 cores with made-up clusters of 384 dimensions (`benchmarks/index_scale.py`): one query takes 8.8 ms
    at 50,000 vectors and 72 ms at 500,000 exactly, 2.4 ms at 500,000 with 64 of 2,828 lists. Those find 0.957 of the
    same ten at 50,000 (894 lists), 0.98 at 100,000 (1,264) and 0.9995 at 500,000, where the clusters flatter it.
    A graph (HNSW32) finds 0.996 at 50,000 in the same time, but takes 4 to 5 times as long to build, and every
    version of an index is built anew; and its filtered searches would lose passages, which those of lists do not.
    """
    if count <= EXACT_LIMIT:
        return "Flat"
    # FAISS's own guideline: 4 to 16 times the square root of the vectors. The least of that trains the fastest.
    return f"IVF{round(4 * count**0.5)},Flat"


def build_vectors(vectors: np.ndarray, ids: np.ndarray, *, kind: str | None = None) -> Any:
    """Build an inner-product index that answers with ids.

    Args:
        vectors: Unit vectors. Shape: (passages, dimension), float32.
        ids: Distinct ids. Shape: (passages,), int64.
        kind: FAISS's name of the index; by default what suits the count.

    Raises:
        LabError: A vector is not finite or has no length: every search would miss it.
    """
    import faiss

    check_vectors(vectors)
    kind = kind or choose_kind(len(vectors))
    inner: Any = faiss.index_factory(vectors.shape[1], kind, faiss.METRIC_INNER_PRODUCT)
    if not inner.is_trained:
        inner.nprobe = PROBES
        # A sample that is drawn alike each time: the same vectors give the same lists.
        sample = np.random.default_rng(0).permutation(len(vectors))[: POINTS_PER_LIST * inner.nlist]
        inner.train(np.ascontiguousarray(vectors[np.sort(sample)]))
        inner.make_direct_map()
    index = faiss.IndexIDMap2(inner)
    index.add_with_ids(np.ascontiguousarray(vectors, dtype=np.float32), np.ascontiguousarray(ids, dtype=np.int64))
    return index


def check_vectors(vectors: np.ndarray) -> None:
    """Refuse what no search would find. Shape: (vectors, dimension), float32.

    Raises:
        LabError: A vector is not finite or has no length.
    """
    if not is_unit(vectors).all():
        lengths = np.einsum("ij,ij->i", vectors, vectors)
        raise LabError(f"The embedder gave a vector of squared length {lengths[np.argmax(np.abs(lengths - 1))]:.3g}, not 1.")


def is_unit(vectors: np.ndarray) -> np.ndarray:
    """Say which vectors have length 1, but for rounding. Shapes: (vectors, dimension) and (vectors,) bool."""
    return np.asarray(np.abs(np.einsum("ij,ij->i", vectors, vectors) - 1) < ROUNDING)


def write_vectors(vectors: Any, folder: Path) -> None:
    """Write an index in FAISS's own format.

    Raises:
        OSError: The disk refuses.
    """
    import faiss

    try:
        faiss.write_index(vectors, str(folder / VECTORS))
    except RuntimeError as error:
        raise OSError(None, f"FAISS could not write: {error}") from error


def read_vectors(folder: Path) -> Any:
    """Read an index whose checksum was verified.

    Raises:
        LabError: It cannot be read.
    """
    import faiss

    try:
        return faiss.read_index(str(folder / VECTORS))
    except RuntimeError as error:
        raise LabError(f"{folder / VECTORS} cannot be read: {error}.") from error


def take_vectors(vectors: Any, ids: np.ndarray) -> np.ndarray:
    """Return the stored vectors of ids. Shape: (ids, dimension), float32.

    Raises:
        LabError: One is not there.
    """
    try:
        return np.asarray(vectors.reconstruct_batch(ids)) if len(ids) else np.zeros((0, vectors.d), dtype=np.float32)
    except RuntimeError as error:
        raise LabError(f"The vectors do not belong to the passages: {error}.") from error


def search_vectors(
    vectors: Any, queries: np.ndarray, count: int, allowed: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return scores and ids of the best passages; where there are fewer than `count`, ids of -1 fill up.

    Args:
        vectors: What `build_vectors` made.
        queries: Unit vectors. Shape: (queries, dimension), float32.
        count: How many for each query.
        allowed: Ids that may be found, applied before the best are chosen. A filtered search is exact in every
            kind of index: the lists that would be probed need not hold any passage that is allowed. Shape: (ids,), int64.
    """
    import faiss

    library: Any = faiss  # Its stubs do not know the parameters' keywords.
    if allowed is None:
        scores, ids = vectors.search(queries, count)
        return scores, ids
    selector = library.IDSelectorBatch(np.ascontiguousarray(allowed, dtype=np.int64))
    inner = library.downcast_index(vectors.index)
    if hasattr(inner, "nprobe"):
        parameters = library.SearchParametersIVF(sel=selector, nprobe=inner.nlist)
    else:
        parameters = library.SearchParameters(sel=selector)
    scores, ids = vectors.search(queries, count, params=parameters)
    return scores, ids
