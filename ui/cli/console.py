"""What the command line shows: results on stdout, as JSON or for people; progress on stderr and in a job's files."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from core.progress import JobWriter

# Texts are shown as they are written: neither `[/b]` nor `:smile:` in a document, a row or an error means anything here.
out, err = Console(markup=False, emoji=False), Console(stderr=True, markup=False, emoji=False)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
TaskName = Annotated[str, typer.Argument(help="A task's name, or the path of a task folder.")]


def show(value: Any, as_json: bool, render: Callable[[Any], None]) -> None:
    """Print a result as JSON on stdout, or for people."""
    if as_json:
        sys.stdout.write(json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n")
    else:
        render(value)


def show_table(rows: list[dict[str, Any]], *, empty: str) -> None:
    """Print rows as a table."""
    if not rows:
        out.print(empty)
        return
    table = Table()
    for key in rows[0]:
        table.add_column(Text(key))
    for row in rows:
        table.add_row(*(Text(str(value)) for value in row.values()))  # As written: `[/b]` in a document is no markup.
    out.print(table)


def show_fields(value: dict[str, Any]) -> None:
    """Print a flat object, a line each."""
    for key, item in value.items():
        out.print(f"{key}: {item}", markup=False, highlight=False)


def warn_of(sentences: Iterable[str]) -> None:
    """Say what was left out, a line each, on stderr."""
    for sentence in sentences:
        err.print(sentence, style="yellow", markup=False, highlight=False)


class Bars:
    """Progress on stderr, one bar a stage; with a job, into the job's files too."""

    def __init__(self, job: JobWriter | None = None) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description:>8}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}", markup=False),
        )
        self._progress = Progress(*columns, console=err)
        self._tasks: dict[str, Any] = {}
        self._job = job

    def __enter__(self) -> Bars:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def __call__(self, stage: str, step: int, total: int, note: str = "", **metrics: float) -> None:
        """Show a step of a stage.

        Raises:
            Cancelled: The job was asked to stop.
        """
        if stage not in self._tasks:
            self._tasks[stage] = self._progress.add_task(stage, total=total or None, note=note)
            if self._job is not None:
                self._job.restart_clock()
        self._progress.update(self._tasks[stage], completed=step, total=total or None, note=note)
        if self._job is not None:
            self._job.report(step, total, f"{stage} {note}".strip(), **metrics)

    def check(self) -> None:
        """Ask between two steps whether to go on.

        Raises:
            Cancelled: The job was asked to stop.
        """
        if self._job is not None:
            self._job.check()

    def record(self, event: dict[str, Any]) -> None:
        """Keep an event that is no step, an evaluation or a notice, with the job; without one, say it."""
        if self._job is not None:
            self._job.record(event)
        elif event.get("kind") == "notice":
            self.say(str(event["text"]))

    def say(self, text: str) -> None:
        """Write a line above the bars."""
        self._progress.console.print(text, markup=False, highlight=False)
