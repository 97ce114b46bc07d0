"""What stands below the verdict: weights and prices, name, note and files, a run against a run."""

import json

import pytest

from core.comparison.runs import load_run
from core.errors import LabError
from core.evaluation.charts.break_even import draw_costs
from core.evaluation.prices import Prices
from core.evaluation.weights import Weights
from lab.items import RunShelf
from lab.lab import Lab
from lab.run_names import find_pinned, read_label
from tests.conftest import row, write_task
from tests.core.evaluation.test_charts import check_picture
from tests.run_files import answer_right, answer_wrong, store_run
from ui.page.evaluate.against_panel import compare_two, offer_others
from ui.page.evaluate.files_panel import ENDINGS, keep_label, make_file, read_said
from ui.page.evaluate.run_choice import offer_runs
from ui.page.evaluate.weights_panel import read_prices, read_weights, weigh_run

FIRST, SECOND = "20260101-000000-bonuses-aaaa", "20260202-000000-bonuses-bbbb"
COSTS = {
    "rag": {"labels": 0, "indexing_seconds": 20.0, "training_seconds": 0.0, "upkeep": "re-index", "search_seconds": 0.01},
    "qlora": {"labels": 900, "indexing_seconds": 0.0, "training_seconds": 400.0, "upkeep": "re-train", "search_seconds": 0.0},
}


def half(item):
    return answer_right(item) if int(item.id[2:]) % 2 else answer_wrong(item)


@pytest.fixture
def lab(settings):
    rows = [row(n, f"How high is bonus {n}?", f"{n} euros", "pay") for n in range(20)]
    write_task(settings.folder("tasks") / "bonuses", train=rows[:10], test=rows[10:])
    return Lab(settings)


@pytest.fixture
def runs(lab):
    task = lab.task("bonuses")
    store_run(lab.settings, task, FIRST, {"rag": half, "qlora": answer_right})
    store_run(lab.settings, task, SECOND, {"rag": answer_right, "qlora": half}, decoding={"mode": "constrained"})
    return FIRST, SECOND


@pytest.fixture
def summary(lab, runs):
    """That of the first run, with what its arms cost."""
    found = load_run(lab.settings, FIRST).summary
    for name, cost in COSTS.items():
        found["arms"][name]["cost"] |= cost
    return found


# Weights and prices


def test_the_sentence_follows_the_weights(summary):
    marks = weigh_run(summary, Weights(), Prices())
    assert "By answer alone" in marks
    fresh = weigh_run(summary, Weights(quality=0.1, freshness=1.0), Prices())
    assert "With these weights" in fresh
    assert "RAG, worth" in fresh


def test_prices_move_the_break_even_and_the_costs(summary):
    cheap, dear = (weigh_run(summary, Weights(), Prices(label=price)) for price in (0.0, 5.0))
    assert cheap != dear
    assert "4,500" in dear, "900 labels at 5"


def test_the_curve_is_drawn_and_needs_what_was_recorded(summary):
    curve, money = draw_costs(summary)
    for chart in (curve, money):
        check_picture(chart.svg)
    assert [line.cells[0] for line in curve.table.rows] == ["RAG", "QLoRA"]
    for arm in summary["arms"].values():
        del arm["cost"]
    assert draw_costs(summary) == []


@pytest.mark.parametrize("prices", [Prices(machine_hour=0, label=0), Prices(queries=1e12, updates=1e9), Prices(label=1e15)])
def test_extreme_prices_are_drawn_inside(summary, prices):
    for chart in draw_costs(summary, prices):
        if chart.svg:
            check_picture(chart.svg)


def test_the_fields_are_read_and_empty_ones_are_usual():
    assert read_weights([1, None, 0.5, 0, 0, 0]) == Weights(latency=0.5)
    assert read_prices([None, 1, None, None, 500, None]) == Prices(million_prompt=1.0, queries=500.0)
    with pytest.raises(LabError, match="All weights are 0"):
        read_weights([0] * 6)


def test_a_run_without_a_verdict_is_a_sentence():
    assert "no marks to weigh" in weigh_run({}, Weights(), Prices())


# Name, note and files


def test_name_note_and_pin_are_kept_and_seen_in_the_list(lab, runs):
    keep_label(lab, FIRST, "Before the new index", "slow machine", True)
    assert read_label(lab.settings, FIRST).note == "slow machine"
    assert read_said(lab, FIRST)[:3] == ["Before the new index", "slow machine", True]
    assert offer_runs(lab.settings, "bonuses").choices[1] == ("Before the new index (pinned)", FIRST)
    keep_label(lab, FIRST, "", "", False)
    assert find_pinned(lab.settings, "bonuses") is None
    with pytest.raises(LabError, match="No run is chosen"):
        keep_label(lab, None, "", "", False)


@pytest.mark.parametrize("form", ENDINGS)
def test_each_form_is_made_and_made_anew(lab, runs, tmp_path, form):
    file = make_file(lab, FIRST, form, tmp_path)
    assert file.stat().st_size > 100
    assert make_file(lab, FIRST, form, tmp_path) == file
    if form == "json":
        assert len(json.loads(file.read_text())["items"]) == 10


# A run against a run


def test_what_flipped_and_what_differs_is_shown(lab, runs):
    html = compare_two(lab, RunShelf(lab), FIRST, SECOND)
    assert "10 items are the same in both" in html
    assert "▲ 5" in html, "RAG is right on five more"
    assert "▼ 5" in html, "QLoRA on five fewer"
    assert "decoding.mode" in html
    assert "x-12: How high is bonus 12?" in html


def test_the_other_runs_are_offered_and_the_pinned_one_is_chosen(lab, runs):
    assert offer_others(lab, SECOND).value is None
    keep_label(lab, FIRST, "", "", True)
    offered = offer_others(lab, SECOND)
    assert offered.value == FIRST
    assert [name for _, name in offered.choices] == [FIRST]
    assert offer_others(lab, None).choices == []
