"""A task's documents as rows and as HTML."""

from __future__ import annotations

from html import escape
from typing import Any

from lab.documents import LARGEST_LIST, Holdings
from ui.page.rendering import render_note

HEADERS = ["Document", "Title", "Words", "Passages", "Pages, rows", "Whose", "State"]


def list_rows(holdings: Holdings) -> list[list[Any]]:
    """Return the table's rows."""
    return [
        [item.origin, item.title, item.words, item.passages, item.parts, "added" if item.own else "the task's", item.state]
        for item in holdings.documents
    ]


def render_state(holdings: Holdings) -> str:
    """Say how the index stands, with what there is to do about it."""
    if not holdings.indexed:
        name, good, words = "No index", False, "Press Bring the index up to date: then it can be searched."
    elif holdings.stale:
        name, good, words = "Words only", False, "Press Bring the index up to date: then vectors are searched again too."
    elif holdings.waiting:
        name, good = "Behind", False
        words = f"{holdings.waiting} documents are new, changed or gone. Press Bring the index up to date."
    else:
        name, good, words = "Up to date", True, ""
    passages, length = (sum(getattr(item, key) for item in holdings.documents) for key in ("passages", "words"))
    more = f" (the first {LARGEST_LIST} are listed and counted)" if holdings.count > len(holdings.documents) else ""
    counts = f"{holdings.count} documents{more} · {passages:,} passages · {length:,} words"
    notes = "".join(f"<p>{escape(note)}</p>" for note in holdings.notes)
    return (
        f'<section class="card state"><span class="badge {"ok" if good else "fail"}">{name}</span> '
        f'<span class="quiet">{escape(counts)}</span>{notes}{f"<p>{words}</p>" if words else ""}</section>'
    )


def render_problems(holdings: Holdings) -> str:
    """List what the last indexing left out, and why."""
    if not holdings.problems:
        return ""
    items = "".join(f"<li><b>{escape(path)}</b>: {escape(reason)}</li>" for path, reason in holdings.problems)
    return f'<section class="card"><h3>Left out by the last indexing</h3><ul>{items}</ul>{render_note("The rest is searched.")}</section>'
