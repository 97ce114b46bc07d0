"""What `index.json` says of one state of an index: how it was made, what it holds, what its evidence is judged by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.stored import Stored, read_stored

INFO = "index.json"
FORMAT = 2  # Of the files beside it. Raise it when they change: an index of another form is built anew.


@dataclass(frozen=True, slots=True)
class IndexInfo(Stored):
    """How an index was made and what it holds. The defaults stand for what earlier forms did not say.

    Args:
        format: The form of its files.
        chunker: The version of the code that cut the documents.
        passage_tokens: The longest passage, in the embedder's tokens.
        embedder: The fingerprint of what made the vectors, as JSON.
        documents: How many documents it holds.
        passages: How many passages.
        next_id: The smallest passage id that was not given away yet.
        calibration: What judged the finished index; None where nothing did.
        calibrated_from: Hash of what that went by.
    """

    format: int = 0
    chunker: int = 0
    passage_tokens: int = 0
    embedder: Mapping[str, Any] = field(default_factory=dict)
    documents: int = 0
    passages: int = 0
    next_id: int = 0
    calibration: Mapping[str, Any] | None = None
    calibrated_from: str | None = None

    def is_made_like(self, settings: IndexInfo) -> bool:
        """Whether its passages were cut and embedded as with these settings."""
        return (self.format, self.chunker, self.passage_tokens, self.embedder) == (
            settings.format, settings.chunker, settings.passage_tokens, settings.embedder
        )  # fmt: skip


def read_info(folder: Path) -> IndexInfo:
    """Read the record that lies in the folder of an index's state.

    Raises:
        LabError: It is absent or damaged.
    """
    return read_stored(IndexInfo, folder / INFO, remedy="Build the index anew: `ragft index TASK --rebuild`.")
