"""An index as searches see it: one version, unchanging, safe for any number of threads.

Every file is checked against its sha256 on opening. What is damaged is mended in memory: the word index and the
vectors from the stored text and the kept vectors, or the whole from the version before; `notes` says so, and
the next `ragft index` writes it anew. No pickle anywhere.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from logging import getLogger
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from core.errors import LabError
from core.stored import restore
from core.values import Document, Passage
from retrieval.chunking import searchable_text
from retrieval.embedding.cache import CACHE, EmbeddingCache
from retrieval.embedding.embedder import Fingerprint
from retrieval.index.info import FORMAT, INFO, IndexInfo
from retrieval.index.lexical import build_bm25, load_bm25
from retrieval.index.passage_store import STORE, DocumentVersion, PassageStore
from retrieval.index.vectors import VECTORS, build_vectors, read_vectors, search_vectors, take_vectors
from retrieval.index.versions import IndexVersion, find_versions, read_stamp

WORDS = "bm25"  # The folder of the word index.
# One opening at a time: numpy reads the head of an array with `ast`, which two threads of CPython 3.11 may not do
# at once ("AST constructor recursion depth mismatch"), and two openings would need twice the memory.
OPENING = Lock()


@dataclass(frozen=True, eq=False)
class Index:
    """One version of an index. The word index counts positions; position i is the passage that the others call `ids[i]`.

    Args:
        ids: Ids of the passages, ascending, never given to another passage. Shape: (passages,), int64.
        vectors: A FAISS index that answers with ids.
        bm25: The word index; it answers with positions.
        store: The texts.
        documents: How many documents there are.
        fingerprint: The embedder that made the vectors, as JSON.
        version: Name of the version.
        stale: Made with another embedder, or without usable vectors: dense search must be left out.
        calibration: What `evidence.abstention.calibrate` returned.
        notes: What a person must know: damage and how it was mended, vectors that do not fit.
        removed: Documents that the store still holds and that were deleted since: nothing may show them.
        passage_tokens: The longest passage, in the embedder's tokens.
    """

    ids: np.ndarray
    vectors: Any
    bm25: Any
    store: PassageStore
    documents: int
    fingerprint: Mapping[str, Any]
    version: str
    stale: bool = False
    calibration: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    removed: frozenset[str] = frozenset()
    passage_tokens: int = 0

    def __len__(self) -> int:
        return len(self.ids)

    def load_passages(self, ids: Sequence[int]) -> list[Passage]:
        """Return passages in the order of their ids.

        Raises:
            KeyError: There is no such passage.
        """
        return self.store.load_passages(ids)

    def load_document(self, document_id: str) -> Document | None:
        """Return a document as it was indexed, None where there is none of this id."""
        return None if document_id in self.removed else self.store.load_document(document_id)

    def list_documents(self) -> dict[str, DocumentVersion]:
        """Return the version of every document, by id."""
        return {name: document for name, document in self.store.list_documents().items() if name not in self.removed}

    def select(self, documents: Collection[str]) -> np.ndarray:
        """Return the ids of the passages of these documents, ascending. Shape: (passages,), int64."""
        ids = self.store.select(documents)
        return ids[np.isin(ids, self.ids)]

    def search_vectors(
        self, queries: np.ndarray, count: int, allowed: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Search the vectors; see `retrieval.index.vectors.search_vectors`."""
        return search_vectors(self.vectors, queries, count, allowed)


def open_index(folder: Path, fingerprint: Fingerprint, *, task: str) -> Index:
    """Open the current version of an index. Needs no lock: a writer meanwhile never touches what is being read.

    Args:
        folder: The index.
        fingerprint: The embedder that will search; an index of another one is opened with `stale` set.
        task: What the sentences call it.

    Raises:
        LabError: There is no index, or nothing of it can be used.
    """
    while True:
        stamp = read_stamp(folder)
        try:
            with OPENING:
                index = _open_best(folder, fingerprint, task)
        except LabError:
            if read_stamp(folder) == stamp:
                raise
            continue  # A writer removed what was being read: look again.
        if not index.notes or read_stamp(folder) == stamp:
            for note in index.notes:
                getLogger(__name__).warning(note)
            return index
        index.store.close()


