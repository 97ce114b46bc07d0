"""Stored runs in the terminal: the list, two side by side, and what a gate says of them."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from core.comparison.arms import find_title
from core.evaluation.gate import Gate, GateState
from core.evaluation.run_difference import ArmChange, RunDifference
from core.evaluation.table_view import Column, TableRow, TableView
from core.evaluation.verdict import write_number
from lab.runs import RunEntry
from ui.cli.tables import print_table

SHOWN = 10  # Ids of items that a cell lists; `--json` has all.
STATES: dict[GateState, tuple[str, str]] = {
    "ok": ("Passed", "bold green"), "regression": ("Regression", "bold red"), "inconclusive": ("Inconclusive", "bold yellow"),
}  # fmt: skip


def print_entries(entries: Sequence[RunEntry], console: Console) -> None:
    """Print a list of runs, under each task its own: an id that is cut short could not be copied."""
    task = None
    for entry in entries:
        if entry.task != task:
            task = entry.task
            console.print(Text(task, style="bold"))
        marks = [word for word, holds in (("pinned", entry.pinned), ("stopped", entry.status != "ok")) if holds]
        told = f" ({', '.join(marks)})" if marks else ""
        console.print(Text(f"{entry.id}  {entry.name}{told}"), soft_wrap=True)
        for sentence in filter(None, (entry.sentence, entry.note and f"Note: {entry.note}")):
            console.print(Padding(Text(sentence, style="dim"), (0, 0, 0, 4)))


def print_difference(found: RunDifference, console: Console) -> None:
    """Print what differs between two runs."""
    settings = TableView(
        "Settings that differ",
        (Column("Setting", "setting"), Column("First", "first"), Column("Second", "second")),
        tuple(TableRow((change.name, change.before, change.after)) for change in found.settings),
    )
    if found.settings:
        print_table(settings, console)
    else:
        console.print("No setting differs.\n")
    if found.arms:
        print_table(_lay_out_arms(found), console)
    for change in found.arms:
        for word, ids in (("Right before, not now", change.lost), ("Right now, not before", change.won)):
            if ids:
                console.print(Text(f"{find_title(change.arm)}. {word}: {_list_ids(ids)}"), soft_wrap=True)
    gone = (("only in the first", found.only_first), ("only in the second", found.only_second), ("changed", found.changed))
    for word, ids in gone:
        if ids:
            console.print(Text(f"Items {word}: {_list_ids(ids)}"), soft_wrap=True)
    for note in found.notes:
        console.print(Text(f"Note: {note}", style="yellow"), soft_wrap=True)


def _lay_out_arms(found: RunDifference) -> TableView:
    titles = ("Right before, not now", "Right now, not before", f"Difference in {found.metric}", "95 % interval")
    shorts = ("lost", "won", found.metric, "95 %")
    return TableView(
        "Approaches, second run minus first",
        (Column("Approach", "approach"), *(Column(*pair, number=True) for pair in zip(titles, shorts, strict=True))),
        tuple(_lay_out_arm(change) for change in found.arms),
        footnote=f"Paired over the {found.common} items that both runs asked, by independent groups. Lost: right before and not now.",
    )


def _lay_out_arm(change: ArmChange) -> TableRow:
    title, contrast = find_title(change.arm), change.contrast
    if contrast is None:
        return TableRow((title,), remark="There is nothing to compare.")
    interval = (
        f"{contrast.ci_low:+.3f} to {contrast.ci_high:+.3f}"
        if contrast.ci_low is not None
        else f"too few independent groups ({contrast.clusters})"
    )
    return TableRow((title, str(len(change.lost)), str(len(change.won)), f"{contrast.difference:+.3f}", interval))


def print_gate(found: Gate, console: Console) -> None:
    """Print whether a run passes, and why."""
    for note in found.notes:
        console.print(Text(f"Note: {note}", style="yellow"), soft_wrap=True)
    for arm in found.arms:
        console.print(Text(arm.sentence), soft_wrap=True)
    word, style = STATES[found.state]
    console.print(
        Text(
            f"{word}: {found.run} against {found.baseline} on {found.metric}, margin {write_number(found.margin)} "
            f"(exit code {found.exit_code}).",
            style=style,
        ),
        soft_wrap=True,
    )


def _list_ids(ids: Sequence[str]) -> str:
    return ", ".join(ids[:SHOWN]) + (f" and {len(ids) - SHOWN} more" if len(ids) > SHOWN else "")
