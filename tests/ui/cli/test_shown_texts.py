"""Whatever stands in rows, documents and errors, the terminal shows it as it is written."""

import io
import sys

import pytest
from rich.console import Console

from core.errors import LabError
from ui.cli import console as shared
from ui.cli.main import run_command
from ui.cli.task_report import print_preview, print_report

HOSTILE = ["[/b]", "[x]", "[bold]loud[/bold]", "[/]", ":smile:", "[link=http://x]y[/link]", "\\[x]", "[red", "{0} %s"]


def report(text):
    return {
        "task": text, "usable": False, "train": 1, "test": 1, "invalid": 30, "slices": {text: 1, "b": 1}, "duplicates_train": 0,
        "duplicates_test": 0, "overlap_normalized": 0, "overlap_near": 0, "overlap_examples": [{"train_text": text, "test_text": text}],
        "tokens": {"prompt": {"median": 3.0, "max": 4.0}}, "balance": {text: {text: 2}}, "checked": [text], "unchecked": [text],
        "notes": [text], "constraint": None, "same_everywhere": [text], "too_long": [text], "groups_crossing": [text],
        "document_leaks": [text], "problems": [text] * 20, "columns": {"input": text, "outputs": [text], "id": text},
        "schema": {"properties": {text: {"enum": [text]}, "b": {"type": "array", "items": {"type": "string"}}}},
        "rows": [{"side": "train", "id": text, "input": text, "output": {text: text}}], "prompt": text, "folder": text,
    }  # fmt: skip


def draw(show, text):
    console = Console(file=io.StringIO(), width=200, emoji=True, markup=True)
    show(report(text), console)
    return console.file.getvalue()


@pytest.mark.parametrize("text", HOSTILE)
def test_the_report_and_the_preview_show_texts_as_written(text):
    written = draw(print_report, text)
    assert written.count(text) >= 20
    assert "and 20 more" in written
    assert draw(print_preview, text).count(text) >= 3


@pytest.mark.parametrize("text", HOSTILE)
def test_tables_fields_warnings_and_errors_show_texts_as_written(monkeypatch, capsys, text):
    shared.show_table([{text: text}], empty="")
    shared.show_fields({text: text})
    shared.out.print(text)
    shared.warn_of([text])

    def fail():
        raise LabError(f"This is {text}.")

    monkeypatch.setattr(sys, "argv", ["ragft"])
    with pytest.raises(SystemExit, match="2"):
        run_command(fail)
    found = capsys.readouterr()
    assert found.out.count(text) >= 5
    assert found.err.count(text) >= 2
