"""Where a model came from: what its file or its card says of itself, kept beside its weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.errors import LabError
from core.stored import Stored, read_stored

ORIGIN = "origin.json"


@dataclass(frozen=True, slots=True)
class ModelOrigin(Stored):
    """What is known of a model's past.

    Args:
        kind: `hub`, `gguf` or `folder`.
        source: Its name on the Hub, or of the file or folder.
        revision: The commit on the Hub; empty elsewhere.
        sha256: Of the file; empty for a folder.
        licence: As the file or card states it; empty where it does not.
        notes: What was done to the weights, a sentence each.
        checks: What was measured while doing it.
    """

    kind: str
    source: str
    revision: str = ""
    sha256: str = ""
    licence: str = ""
    notes: tuple[str, ...] = ()
    checks: Mapping[str, Any] = field(default_factory=dict)


def read_origin(folder: Path) -> ModelOrigin | None:
    """Return what a model's folder says of its origin; None for one that was not brought here by this program.

    Raises:
        LabError: The record is damaged.
    """
    if not (folder / ORIGIN).is_file():
        return None
    return read_stored(ModelOrigin, folder / ORIGIN, remedy=f"Delete {folder} and bring the model here again.")


def read_licence(folder: Path) -> str:
    """Return the licence that a model's origin states; empty where none does, or the record is damaged."""
    try:
        origin = read_origin(folder)
    except LabError:
        return ""
    return origin.licence if origin is not None else ""
