"""What report, page and terminal show of a comparison."""

import html
import io
from dataclasses import replace

import pytest
from rich.console import Console

from core.comparison.arms import ARMS, Arm
from core.evaluation.layout import lay_out
from core.evaluation.report import render_report
from core.generation.fake import FakeGenerator
from lab.comparison import compare_arms
from lab.lab import Lab
from lab.requests import CompareRequest
from tests.conftest import row, write_task
from ui.cli.console import Bars
from ui.cli.tables import print_comparison, print_quality
from ui.page.evaluate.view import render_summary

GOOD = '{{"answer": "{} euros", "area": "pay", "sure": true}}'
EVIL = "short[/b]<i>"
SEVENTH = Arm("five_shots", "Five examples", shots=5)


@pytest.fixture
def lab(settings, monkeypatch):
    """Answers half of the questions right."""
    answers = {(None, f"Question: How high is bonus {number}?"): GOOD.format(number) for number in range(10, 15)}
    monkeypatch.setattr(Lab, "load_generator", lambda self: FakeGenerator(answers))
    return Lab(settings)


@pytest.fixture
def task(tmp_path, lab):
    """Enough independent items for a verdict between arms, in two slices."""
    slices = {True: EVIL, False: "long"}
    rows = [row(n, f"How high is bonus {n}?", f"{n} euros", "pay", slice=slices[n % 2 == 0]) for n in range(20)]
    return lab.task(str(write_task(tmp_path / "tasks" / "bonuses", train=rows[:10], test=rows[10:])))


def compare(lab, task, *arms):
    return compare_arms(lab, CompareRequest(str(task.folder), arms=arms), Bars()).run


def show(lab, task, run, *, width=200):
    """Return the HTML of report and page, and what the terminal shows."""
    console = Console(file=io.StringIO(), width=width)
    print_comparison({**run.summary, "report": "report.html"}, console)
    return {
        "report": render_report(run),
        "page": str(render_summary(run.summary)),
        "terminal": console.file.getvalue(),
    }


def test_a_seventh_arm_is_one_more_row(lab, task, monkeypatch):
    monkeypatch.setitem(ARMS, SEVENTH.name, SEVENTH)
    run = compare(lab, task, "base", SEVENTH.name)
    assert run.summary["arms"][SEVENTH.name]["status"] == "ok"
    assert (SEVENTH.name, "base") in {(item["a"], item["b"]) for item in run.summary["contrasts"]}
    assert run.summary["verdict"]["state"] == "inconclusive", "10 items show no equivalence"
    for text in show(lab, task, run).values():
        assert "Five examples - Base model" in text
        assert run.summary["verdict"]["sentence"] in " ".join(html.unescape(text).split())
    assert "Five examples" in (lab.settings.folder("runs") / run.id / "report.html").read_text()


def test_an_arm_that_is_one_no_longer_shows_under_its_name(lab, task, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setitem(ARMS, SEVENTH.name, SEVENTH)
        run = compare(lab, task, "base", SEVENTH.name)
    for text in show(lab, task, run).values():
        assert "five_shots - Base model" in text


def test_report_page_and_terminal_show_the_same_tables(lab, task):
    run = compare(lab, task, "base", "zero_shot")
    view = lay_out(run.summary)
    shown = {name: html.unescape(text) for name, text in show(lab, task, run).items()}
    # Two arms and three baselines: ten pairs on the metric, one on validity, one on each slice.
    assert [(table.title, len(table.rows)) for table in view.tables] == [
        ("Approaches", 5),
        ("Where marks are lost", 2),
        ("Differences", 13),
        ("Slices", 10),
        ("What it takes", 2),
        ("Seconds, item against item", 1),
        ("What it costs", 2),
        ("Slips", 5),
    ]
    for table in view.tables:
        for text in shown.values():
            assert table.title in text
            assert " ".join(table.lead.split()) in " ".join(text.split())
            assert " ".join(table.footnote.split()) in " ".join(text.split())
        for column in table.columns:
            assert column.title in shown["report"]
            assert column.title in shown["page"]
            assert column.short in shown["terminal"]
        for line in table.rows:
            places = ["report", "page"] if line.minor else list(shown)
            assert [name for name in places if any(cell not in shown[name] for cell in line.cells)] == []


def test_stamp_notes_and_missing_arms_are_shown_everywhere(lab, task):
    run = compare(lab, task, "base", "rag")
    run = replace(run, summary={**run.summary, "leakage": "LEAKED: all of it.", "notes": ["RAG saw <less> [/b]."]})
    for text in map(html.unescape, show(lab, task, run).values()):
        assert "LEAKED: all of it." in text
        assert "RAG saw <less> [/b]." in text
        assert "Approaches (stamped, see above)" in text
        assert "Not run. There is no index of bonuses." in text


def test_a_run_stopped_at_once_says_so_everywhere(lab, task):
    run = replace(compare(lab, task, "base"), summary={})
    for text in show(lab, task, run).values():
        assert "This run was stopped before any arm had finished." in text


def test_names_are_shown_as_written(lab, task):
    shown = show(lab, task, compare(lab, task, "base", "zero_shot"))
    assert EVIL in shown["terminal"]
    for name in ("report", "page"):
        assert EVIL not in shown[name]
        assert html.escape(EVIL) in shown[name]


def test_markup_in_a_search_mode_is_shown_as_written():
    interval = {"mean": 0.5, "low": 0.25, "high": 0.75}
    recall = dict.fromkeys(("1", "2", "3", "5", "10"), interval)
    quality = {"questions": 8, "recall": recall, "mrr@10": interval, "ndcg@10": interval}
    console = Console(file=io.StringIO(), width=100)
    print_quality({"dense[/b]": quality}, console)
    assert "dense[/b]" in console.file.getvalue()
    assert "0.250-0.750" in console.file.getvalue()


def test_a_hundred_columns_are_enough(lab, task):
    run = compare(lab, task, "base", "zero_shot", "rag")
    lines = show(lab, task, run, width=100)["terminal"].splitlines()
    # Notes are not broken: the commands in them are copied.
    assert max(len(line) for line in lines if not line.startswith("Note: ")) <= 100
    (head,) = (line for line in lines if line.startswith("approach") and "JSON" in line)
    assert head.split() == [
        "approach",
        "n",
        "answer",
        "95",
        "%",
        "JSON",
        "schema",
        "right",
        "mark",
        "s",
        "each",
        "prompt",
        "new",
    ]
    assert any("0.237 to 0.763" in line for line in lines)
    assert not any("…" in line for line in lines)


def test_the_terminal_counts_what_it_leaves_to_the_report(lab, task):
    run = compare(lab, task, "base", "zero_shot")
    shown = show(lab, task, run)
    assert " more rows, none clear of 0, stand in the report." in shown["terminal"]
    assert "schema_valid" not in shown["terminal"]
    assert "schema_valid" in shown["page"]
