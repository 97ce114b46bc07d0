"""Beginnings of prompts that were computed, kept for the next prompts that begin alike: instruction, form, worked examples."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock

from core.generation.slots import Slots

MOST_BYTES = 256 * 2**20  # Of keys and values: 46 KB a token of the usual model, so some ten beginnings of 500 tokens.


class Beginnings:
    """Keys and values of beginnings by adapter and token ids; those unused for longest go first. Any thread may ask.

    A beginning is computed for itself, whether it is kept or not, so an answer never depends on what was asked before.

    Args:
        most_bytes: How much is kept at most.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most, self._bytes = most_bytes, 0
        self._kept: OrderedDict[tuple[str | None, tuple[int, ...]], Slots] = OrderedDict()
        self._lock = Lock()

    def find(self, adapter: str | None, tokens: Sequence[int]) -> Slots | None:
        """Return a store whose row 0 holds exactly these tokens, None where it is not kept."""
        key = (adapter, tuple(tokens))
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def keep(self, adapter: str | None, tokens: Sequence[int], slots: Slots) -> None:
        """Keep a store of these tokens, unless it alone is too large."""
        key = (adapter, tuple(tokens))
        with self._lock:
            if key in self._kept or slots.bytes > self._most:
                return
            self._kept[key] = slots
            self._bytes += slots.bytes
            while self._bytes > self._most:
                self._bytes -= self._kept.popitem(last=False)[1].bytes

    def forget(self, adapter: str | None) -> None:
        """Let go of what was computed with an adapter: it is read anew and may be another one under the same name."""
        with self._lock:
            for key in [key for key in self._kept if key[0] == adapter]:
                self._bytes -= self._kept.pop(key).bytes
