"""The visitors of a page that strangers share: whose home is whose, when they were last here, what goes when.

A visitor is known by a key: who signed in, or a random secret that only their browser has. Only its hash is kept, as the
name of their home. Removing a home takes everything that is theirs with it.
"""

from __future__ import annotations

import secrets
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from core.errors import LabError
from core.jobs import cancel_job, list_statuses
from core.settings import VISITORS, Settings
from lab.limits import HOSTED

SEEN = ".seen"  # Its time of change says when the visitor was last here.
SECRET_BYTES = 16  # 128 bits: nobody finds another's by trying.
SEEN_SECONDS = 60.0  # Between two notes that a visitor is here: an open page asks every few seconds.
CANCEL_SECONDS = 3.0  # For a job of a visitor who wants everything gone.


def make_secret() -> str:
    """Return a new visitor's secret, in hexadecimal."""
    return secrets.token_hex(SECRET_BYTES)


def mark_seen(settings: Settings) -> None:
    """Note that a visitor who has a home is here; one who has kept nothing yet needs none."""
    note = settings.home / SEEN
    with suppress(OSError):
        if settings.home.is_dir() and (not note.exists() or time.time() - note.stat().st_mtime > SEEN_SECONDS):
            note.touch()


def remove_visitor(settings: Settings) -> None:
    """Stop what a visitor's jobs do and remove all that is theirs, at once and for good.

    Raises:
        LabError: These are no visitor's settings, or the disk refuses.
    """
    if settings.shared is None:
        raise LabError("This home is no visitor's.", "Nothing was removed.")
    for folder, status in list_statuses(settings).whole:
        if status.active:
            cancel_job(folder, patience=CANCEL_SECONDS)
    if settings.home.is_dir():
        _remove(settings.home)


def remove_idle(settings: Settings, *, idle_seconds: float = HOSTED.idle_seconds) -> list[Path]:
    """Remove the homes of visitors who were not here for so long and have no job that runs; returns them."""
    removed = []
    for home in sorted((settings.root / VISITORS).glob("[!.]*/")):
        one = settings.at_home(home)
        if time.time() - _find_last(home) > idle_seconds and not any(s.active for _, s in list_statuses(one).whole):
            with suppress(LabError):  # The next look tries again.
                _remove(home)
                removed.append(home)
    return removed


def _find_last(home: Path) -> float:
    """Return when a visitor was last here, or changed anything."""
    note = home / SEEN
    try:
        return (note if note.exists() else home).stat().st_mtime
    except OSError:  # Somebody removes it just now.
        return time.time()


def _remove(home: Path) -> None:
    """Remove a home: moved aside in one step, so that no half of it is ever seen."""
    try:
        aside = Path(tempfile.mkdtemp(dir=home.parent, prefix=".gone."))
        home.replace(aside / "home")
    except OSError as error:
        raise LabError(f"What you keep cannot be removed: {error.strerror}.", "Try again in a minute.") from error
    shutil.rmtree(aside, ignore_errors=True)
