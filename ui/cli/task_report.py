"""The data report of a task in the terminal: tables and lists, every text as it is written."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from core.comparison.description import describe_fields
from ui.cli.exam import list_exam

SHOWN_CELL = 160  # Characters of an input or an answer in the preview.
SHOWN_LIST = 10  # Sentences of one list; `--json` has all that the report has.


def print_report(report: Mapping[str, Any], console: Console) -> None:
    """Print counts, columns, labels and lengths, then what was assumed and what is wrong, which the eye comes to last."""
    _print_pairs(f"Task {report['task']}", _list_facts(report), console)
    if "columns" in report:
        _print_pairs("Columns", _list_columns(report["columns"]), console)
    fields = describe_fields(report["schema"]) if "schema" in report else {}
    if fields:
        _print_pairs("Answer", [(name, _cut(words)) for name, words in fields.items()], console)
    if report.get("exam"):
        _print_pairs("The exam", list_exam(report["exam"]), console)
    _print_lists(report, console)
    if report.get("folder"):
        _print_text(f"Written to {report['folder']}", console, style="green")


def print_preview(report: Mapping[str, Any], console: Console) -> None:
    """Print some rows as they were understood, and a whole prompt."""
    table = _table("Rows as they were understood", ("side", "id", "input", "answer"))
    for row in report["rows"]:
        answer = json.dumps(row["output"], ensure_ascii=False)
        table.add_row(*(Text(str(cell)) for cell in (row["side"], row["id"], _cut(row["input"]), _cut(answer))))
    console.print(table)
    console.print()
    _print_text("One prompt as the model reads it, with the answer to learn", console, style="bold")
    _print_text(report["prompt"], console)
    console.print()


def _list_facts(report: Mapping[str, Any]) -> list[tuple[str, str]]:
    facts = [
        ("usable", "yes" if report["usable"] else "no"),
        ("training examples", f"{report['train']:,}"),
        ("test examples", f"{report['test']:,}"),
        ("unusable rows", f"{report['invalid']:,}"),
        ("repeated inputs", f"{report['duplicates_train']:,} in train, {report['duplicates_test']:,} in test"),
        ("too alike across the split", f"{report['overlap_normalized']:,} equal, {report['overlap_near']:,} nearly"),
    ]
    if len(report["slices"]) > 1:
        facts.append(("test slices", _join_counts(report["slices"])))
    for kind, length in (report["tokens"] or {}).items():
        facts.append((f"tokens: {kind.replace('_', ' ')}", f"{length['median']:.0f} (longest {length['max']:.0f})"))
    facts += [(f"values of {field}", _join_counts(counts)) for field, counts in report["balance"].items()]
    return facts


def _join_counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{value} {count:,}" for value, count in counts.items())


def _list_columns(columns: Mapping[str, Any]) -> list[tuple[str, str]]:
    named = {"input": columns["input"], "answer": ", ".join(columns["outputs"])}
    return [*named.items(), *((key, columns[key]) for key in ("id", "group", "split") if columns.get(key))]


def _print_lists(report: Mapping[str, Any], console: Console) -> None:
    pairs = [f"{pair['train_text']} / {pair['test_text']}" for pair in report["overlap_examples"]]
    constraint = report.get("constraint") or {}
    lists: dict[str, tuple[Sequence[str], str]] = {
        "Searched for test items": (report["checked"], ""),
        "Not searched": (report["unchecked"], ""),
        "Assumed": (report.get("notes", ()), ""),
        "Constrained decoding": ([str(constraint["reason"])] if constraint.get("reason") else [], ""),
        "One value everywhere": (report["same_everywhere"], "yellow"),
        "Longer than training and answering take": (report["too_long"], "yellow"),
        "Groups on both sides": (report["groups_crossing"], "yellow"),
        "Too alike across the split": (pairs, "yellow"),
        "Documents that hold test questions with their answers": (report["document_leaks"], "yellow"),
        "Unusable rows": (report["problems"], "red"),
    }
    for title, (items, style) in lists.items():
        if items:
            more = report["invalid"] - SHOWN_LIST if title == "Unusable rows" else len(items) - SHOWN_LIST
            _print_text(title, console, style=f"bold {style}".strip())
            for item in items[:SHOWN_LIST]:
                _print_text(f"  {item}", console, style=style)
            if more > 0:
                _print_text(f"  and {more:,} more", console, style="dim")


def _print_pairs(title: str, pairs: Iterable[tuple[str, str]], console: Console) -> None:
    table = _table(title, ("", ""), header=False)
    for name, value in pairs:
        table.add_row(Text(name), Text(value))
    console.print(table)
    console.print()


def _table(title: str, columns: Sequence[str], *, header: bool = True) -> Table:
    table = Table(
        title=Text(title), title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0), show_header=header
    )
    for column in columns:
        table.add_column(Text(column), overflow="fold")
    return table


def _print_text(text: str, console: Console, *, style: str = "") -> None:
    console.print(Text(text, style=style), soft_wrap=True)  # A `Text`: brackets in it are no markup.


def _cut(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= SHOWN_CELL else flat[: SHOWN_CELL - 1] + "…"
