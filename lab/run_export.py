"""A stored run written into a file in somebody else's form; what lies there is never overwritten unasked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from core.comparison.runs import find_report, load_predictions, load_run
from core.errors import LabError
from core.evaluation.board import Board
from core.evaluation.report import render_report
from core.storage import write_text
from lab.boards import open_board
from lab.lab import Lab
from lab.run_names import name_run, read_label

FORMATS: Mapping[str, str] = {  # With what they hold.
    "html": "the report, one file that opens offline",
    "json": "everything",
    "csv": "a row for each item, approach and draw",
    "md": "verdict and tables",
    "junit": "a test report, a case for each item and approach",
}
SUFFIXES = {".html": "html", ".htm": "html", ".json": "json", ".csv": "csv", ".md": "md", ".xml": "junit"}
NEEDS_ITEMS = frozenset({"csv", "junit"})


def export_run(lab: Lab, run_id: str, file: Path, *, form: str | None = None, force: bool = False) -> tuple[str, str]:
    """Write a run into a file.

    Args:
        lab: Where the run lies.
        run_id: The run.
        file: Where to write.
        form: One of `FORMATS`; by default the one that the file's suffix names.
        force: Whether a file that is there is overwritten.

    Returns:
        The form, and what a reader must know of the file; empty where there is nothing.

    Raises:
        LabError: There is no such run or form, the file is there, cannot be written, or needs items that are gone.
    """
    chosen = _choose_form(file, form)
    if file.is_dir():
        raise LabError(f"{file} is a folder.", "Name a file in it.")
    if file.exists() and not force:
        raise LabError(f"{file} exists already.", "Name another file, or overwrite it with --force.")
    text, note = _write(lab, run_id, chosen)
    write_text(file, text)
    return chosen, note


def _choose_form(file: Path, form: str | None) -> str:
    chosen = form or SUFFIXES.get(file.suffix.lower(), "")
    if chosen not in FORMATS:
        asked = f"There is no form {form!r}." if form else f"The name {file.name!r} says no form."
        raise LabError(asked, f"Name one with --format: {', '.join(FORMATS)}.")
    return chosen


def _write(lab: Lab, run_id: str, form: str) -> tuple[str, str]:
    """Return a run in a form, and what a reader must know of it."""
    run, label = load_run(lab.settings, run_id), read_label(lab.settings, run_id)
    name = name_run(run, label)
    if form == "md":
        from core.evaluation.exports.markdown import write_markdown

        return write_markdown(run, name=name, note=label.note), ""
    board, missing = _open_board(lab, run_id, needed=form in NEEDS_ITEMS)
    if form == "html":
        if board is None:  # The report that was made with the run has the items.
            return find_report(lab.settings, run_id).read_text(encoding="utf-8"), f"The report as it was stored: {missing}"
        return render_report(run, board, name=name, note=label.note), board.note
    if form == "json":
        from core.evaluation.exports.document import write_document

        predictions = load_predictions(lab.settings, run_id)
        document = write_document(run, board, predictions, name=name, note=label.note)
        return json.dumps(document, ensure_ascii=False, indent=1) + "\n", board.note if board is not None else missing
    assert board is not None, "a form that needs items has them"
    if form == "csv":
        from core.evaluation.exports.spreadsheet import write_csv

        return write_csv(board), board.note
    from core.evaluation.exports.junit import write_junit

    return write_junit(run, board), board.note


def _open_board(lab: Lab, run_id: str, *, needed: bool) -> tuple[Board | None, str]:
    """Return a run's items, or why there are none where they are not needed."""
    try:
        return open_board(lab, run_id), ""
    except LabError as error:
        if needed:
            raise
        return None, str(error)
