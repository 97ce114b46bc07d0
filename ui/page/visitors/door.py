"""The one door between the page's handlers and the lab: each use of the lab is the use of the visitor who asks.

The page is built once over one lab, and every handler keeps hold of it. On a page that strangers share this door stands in
its place, so a handler written tomorrow is behind it too. It asks Gradio for the request that a handler runs for; what runs
for no request at all is refused, never given somebody's things.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from threading import Lock
from typing import Any, cast

from core.settings import Settings
from lab.lab import Lab
from lab.visitors import mark_seen
from ui.page.visitors.claims import Claims

VISITOR = "ragft.visitor"  # Where a request's scope says whose it is (`ui/page/visitors/gate.py`).
MOST_VIEWS = 64  # Of visitors, kept: each holds what it has read of their tasks and indexes.


def guard(lab: Lab) -> Lab:
    """Return what the page is built over: the lab itself, or where strangers share it a door to the lab of each."""
    if find_door(lab) is not None or not lab.settings.hosted or lab.settings.shared is not None:
        return lab
    return cast(Lab, _View(Door(lab)))


def find_door(lab: Lab) -> Door | None:
    """Return the door that stands in the place of a lab; None on one's own machine."""
    return lab._door if isinstance(lab, _View) else None


class Door:
    """Finds the lab of whoever asks.

    Args:
        host: The lab of whoever runs the page.
    """

    def __init__(self, host: Lab) -> None:
        self.host, self.claims, self._built = host, Claims(), False
        self._views: OrderedDict[str, Lab] = OrderedDict()
        self._lock = Lock()

    @property
    def is_building(self) -> bool:
        """Whether the page is still being built."""
        return not self._built

    def close(self) -> None:
        """Let nothing through any more that runs for no visitor: the page is built."""
        self._built = True

    def find_lab(self) -> Lab:
        """Return the lab of the visitor whose request is being answered; while the page is built that of its host.

        Raises:
            LookupError: Something runs for nobody: a bug of ours.
        """
        from gradio.context import LocalContext

        request = LocalContext.request.get(None)
        if request is None:
            if self._built:
                raise LookupError("A handler asked for the lab outside of any visitor's request.")
            return self.host
        return self.open(find_key(request))

    def open(self, key: str) -> Lab:
        """Return a visitor's lab."""
        with self._lock:
            view = self._views.get(key) or self.host.for_visitor(key)
            self._views[key] = view
            self._views.move_to_end(key)
            while len(self._views) > MOST_VIEWS:
                self._views.popitem(last=False)
        mark_seen(view.settings)
        return view

    def forget(self, key: str) -> None:
        """Let go of what was read for a visitor."""
        with self._lock:
            self._views.pop(key, None)


def find_key(request: Any) -> str:
    """Return who a request of Gradio's is from: as its scope says, else its session, else somebody seen this once."""
    raw = getattr(request, "request", None) or request
    key = getattr(raw, "scope", {}).get(VISITOR)
    session = getattr(request, "session_hash", None) if raw is not request else None
    return key or (name_session(session) if session else f"once:{secrets.token_hex(16)}")


def name_session(session: str) -> str:
    """Return the key of a program that keeps no cookies: its session is its secret."""
    return f"session:{session}"


class _View:
    """Stands for the lab of whoever asks."""

    def __init__(self, door: Door) -> None:
        self.__dict__["_door"] = door

    _door: Door

    @property
    def settings(self) -> Settings:
        """The settings of whoever asks; what a handler keeps of them while the page is built stands for those of each."""
        return cast(Settings, _SettingsView(self._door)) if self._door.is_building else self._door.find_lab().settings

    def __getattr__(self, name: str) -> Any:
        return getattr(self._door.find_lab(), name)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{name} of a visitor's lab is not set from outside.")


class _SettingsView:
    """Stands for the settings of whoever asks; equal to them, so that nothing is remembered of one visitor for another."""

    def __init__(self, door: Door) -> None:
        self.__dict__["_door"] = door

    def __getattr__(self, name: str) -> Any:
        return getattr(self._door.find_lab().settings, name)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{name} of a visitor's settings is not set from outside.")

    def __eq__(self, other: object) -> bool:
        mine = self._door.find_lab().settings
        theirs = self._door.find_lab().settings if isinstance(other, _SettingsView) else other
        return bool(mine == theirs)

    def __hash__(self) -> int:
        return hash(self._door.find_lab().settings)
