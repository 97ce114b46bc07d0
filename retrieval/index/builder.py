"""Writing one version of an index out of the one before and what changed."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from core.errors import LabError
from core.storage import write_json
from core.values import Document, OnProgress, Passage
from retrieval.chunking import searchable_text, split_document
from retrieval.embedding.cache import CACHE, EmbeddingCache
from retrieval.embedding.embedder import SPECIAL_TOKENS, Embedder, Fingerprint
from retrieval.index.index import WORDS, Index
from retrieval.index.info import FORMAT, INFO, IndexInfo
from retrieval.index.lexical import build_bm25, save_bm25
from retrieval.index.passage_store import STORE, DocumentVersion, PassageStore, write_store
from retrieval.index.vectors import VECTORS, build_vectors, check_vectors, read_vectors, take_vectors, write_vectors
from retrieval.index.versions import CURRENT, IndexVersion, find_versions, new_version, publish, read_next_id

CHUNKER = 2  # Raise it when `split_document` or `searchable_text` changes: every index is then cut anew.
BATCH = 128  # Passages between two reports; the embedder cuts them into batches of its own, a few for each thread.
REPORT_SECONDS = 0.5  # Between two chances to cancel while documents are parsed.
Item = TypeVar("Item")


@dataclass(frozen=True)
class Calibration:
    """How a finished index is judged.

    Args:
        judge: What it returns is stored with the index.
        source: Hash of what it goes by (labelled questions): with another one an index is judged anew.
    """

    judge: Callable[[Index], Mapping[str, Any]]
    source: str = ""


@dataclass(frozen=True)
class Base:
    """The state that an update starts from; an index that is new or empty has no version.

    Args:
        documents: The version of each of its documents, by id.
        version: The version of the index.
        store: The texts.
        damaged: Files of the index that are damaged.
        removed: Documents that the store still holds and that were deleted since: they are none of its documents.
    """

    documents: Mapping[str, DocumentVersion]
    version: IndexVersion | None = None
    store: PassageStore | None = None
    damaged: tuple[str, ...] = ()
    removed: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """Name of the version."""
        return self.version.folder.name if self.version is not None else ""

    @property
    def info(self) -> IndexInfo:
        """What its `index.json` says."""
        return self.version.info if self.version is not None else IndexInfo()

    @property
    def passages(self) -> int:
        """How many passages it has."""
        return self.info.passages

    @property
    def folder(self) -> Path:
        """Where its files lie."""
        return self.version.folder if self.version is not None else Path()

    def load(self, document_id: str) -> Document | None:
        """Return a document as it was indexed."""
        return self.store.load_document(document_id) if self.store is not None else None

    def copy_texts(self, path: Path) -> None:
        """Copy its texts, to change the copy."""
        shutil.copyfile(self.folder / STORE, path)

    def close(self) -> None:
        """Let go of its files."""
        if self.store is not None:
            self.store.close()

    def is_current(self, settings: IndexInfo, calibrate: Calibration | None) -> bool:
        """Whether it is whole, answers searches, and was made as it would be made now."""
        whole = self.version is not None and not self.damaged
        calibrated = calibrate is None or self.info.calibrated_from == calibrate.source
        return whole and self.info.is_made_like(settings) and calibrated


@dataclass(frozen=True, slots=True)
class Built:
    """A version that was written."""

    name: str
    passages: int
    embedded: int
    embedding_seconds: float


def find_base(folder: Path) -> Base:
    """Return the newest state whose texts are whole."""
    damaged: list[str] = []
    for version in find_versions(folder):
        damaged += [f"{version.folder.name}/{name}" for name in sorted(version.damaged)]
        if version.damaged & {STORE, INFO}:
            continue
        if version.info.format == FORMAT:
            store = PassageStore(version.folder / STORE)
            damaged += [] if damaged or version.current else [CURRENT]
            documents = store.list_documents()
            removed = version.removed & documents.keys()
            kept = {name: document for name, document in documents.items() if name not in removed}
            return Base(kept, version, store, tuple(damaged), removed)
    return Base({}, damaged=tuple(damaged))


def describe_settings(fingerprint: Fingerprint, passage_tokens: int) -> IndexInfo:
    """Return the record of an index that is still empty: what decides how documents are cut and embedded."""
    return IndexInfo(FORMAT, CHUNKER, passage_tokens, fingerprint.as_json())


class Builder:
    """Builds one version. The writer's lock is the caller's.

    Args:
        folder: The index.
        base: What it starts from.
        embedder: Makes the vectors.
        settings: What `describe_settings` gave.
        on_progress: Told (passages embedded, passages to embed); may raise to cancel.
    """

    def __init__(self, folder: Path, base: Base, embedder: Embedder, settings: IndexInfo, on_progress: OnProgress) -> None:
        self._folder, self._base, self._embedder, self._settings = folder, base, embedder, settings
        self._on_progress = on_progress
        self._reuse, self._embedded, self._seconds = True, 0, 0.0

    def forget_vectors(self) -> None:
        """Have every passage embedded again."""
        self._reuse = False
        with closing(self._open_cache()) as cache:
            cache.keep_only([])

    def build(
        self,
        gone: Collection[str],
        fresh: Mapping[str, Document],
        versions: Mapping[str, DocumentVersion],
        *,
        recut: bool,
        calibrate: Calibration | None,
        purge: bool = False,
    ) -> Built:
        """Write a version and make it current.

        Args:
            gone: Documents of the base's store to remove, the replaced ones included.
            fresh: Documents to put in.
            versions: Their versions.
            recut: Whether to cut the base's other documents anew.
            calibrate: Judges the finished index; what it returns is stored.
            purge: Keep no version before this one: nothing on the disk holds any more what was removed.

        Raises:
            LabError: The disk refuses, or no document has any text.
        """
        removed = [document_id for document_id in gone if document_id not in fresh]
        with new_version(self._folder) as temporary:
            next_id = self._write_texts(temporary / STORE, gone, fresh, versions, recut=recut)
            with closing(PassageStore(temporary / STORE)) as store, closing(self._open_cache()) as cache:
                index, keys = self._write_searchable(temporary, store, cache)
                info = replace(self._settings, documents=index.documents, passages=len(index), next_id=next_id)
                if calibrate is not None:
                    info = replace(info, calibration=dict(calibrate.judge(index)), calibrated_from=calibrate.source)
                write_json(temporary / INFO, info.as_json())
                before = "" if purge else self._base.name
                name = publish(self._folder, temporary, next_id=next_id, before=before, removed=removed)
                cache.keep_only(keys)  # Only now: until then the version before may still need its vectors.
        return Built(name, len(index), self._embedded, self._seconds)

    def _open_cache(self) -> EmbeddingCache:
        return EmbeddingCache(self._folder / CACHE, self._embedder.fingerprint)

    def _write_texts(
        self,
        path: Path,
        gone: Collection[str],
        fresh: Mapping[str, Document],
        versions: Mapping[str, DocumentVersion],
        *,
        recut: bool,
    ) -> int:
        """Write documents and passages; returns the smallest id that is free afterwards."""
        next_id = read_next_id(self._folder)
        kept = self._base.documents.keys() - set(gone)
        recut_ids = sorted(kept if recut else ())
        again = [document for document_id in recut_ids if (document := self._base.load(document_id)) is not None]
        if kept:
            self._base.copy_texts(path)
        with write_store(path) as writer:
            writer.remove(gone if kept else ())
            if recut:
                writer.remove_passages()
            for document in watch([*again, *fresh.values()], self._on_progress):
                if document.id in fresh:
                    writer.add_document(document, versions[document.id])
                passages = self._split(document)
                writer.add_passages(passages, next_id)
                next_id += len(passages)
        return next_id

    def _split(self, document: Document) -> list[Passage]:
        window = self._embedder.fingerprint.max_tokens - SPECIAL_TOKENS  # Beyond it the embedder would not read.
        limit = min(self._settings.passage_tokens, window)
        return split_document(document, self._embedder.tokenizer, max_tokens=limit)

    def _write_searchable(self, folder: Path, store: PassageStore, cache: EmbeddingCache) -> tuple[Index, list[bytes]]:
        """Write vectors and words of the texts in `store`; returns the finished index and the vectors' keys."""
        ids = store.list_ids()
        texts = [searchable_text(passage) for passage in store.load_passages(ids.tolist())]
        if not texts:
            raise LabError("The documents have no text to index.", "Add a document that has some.")
        keys = [cache.make_key(text) for text in texts]
        vectors = build_vectors(self._embed(ids, texts, keys, cache), ids)
        words = build_bm25(texts)
        write_vectors(vectors, folder)
        save_bm25(words, folder / WORDS)
        documents = len(store.list_documents())
        return Index(ids, vectors, words, store, documents, self._settings.embedder, folder.name), keys

    def _embed(self, ids: np.ndarray, texts: Sequence[str], keys: Sequence[bytes], cache: EmbeddingCache) -> np.ndarray:
        """Return the passages' vectors, from the cache, else from the version before, else from the embedder."""
        vectors, is_made = cache.read(keys)
        if not is_made.all() and self._reuse:
            in_base = ~is_made & np.isin(ids, self._base_ids())
            if in_base.any():
                vectors[in_base] = take_vectors(read_vectors(self._base.folder), ids[in_base])
                cache.write([keys[i] for i in np.flatnonzero(in_base).tolist()], vectors[in_base])
                is_made |= in_base
        places: dict[bytes, list[int]] = {}  # Equal texts have one key and are embedded once.
        for place in np.flatnonzero(~is_made).tolist():
            places.setdefault(keys[place], []).append(place)
        # Neighbours of like length are embedded together, the longest first: the time left is not underestimated.
        missing = sorted(places, key=lambda key: (-len(texts[places[key][0]]), places[key]))
        began = time.perf_counter()
        for start in range(0, len(missing), BATCH):
            self._on_progress(start, len(missing))
            block = missing[start : start + BATCH]
            made = self._embedder.encode([texts[places[key][0]] for key in block])
            check_vectors(made)  # What is kept is believed by every later run.
            cache.write(block, made)  # At once: whoever cancels keeps what was embedded so far.
            for key, vector in zip(block, made, strict=True):
                vectors[places[key]] = vector
        self._on_progress(len(missing), len(missing))
        self._embedded, self._seconds = len(missing), time.perf_counter() - began
        return vectors

    def _base_ids(self) -> np.ndarray:
        """Return the ids whose vectors the base holds, if they are whole and by the same embedder."""
        usable = self._base.info.embedder == self._settings.embedder
        if not usable or self._base.store is None or self._base.version is None or VECTORS in self._base.version.damaged:
            return np.zeros(0, dtype=np.int64)
        return self._base.store.list_ids()


def watch(items: Iterable[Item], on_progress: OnProgress) -> Iterator[Item]:
    """Pass items on, letting a cancellation through about twice a second."""
    last = time.monotonic()
    for item in items:
        if time.monotonic() - last > REPORT_SECONDS:
            on_progress(0, 0)
            last = time.monotonic()
        yield item
