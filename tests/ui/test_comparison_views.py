"""What report, page and terminal show of a comparison."""

import html
import io

import pytest
from rich.console import Console

from core.comparison.arms import ARMS, Arm
from core.generation.fake import FakeGenerator
from lab.comparison import compare_arms
from lab.jobs import CompareRequest
from lab.lab import Lab
from tests.conftest import row, write_task
from ui.cli.console import Bars
from ui.cli.tables import print_comparison
from ui.page.rendering import render_summary


@pytest.fixture
def lab(settings, monkeypatch):
    monkeypatch.setattr(Lab, "load_generator", lambda self: FakeGenerator())
    return Lab(settings)


@pytest.fixture
def long_task(tmp_path):
    """Enough independent items for a verdict between arms."""
    rows = [row(number, f"How high is bonus {number}?", f"{number} euros", "pay") for number in range(20)]
    return str(write_task(tmp_path / "tasks" / "bonuses", train=rows[:10], test=rows[10:]))


def show_all(comparison):
    """Return what report, page and terminal show, as text."""
    console = Console(file=io.StringIO(), width=200)
    print_comparison(comparison.as_json(), console)
    report = (comparison.folder / "report.html").read_text()
    return {
        "report": html.unescape(report),
        "page": html.unescape(render_summary(comparison.run.summary)),
        "terminal": console.file.getvalue(),
    }


def test_a_seventh_arm_is_one_more_row(lab, long_task, monkeypatch):
    monkeypatch.setitem(ARMS, "five_shots", Arm("five_shots", "Five examples", shots=5))
    request = CompareRequest(long_task, arms=("base", "five_shots", "qlora"))
    comparison = compare_arms(lab, request, Bars())
    summary = comparison.run.summary
    assert summary["arms"]["five_shots"]["status"] == "ok"
    assert ("five_shots", "base") in {(item["a"], item["b"]) for item in summary["contrasts"]}
    assert summary["verdict"]["sentence"].startswith("Base model and Five examples are equivalent")
    for text in show_all(comparison).values():
        assert "Five examples" in text
        assert "not run. there is no" in text.lower()
        assert summary["verdict"]["sentence"] in text


def test_an_arm_that_is_one_no_longer_shows_under_its_name(lab, long_task, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setitem(ARMS, "five_shots", Arm("five_shots", "Five examples", shots=5))
        comparison = compare_arms(lab, CompareRequest(long_task, arms=("base", "five_shots")), Bars())
    shown = show_all(comparison)
    assert "five_shots" in shown["page"]
    assert "five_shots" in shown["terminal"]
