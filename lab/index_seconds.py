"""How long the index of a task's documents took to make: kept beside it from the update that made it, for the costs of RAG."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from core.errors import LabError
from core.storage import write_json

FILE = "seconds.json"


def keep_seconds(folder: Path, *, before: str, after: str, seconds: float, whole: bool) -> None:
    """Add the seconds of an update to those of the updates before it.

    Where the seconds of the version before are not known, those of a part say nothing of the whole, and nothing is kept.

    Args:
        folder: The index.
        before: Stamp of the version that was updated; empty where there was none.
        after: Stamp of the version that it made.
        seconds: What the update took.
        whole: Whether everything was made anew.
    """
    if after == before:
        return
    earlier = 0.0 if whole or not before else read_seconds(folder, before)
    (folder / FILE).unlink(missing_ok=True)
    if earlier is not None and after:
        with suppress(LabError):  # The index stands; without this its cost is not known.
            write_json(folder / FILE, {"version": after, "seconds": earlier + seconds})


def read_seconds(folder: Path, version: str) -> float | None:
    """Return how long all updates that made a version took; None where it is not known."""
    try:
        kept: Any = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    known = isinstance(kept, dict) and kept.get("version") == version and isinstance(kept.get("seconds"), int | float)
    return float(kept["seconds"]) if known else None
