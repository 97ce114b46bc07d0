"""The data report of a task that is not written yet, as HTML."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from ui.page.markup import render

SHOWN_CELL = 300  # Characters of an input or an answer in the preview.


def render_report(report: Mapping[str, Any]) -> Markup:
    """Show counts, lengths, labels, bad rows, pairs across the split; a few rows as they were understood and a whole prompt."""
    rows = [["Training examples", report["train"]], ["Test examples", report["test"]], ["Unusable rows", report["invalid"]]]
    rows += [["Repeated inputs in train", report["duplicates_train"]], ["Repeated inputs in test", report["duplicates_test"]]]
    rows += [["Too alike across the split", len(report["overlap_examples"])]]
    for kind, length in (report["tokens"] or {}).items():
        rows.append([f"Tokens: {kind.replace('_', ' ')}", f"{length['median']:.0f} (longest {length['max']:.0f})"])
    for field, counts in report["balance"].items():
        rows.append([f"Values of {field}", ", ".join(f"{value} {count}" for value, count in counts.items())])
    lists = {
        "Unusable rows": report["problems"],
        "Assumed": report["notes"],
        "One value everywhere": report["same_everywhere"],
        "Longer than 2,048 tokens: left out of training, and not answerable by every approach": report["too_long"],
        "Documents that hold test questions with their answers": report["document_leaks"],
        "Too alike": [f"{pair['train_text']} / {pair['test_text']}" for pair in report["overlap_examples"]],
    }
    preview = [
        [row["side"], _cut(row["input"]), _cut(json.dumps(row["output"], ensure_ascii=False))] for row in report.get("rows", ())
    ]
    prompt = report.get("prompt", "")
    return render("task/report", usable=bool(report["usable"]), rows=rows, lists=lists, preview=preview, prompt=prompt)


def _cut(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= SHOWN_CELL else flat[: SHOWN_CELL - 1] + "…"
