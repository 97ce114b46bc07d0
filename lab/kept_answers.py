"""The answers that the lab keeps: what they depend on beside what is asked, and how much of them may stay."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from core.comparison.answers import RememberingGenerator, forget_answers
from core.environment import describe_environment
from core.errors import LabError
from core.generation.models import find_model
from core.settings import Settings
from core.storage import hash_file
from lab.lab import Lab

FOLDER = "answers"  # Of the home.
MOST_BYTES = 256 * 2**20  # Some 400,000 answers; beyond it the files that were not used for longest go.
TOLD = {".json", ".jinja", ".txt"}  # Files of a model that say how a prompt is rendered and where an answer ends.


def open_answers(lab: Lab, *, fresh: bool = False) -> RememberingGenerator:
    """Return the lab's generator with what it answered before; `fresh` asks everything anew."""
    forget_answers(lab.settings.folder(FOLDER), most_bytes=MOST_BYTES)
    return RememberingGenerator(lab.load_generator(), lab.settings.folder(FOLDER), basis=_describe_basis(lab), fresh=fresh)


def _describe_basis(lab: Lab) -> dict[str, Any]:
    """Return what answers depend on beside the model's weights and what is asked: code, versions, machine (its GPU too), templates."""
    import core.generation

    basis = {"environment": describe_environment(), "threads": lab.settings.threads}
    code = sorted(Path(core.generation.__path__[0]).glob("*.py"))
    with suppress(LabError):  # A fake has no folder.
        model = find_model(lab.settings)
        basis["model"] = {path.name: hash_file(path) for path in sorted(model.iterdir()) if path.suffix in TOLD}
    return {**basis, "code": [hash_file(path) for path in code]}


def forget_all(settings: Settings) -> int:
    """Remove all kept answers; returns their size in bytes. Stored comparisons hold theirs and stay."""
    return forget_answers(settings.folder(FOLDER))
