"""How many threads a piece of work gets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute with one thread: for a single query a second one is up to 100 times slower beside another process.

    The setting belongs to OpenMP, which FAISS and torch share (where torch was loaded first, as every embedder
    does): left at one, it halves the speed of every later answer. It is the calling thread's own, so that a query
    never slows down what another thread is doing, as `torch.set_num_threads` might.
    """
    import torch  # Before FAISS, which otherwise brings an OpenMP of its own.

    # ruff: isort: split
    import faiss

    torch.get_num_threads()  # Torch sets a new thread's count when it first computes there, which would undo ours.
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)
