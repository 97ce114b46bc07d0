"""Vectors kept by what they were made of: an interrupted indexing goes on, and only new text is embedded.

A key is the sha256 of the embedder's fingerprint and the text, so a vector is never taken for another text or model.
Each vector has a checksum, and none that is not of length 1 is given out; a damaged cache is thrown away and fills again.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np

from core.storage import cannot_write, hash_json
from retrieval.embedding.embedder import Fingerprint
from retrieval.index.vectors import is_unit

CACHE = "embeddings.sqlite"
BLOCK = 500  # Values in one question; builds of SQLite before 3.32 take 999.
DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}  # Error codes after which the file is thrown away.
WAIT_SECONDS = 30  # For another process that writes the same cache.


class EmbeddingCache:
    """The vectors of one index by one embedder. One thread at a time.

    Raises:
        LabError: The disk refuses.
    """

    def __init__(self, path: Path, fingerprint: Fingerprint) -> None:
        self._path, self._dimension = path, fingerprint.dimension
        self._model = hash_json(fingerprint.as_json()).encode()
        self._connection = self._open()

    def make_key(self, text: str) -> bytes:
        """Return the key of a text."""
        return sha256(self._model + b"\n" + text.encode("utf-8", errors="surrogatepass")).digest()

    def read(self, keys: Sequence[bytes]) -> tuple[np.ndarray, np.ndarray]:
        """Return the vectors, and which of them are kept. Shapes: (keys, dimension) float32 and (keys,) bool."""
        vectors = np.zeros((len(keys), self._dimension), dtype=np.float32)
        is_kept = np.zeros(len(keys), dtype=bool)
        places: dict[bytes, list[int]] = {}
        for place, key in enumerate(keys):
            places.setdefault(key, []).append(place)
        distinct = list(places)
        for start in range(0, len(distinct), BLOCK):
            for key, check, data in self._find(distinct[start : start + BLOCK]):
                if len(data) == 4 * self._dimension and zlib.crc32(data) == check:
                    vectors[places[key]] = np.frombuffer(data, dtype="<f4")
                    is_kept[places[key]] = True
        return vectors, is_kept & is_unit(vectors)

    def write(self, keys: Sequence[bytes], vectors: np.ndarray) -> None:
        """Keep vectors. Shape: (keys, dimension), float32."""
        rows = [
            (key, zlib.crc32(data), data)
            for key, data in ((k, v.astype("<f4").tobytes()) for k, v in zip(keys, vectors, strict=True))
        ]
        self._change([("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)", rows)])

    def keep_only(self, keys: Sequence[bytes]) -> None:
        """Forget what no passage needs any more, other embedders' vectors included."""
        self._change(
            [
                ("CREATE TEMP TABLE IF NOT EXISTS needed(key BLOB PRIMARY KEY)", [()]),
                ("DELETE FROM needed", [()]),
                ("INSERT OR IGNORE INTO needed VALUES (?)", [(key,) for key in keys]),
                ("DELETE FROM vectors WHERE key NOT IN (SELECT key FROM needed)", [()]),
            ]
        )

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def _open(self) -> sqlite3.Connection:
        try:
            return self._connect()
        except sqlite3.DatabaseError as error:
            self._forgive(error)
            self._remove()
            return self._connect()

    def _connect(self) -> sqlite3.Connection:
        # Deleted vectors are overwritten and their space is given back: they tell much of a deleted text.
        connection = sqlite3.connect(self._path, timeout=WAIT_SECONDS)
        for pragma in ("auto_vacuum = FULL", "secure_delete = ON", "synchronous = NORMAL"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("CREATE TABLE IF NOT EXISTS vectors(key BLOB PRIMARY KEY, checksum INTEGER, vector BLOB)")
        return connection

    def _find(self, keys: list[bytes]) -> list[tuple[bytes, int, bytes]]:
        marks = ", ".join("?" * len(keys))
        try:
            return self._connection.execute(
                f"SELECT key, checksum, vector FROM vectors WHERE key IN ({marks})", keys
            ).fetchall()
        except sqlite3.DatabaseError as error:
            self._start_anew(error)
            return []

    def _change(self, steps: Sequence[tuple[str, Sequence[tuple[object, ...]]]]) -> None:
        try:
            with self._connection:
                for statement, rows in steps:
                    self._connection.executemany(statement, rows) if rows != [()] else self._connection.execute(statement)
        except sqlite3.DatabaseError as error:
            self._start_anew(error)

    def _start_anew(self, error: sqlite3.DatabaseError) -> None:
        self._forgive(error)
        self._connection.close()
        self._remove()
        self._connection = self._connect()

    def _forgive(self, error: sqlite3.DatabaseError) -> None:
        """Go on after damage; anything else, a full disk for instance, is the person's business."""
        if error.sqlite_errorcode & 0xFF not in DAMAGE:
            raise cannot_write(self._path, OSError(None, f"SQLite: {error}")) from error

    def _remove(self) -> None:
        for path in self._path.parent.glob(f"{self._path.name}*"):
            path.unlink(missing_ok=True)
