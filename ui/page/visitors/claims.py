"""What the page's server holds for whom: sessions, events that wait for their answer, uploaded files.

These are Gradio's own; their ids travel in addresses and bodies, so a second visitor might name them. Whoever names one
first owns it. All of it is gone with the process, as the things themselves are.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Literal

Kind = Literal["session", "event", "file"]
MOST = 20_000  # Claims kept, the oldest forgotten first: a forgotten file is nobody's, so it is read by nobody.


class Claims:
    """Who owns which session, event and uploaded file. Any number of threads may ask."""

    def __init__(self) -> None:
        self._owners: OrderedDict[tuple[Kind, str], set[str]] = OrderedDict()
        self._lock = Lock()

    def claim(self, kind: Kind, name: str, owner: str) -> bool:
        """Make a thing the owner's unless it is another's; returns whether it is theirs now."""
        with self._lock:
            return owner in self._owners.get((kind, name), set()) or self._add(kind, name, owner, alone=True)

    def share(self, kind: Kind, name: str, owner: str) -> None:
        """Make a thing the owner's beside others who have the same: equal files are stored once."""
        with self._lock:
            self._add(kind, name, owner, alone=False)

    def owns(self, kind: Kind, name: str, owner: str) -> bool:
        """Whether a thing is the owner's."""
        with self._lock:
            return owner in self._owners.get((kind, name), set())

    def list_files(self, owner: str) -> list[str]:
        """Return the uploaded files of an owner."""
        with self._lock:
            return [name for (kind, name), owners in self._owners.items() if kind == "file" and owner in owners]

    def forget(self, owner: str) -> list[str]:
        """Take everything from an owner; returns the files that nobody else has."""
        with self._lock:
            held = [key for key, owners in self._owners.items() if owner in owners]
            for key in held:
                self._owners[key].discard(owner)
            lone = [key for key in held if not self._owners[key]]
            for key in lone:
                del self._owners[key]
        return [name for kind, name in lone if kind == "file"]

    def _add(self, kind: Kind, name: str, owner: str, *, alone: bool) -> bool:
        owners = self._owners.setdefault((kind, name), set())
        if alone and owners:
            return False
        owners.add(owner)
        while len(self._owners) > MOST:
            self._owners.popitem(last=False)
        return True
