"""The documents and passages of an index in SQLite: what a hit shows, what an update compares, what damage is mended from."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from core.values import Document, Passage

STORE = "passages.sqlite"
SCHEMA = """
CREATE TABLE documents(id TEXT PRIMARY KEY, title TEXT, origin TEXT, sha256 TEXT, text TEXT, pages TEXT);
CREATE TABLE passages(
    id INTEGER PRIMARY KEY, document TEXT REFERENCES documents(id), title TEXT, start INTEGER, "end" INTEGER, text TEXT, place TEXT
);
CREATE INDEX passages_of_document ON passages(document);
"""
PASSAGE = 'document, title, start, "end", text, place'
BLOCK = 500  # Values in one question; builds of SQLite before 3.32 take 999.


@dataclass(frozen=True, slots=True)
class DocumentVersion:
    """What tells a document's versions apart: the sha256 of the file's bytes, and the file's name, which chooses the reader."""

    sha256: str
    origin: str = ""


class PassageStore:
    """A finished store, opened for reading by any number of threads.

    The file is opened once and never again: it may be removed from its folder while it is still being read.

    Raises:
        sqlite3.Error: It is no store.
    """

    def __init__(self, path: Path) -> None:
        self._lock = Lock()
        # `immutable`: SQLite takes no locks and looks for no journal, since a finished store never changes.
        self._connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def list_ids(self) -> np.ndarray:
        """Return the ids of all passages, ascending. Shape: (passages,), int64."""
        return np.array([row[0] for row in self._ask("SELECT id FROM passages ORDER BY id")], dtype=np.int64)

    def list_documents(self) -> dict[str, DocumentVersion]:
        """Return the version of every document, by id."""
        return {row[0]: DocumentVersion(*row[1:]) for row in self._ask("SELECT id, sha256, origin FROM documents ORDER BY id")}

    def load_passages(self, ids: Sequence[int]) -> list[Passage]:
        """Return passages in the order of their ids.

        Raises:
            KeyError: There is no such passage.
        """
        passages: dict[int, Passage] = {}
        for block in _blocks([int(number) for number in ids]):
            for row in self._ask(f"SELECT id, {PASSAGE} FROM passages WHERE id IN ({_marks(block)})", block):
                passages[row[0]] = Passage(*row[1:])
        return [passages[int(number)] for number in ids]

    def select(self, documents: Collection[str]) -> np.ndarray:
        """Return the ids of the passages of these documents, ascending. Shape: (passages,), int64."""
        rows: list[tuple[int]] = []
        for block in _blocks(list(documents)):
            rows += self._ask(f"SELECT id FROM passages WHERE document IN ({_marks(block)})", block)
        return np.array(sorted(row[0] for row in rows), dtype=np.int64)

    def load_document(self, document_id: str) -> Document | None:
        """Return a document as it was indexed, None where there is none of this id."""
        for name, title, text, pages, origin in self._ask(
            "SELECT id, title, text, pages, origin FROM documents WHERE id = ?", [document_id]
        ):
            return Document(name, title, text, tuple(json.loads(pages)), origin)
        return None

    def _ask(self, query: str, values: Sequence[object] = ()) -> list[Any]:
        with self._lock:
            return self._connection.execute(query, values).fetchall()


class StoreWriter:
    """Writes a store, from nothing or from a copy of an earlier one; what is removed is overwritten on the disk."""

    def __init__(self, path: Path) -> None:
        fresh = not path.exists()
        self._connection = sqlite3.connect(path, isolation_level=None)
        # No journal and no waiting for the disk: a file whose writer was killed is thrown away whole. Deleted text is
        # overwritten with zeros, for a person who deletes a document means its words too.
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "secure_delete = ON", "locking_mode = EXCLUSIVE"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.execute("BEGIN")
        if fresh:
            for statement in SCHEMA.strip().split(";\n"):
                self._connection.execute(statement)

    def remove(self, documents: Iterable[str]) -> None:
        """Remove documents and their passages."""
        names = [(document_id,) for document_id in documents]
        self._connection.executemany("DELETE FROM passages WHERE document = ?", names)
        self._connection.executemany("DELETE FROM documents WHERE id = ?", names)

    def remove_passages(self) -> None:
        """Remove all passages, to cut the documents anew."""
        self._connection.execute("DELETE FROM passages")

    def add_document(self, document: Document, version: DocumentVersion) -> None:
        """Add a document."""
        row = (document.id, document.title, version.origin, version.sha256, document.text, json.dumps(list(document.pages)))
        self._connection.execute("INSERT INTO documents VALUES (?, ?, ?, ?, ?, ?)", row)

    def add_passages(self, passages: Sequence[Passage], first_id: int) -> None:
        """Add passages of one document under ascending ids."""
        self._connection.executemany(
            f"INSERT INTO passages(id, {PASSAGE}) VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(first_id + i, p.document, p.title, p.start, p.end, p.text, p.place) for i, p in enumerate(passages)],
        )

    def close(self) -> None:
        """Finish the file."""
        if self._connection.in_transaction:
            self._connection.execute("COMMIT")
        self._connection.close()


@contextmanager
def write_store(path: Path) -> Iterator[StoreWriter]:
    """Yield the writer of a store and finish the file.

    Raises:
        OSError: The disk refuses.
    """
    writer = StoreWriter(path)
    try:
        with closing(writer):
            yield writer
    except sqlite3.OperationalError as error:
        raise OSError(None, f"SQLite could not write: {error}") from error


def _blocks(values: Sequence[object]) -> Iterator[Sequence[object]]:
    for start in range(0, len(values), BLOCK):
        yield values[start : start + BLOCK]


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))
