"""Files that the page makes for one visitor to download: each in a folder of its own, until the next ones are made.

The home is never served, so they lie in Gradio's own folder, below the name of the visitor's home: by that the gate knows
whose they are (`ui/page/visitors/gate.py`). On one's own machine there is one such name.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path

from core.settings import Settings
from core.storage import hash_file

FOLDER = "offers"
PUBLIC = "public"  # Beside it: what came with the page.
OWN = "own"  # Stands where a visitor's name would, on one's own machine.
KEPT_SECONDS = 3600.0  # A download begins at once; what nobody fetched in an hour is made again on request.


def offer_folder(settings: Settings) -> Path:
    """Return a new empty folder for a file that is offered to whoever asks; older ones of theirs are removed first.

    Args:
        settings: Whose.
    """
    from gradio.utils import get_upload_folder

    own = Path(get_upload_folder()) / FOLDER / (OWN if settings.shared is None else settings.home.name)
    own.mkdir(parents=True, exist_ok=True)
    sweep(own)
    return Path(tempfile.mkdtemp(dir=own))


def offer_to_all(file: Path) -> Path:
    """Return a copy of a file that came with the page where everybody may fetch it; the same file has one copy."""
    from gradio.utils import get_upload_folder

    copy = Path(get_upload_folder()) / PUBLIC / hash_file(file)[:16] / file.name
    if not copy.is_file():
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
    return copy


def is_public(cache: str, path: str) -> bool:
    """Whether a path is a file that everybody may fetch."""
    return path.startswith(os.path.join(cache, PUBLIC) + os.sep)


def sweep(own: Path, *, kept_seconds: float = KEPT_SECONDS) -> None:
    """Remove the folders of offers that are older than that."""
    for folder in own.glob("*/"):
        try:
            old = time.time() - folder.stat().st_mtime > kept_seconds
        except OSError:  # Another call removes it just now.
            continue
        if old:
            shutil.rmtree(folder, ignore_errors=True)


def sweep_idle(cache: Path) -> None:
    """Remove the offers of everybody that are older than that: who left makes no further ones."""
    for own in (cache / FOLDER).glob("*/"):
        sweep(own)


def remove_offers(settings: Settings) -> None:
    """Remove all that is offered to a visitor."""
    from gradio.utils import get_upload_folder

    shutil.rmtree(Path(get_upload_folder()) / FOLDER / settings.home.name, ignore_errors=True)


def find_owner(cache: str, path: str) -> str:
    """Return whose offer a path is: the name of their home; empty where it is none."""
    parts = Path(os.path.relpath(path, cache)).parts
    return parts[1] if len(parts) > 3 and parts[0] == FOLDER else ""
