"""The walk to a task of one's own, as HTML: its steps, previews, the data report, what is missing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from markupsafe import Markup

from core.values import Document
from ui.page.markup import render

StepState = Literal["waiting", "now", "done", "failed"]
SHOWN_CELL = 300  # Characters of an input or an answer in the preview.
SHOWN_DOCUMENTS = 8
SHOWN_BEGINNING = 120  # Characters of a document.
TITLES = ("Rows", "Documents and schema", "Look and make")


def render_steps(states: Sequence[tuple[StepState, str]]) -> Markup:
    """Show how far the walk is: for each step its state, and a few words."""
    return render(
        "task/steps", steps=[{"title": title, "state": state, "text": text} for title, (state, text) in zip(TITLES, states, strict=True)]
    )  # fmt: skip


def render_rows(report: Mapping[str, Any]) -> Markup:
    """Show a few rows as they were understood, and what was assumed."""
    shown = [
        [row["side"], _cut(row["input"]), _cut(json.dumps(row["output"], ensure_ascii=False))] for row in report.get("rows", ())
    ]
    return render(
        "task/rows", train=report["train"], test=report["test"], unusable=report["invalid"], rows=shown, notes=report["notes"]
    )  # fmt: skip


def render_failed(text: str) -> Markup:
    """Say why something cannot be used yet."""
    return render("task/failed", text=text)


def render_documents(documents: Sequence[Document], unread: Sequence[str]) -> Markup:
    """Show which documents can be read and how each begins, and name the others."""
    rows = [
        [document.title or document.id, f"{len(document.text):,}", _cut(document.text, SHOWN_BEGINNING)]
        for document in documents[:SHOWN_DOCUMENTS]
    ]
    more = max(0, len(documents) - SHOWN_DOCUMENTS)
    return render("task/documents", rows=rows, more=more, unread=unread, count=len(documents) + len(unread))


def render_report(report: Mapping[str, Any]) -> Markup:
    """Show counts, lengths, labels, bad rows, pairs across the split, and a whole prompt."""
    rows = [["Training examples", report["train"]], ["Test examples", report["test"]], ["Unusable rows", report["invalid"]]]
    rows += [["Repeated inputs in train", report["duplicates_train"]], ["Repeated inputs in test", report["duplicates_test"]]]
    rows += [["Too alike across the split", len(report["overlap_examples"])]]
    for kind, length in (report["tokens"] or {}).items():
        rows.append([f"Tokens: {kind.replace('_', ' ')}", f"{length['median']:.0f} (longest {length['max']:.0f})"])
    for field, counts in report["balance"].items():
        rows.append([f"Values of {field}", ", ".join(f"{value} {count}" for value, count in counts.items())])
    lists = {
        "Unusable rows": report["problems"],
        "One value everywhere": report["same_everywhere"],
        "Longer than 2,048 tokens: left out of training, and not answerable by every approach": report["too_long"],
        "Documents that hold test questions with their answers": report["document_leaks"],
        "Too alike": [f"{pair['train_text']} / {pair['test_text']}" for pair in report["overlap_examples"]],
    }
    return render("task/report", usable=bool(report["usable"]), rows=rows, lists=lists, prompt=report.get("prompt", ""))


def render_missing(missing: Sequence[str], hints: Sequence[str]) -> Markup:
    """Say what must be mended before the task can be made, and what is good to know."""
    return render("task/missing", missing=list(missing), hints=list(hints))


def render_made(name: str, title: str, *, train: int, test: int, documents: int) -> Markup:
    """Say that a task was made."""
    return render("task/made", name=name, title=title, train=train, test=test, documents=documents)


def render_belongings(sentence: str, told: Sequence[str] = ()) -> Markup:
    """Say how a task can be changed, and what hangs on it."""
    return render("task/belongings", sentence=sentence, told=list(told))


def _cut(text: str, limit: int = SHOWN_CELL) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"
