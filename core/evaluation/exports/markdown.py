"""A run as Markdown, for a wiki or a pull request: verdict, reasons, notes and the tables."""

from __future__ import annotations

import re
from collections.abc import Iterator

from core.comparison.runs import Run
from core.evaluation.layout import lay_out
from core.evaluation.table_view import TableView

# What Markdown, or the HTML in it, would take for something else.
SPECIAL = re.compile(r"([\\`*_\[\]<>|#~])")


def write_markdown(run: Run, *, name: str, note: str = "") -> str:
    """Return verdict, card and tables of a run.

    Args:
        run: The run.
        name: What people call it.
        note: What a person wrote beside it.
    """
    view = lay_out(run.summary)
    about = f"Run {run.id}, {run.created}, status {run.status}, model {(run.config.get('generator') or {}).get('model', '?')}"
    lines = [f"# {escape(name)}", escape(about)]
    lines += [f"**{escape(view.stamp)}**"] if view.stamp else []
    lines.append(f"> {escape(view.verdict)}")
    if view.card is not None:
        told = [*view.card.reasons, *view.card.effects, view.card.smallest, *view.card.flips]
        lines.append("\n".join(f"- {escape(sentence)}" for sentence in told if sentence))
    lines += [escape(sentence) for sentence in view.notes]
    lines += [f"Note: {escape(note)}"] if note else []
    for table in view.tables:
        lines.append("\n\n".join(_write_table(table)))
    return "\n\n".join(filter(None, lines)) + "\n"


def escape(text: str) -> str:
    """Return a text on one line that Markdown shows as it is."""
    return SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _write_table(table: TableView) -> Iterator[str]:
    yield f"## {escape(table.title)}"
    if table.lead:
        yield escape(table.lead)
    lines = [
        [escape(column.title) for column in table.columns],
        ["---:" if column.number else "---" for column in table.columns],
    ]
    for row in table.rows:
        cells = [escape(cell) for cell in row.cells] + ([escape(row.remark)] if row.remark else [])
        lines.append(cells + [""] * (len(table.columns) - len(cells)))
    yield "\n".join(f"| {' | '.join(line)} |" for line in lines)
    if table.footnote:
        yield escape(table.footnote)
