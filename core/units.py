"""Amounts written for people: one way of rounding for the page and the terminal."""

from __future__ import annotations

MIB = 2**20  # Bytes.
GIB = 2**30  # Bytes.


def format_size(size: int) -> str:
    """Write a number of bytes for people."""
    return f"{size / GIB:.1f} GiB" if size >= GIB else f"{size / MIB:.1f} MiB"