def _open_best(folder: Path, fingerprint: Fingerprint, task: str) -> Index:
    any_version = False
    for version in find_versions(folder):
        any_version = True
        if not version.damaged & {STORE, INFO}:
            try:
                return _load(folder, version, fingerprint, task)
            except (sqlite3.Error, OSError) as error:
                getLogger(__name__).info("%s cannot be read: %s", version.folder, error)
    if any_version:
        raise LabError(f"The index of {task} is damaged beyond repair.", f"Build it anew: `ragft index {task} --rebuild`.")
    raise LabError(f"There is no index of {task}.", f"Build it: `ragft index {task}`.")


def _load(folder: Path, version: IndexVersion, fingerprint: Fingerprint, task: str) -> Index:
    info = version.info
    if info.format != FORMAT:
        raise LabError(f"The index of {task} has the form of another version.", f"Build it anew: `ragft index {task}`.")
    store = PassageStore(version.folder / STORE)
    ids = store.list_ids()
    if version.removed:  # An older version answers: what was deleted since must not come back with it.
        ids = ids[~np.isin(ids, store.select(version.removed))]
        if not len(ids):
            raise LabError(f"The index of {task} is damaged beyond repair.", f"Build it anew: `ragft index {task} --rebuild`.")
    notes = [_describe_damage(version, task)] if version.damaged or not version.current else []
    vectors = _load_vectors(folder, version, store, ids)
    stale = vectors is None or info.embedder != fingerprint.as_json()
    if stale:
        notes.append(_describe_stale(info, fingerprint, task, lost=vectors is None))
    lexical_whole = not version.removed and not any(name.startswith(f"{WORDS}/") for name in version.damaged)
    return Index(
        ids=ids,
        vectors=vectors,
        bm25=load_bm25(version.folder / WORDS) if lexical_whole else _rebuild_words(store, ids),
        store=store,
        documents=info.documents - len(version.removed & store.list_documents().keys()),
        fingerprint=info.embedder,
        version=version.folder.name,
        stale=stale,
        calibration=info.calibration or {},
        notes=tuple(notes),
        removed=version.removed,
        passage_tokens=info.passage_tokens,
    )


def _load_vectors(folder: Path, version: IndexVersion, store: PassageStore, ids: np.ndarray) -> Any:
    """Read the vectors, or gather them from where they were kept; None where they are lost."""
    whole = VECTORS not in version.damaged
    if whole and not version.removed:
        return read_vectors(version.folder)
    if whole:
        return build_vectors(take_vectors(read_vectors(version.folder), ids), ids)
    if not (folder / CACHE).is_file():
        return None
    made_by = restore(Fingerprint, json.dumps(version.info.embedder), origin=f"The embedder in {version.folder / INFO}")
    with closing(EmbeddingCache(folder / CACHE, made_by)) as cache:
        vectors, is_kept = cache.read([cache.make_key(searchable_text(p)) for p in store.load_passages(ids.tolist())])
    return build_vectors(vectors, ids) if is_kept.all() else None  # With gaps, passages would silently not be found.


def _rebuild_words(store: PassageStore, ids: np.ndarray) -> Any:
    return build_bm25([searchable_text(passage) for passage in store.load_passages(ids.tolist())])


def _describe_damage(version: IndexVersion, task: str) -> str:
    if version.current:
        names = ", ".join(sorted(version.damaged))
        return f"The index of {task} is damaged ({names}) and was mended from its stored text. Write it anew: `ragft index {task}`."
    return (
        f"The index of {task} is damaged; the state before its last change ({version.folder.name}) answers. "
        f"Write it anew: `ragft index {task}`."
    )


def _describe_stale(info: IndexInfo, fingerprint: Fingerprint, task: str, *, lost: bool) -> str:
    remedy = f"Only words are searched. Embed it again: `ragft index {task}`."
    if lost:
        return f"The vectors of the index of {task} are lost. {remedy}"
    model = info.embedder.get("model", "another embedder")
    if model == fingerprint.model:
        return f"The index of {task} was made with another version of {model}. {remedy}"
    return f"The index of {task} was made with {model}, not {fingerprint.model}. {remedy}"
