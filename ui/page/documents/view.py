"""A task's documents as rows and as HTML."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from lab.documents import LARGEST_LIST, Holdings
from ui.page.markup import render

HEADERS = ["Document", "Title", "Words", "Passages", "Pages, rows", "Whose", "State"]


def list_rows(holdings: Holdings) -> list[list[Any]]:
    """Return the table's rows."""
    return [
        [item.origin, item.title, item.words, item.passages, item.parts, "added" if item.own else "the task's", item.state]
        for item in holdings.documents
    ]


def render_state(holdings: Holdings) -> Markup:
    """Say how the index stands, with what there is to do about it."""
    name, advice = _judge(holdings)
    passages, length = (sum(getattr(item, key) for item in holdings.documents) for key in ("passages", "words"))
    more = f" (the first {LARGEST_LIST} are listed and counted)" if holdings.count > len(holdings.documents) else ""
    return render(
        "documents/state",
        name=name,
        good=not advice,
        counts=f"{holdings.count} documents{more} · {passages:,} passages · {length:,} words",
        notes=holdings.notes,
        advice=advice,
    )


def _judge(holdings: Holdings) -> tuple[str, str]:
    """Return the state of an index in a word or two, and what to do about it; nothing where it is well."""
    if not holdings.indexed:
        return "No index", "Press Bring the index up to date: then it can be searched."
    if holdings.stale:
        return "Words only", "Press Bring the index up to date: then vectors are searched again too."
    if holdings.waiting:
        return "Behind", f"{holdings.waiting} documents are new, changed or gone. Press Bring the index up to date."
    return "Up to date", ""


def render_problems(holdings: Holdings) -> Markup:
    """List what the last indexing left out, and why."""
    return render("documents/problems", problems=holdings.problems) if holdings.problems else Markup("")
