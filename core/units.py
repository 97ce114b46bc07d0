"""Amounts written for people: one way of rounding for the page and the terminal."""

from __future__ import annotations

MIB = 2**20  # Bytes.
GIB = 2**30  # Bytes.
MINUTE = 60  # Seconds.
LONG = 90  # Seconds from which minutes are read more easily.


def format_size(size: int) -> str:
    """Write a number of bytes for people."""
    return f"{size / GIB:.1f} GiB" if size >= GIB else f"{size / MIB:.1f} MiB"


def format_seconds(seconds: float) -> str:
    """Write a duration for people."""
    return f"{seconds:.0f} s" if seconds < LONG else f"{seconds / MINUTE:.0f} min"
