"""What approaches cost before their first answer, as the comparison records it."""

import json

import pytest

from core.generation.fake import FakeGenerator
from lab.comparison import compare_arms
from lab.index_seconds import FILE, keep_seconds, read_seconds
from lab.lab import Lab
from lab.requests import CompareRequest
from tests.conftest import HashingEmbedder, row, write_task
from tests.lab.test_rounds import Watching


@pytest.fixture
def lab(settings):
    return Lab(settings, generator=FakeGenerator({}), embedder=HashingEmbedder())


@pytest.fixture
def task(tmp_path):
    rows = [row(n, f"How high is bonus {n}?", f"{n} euros", "pay") for n in range(14)]
    return write_task(tmp_path / "tasks" / "bonuses", train=rows[:8], test=rows[8:])


def test_seconds_of_updates_add_up_until_everything_is_made_anew(tmp_path):
    keep_seconds(tmp_path, before="", after="one", seconds=3.0, whole=False)
    keep_seconds(tmp_path, before="one", after="two", seconds=2.0, whole=False)
    assert read_seconds(tmp_path, "two") == 5.0
    assert read_seconds(tmp_path, "one") is None, "of another version nothing is known"
    keep_seconds(tmp_path, before="two", after="two", seconds=9.0, whole=False)
    assert read_seconds(tmp_path, "two") == 5.0, "nothing changed"
    keep_seconds(tmp_path, before="two", after="three", seconds=4.0, whole=True)
    assert read_seconds(tmp_path, "three") == 4.0


def test_a_part_says_nothing_of_a_whole_that_was_not_timed(tmp_path):
    keep_seconds(tmp_path, before="older", after="newer", seconds=1.0, whole=False)
    assert read_seconds(tmp_path, "newer") is None
    (tmp_path / FILE).write_text("{damaged")
    assert read_seconds(tmp_path, "newer") is None
    (tmp_path / FILE).write_text(json.dumps({"version": "newer", "seconds": "soon"}))
    assert read_seconds(tmp_path, "newer") is None


def test_a_comparison_records_labels_indexing_searching_and_what_a_change_asks_for(lab, task):
    lab.library.update(lab.task(str(task)))
    request = CompareRequest(str(task), arms=("zero_shot", "base", "rag", "rag_examples"))
    comparison = compare_arms(lab, request, Watching())
    costs = {name: arm["cost"] for name, arm in comparison.run.summary["arms"].items() if "cost" in arm}
    assert {name: cost["labels"] for name, cost in costs.items()} == {"zero_shot": 0, "base": 3, "rag": 3, "rag_examples": 8}
    assert costs["rag"]["indexing_seconds"] > 0
    assert costs["base"]["indexing_seconds"] == 0
    assert costs["rag"]["search_seconds"] > 0
    assert {name: cost["upkeep"] for name, cost in costs.items()} == {
        "zero_shot": "cannot follow", "base": "cannot follow", "rag": "re-index", "rag_examples": "cannot follow",
    }  # fmt: skip
    setting = comparison.run.summary["setting"]
    assert (setting["task"], setting["mode"], setting["model"], setting["rounds"]) == ("bonuses", "free", "fake", 1)
    assert comparison.as_json()["card"]["state"] == comparison.run.summary["verdict"]["state"]
    held = compare_arms(lab, CompareRequest(str(task), arms=request.arms, mode="constrained"), Watching())
    (other,) = held.run.summary["setting"]["others"]
    assert (other["run"], other["mode"]) == (comparison.run.id, "free")
    primary = comparison.run.summary["arms"]["rag"]["primary"]
    assert other["means"]["rag"] == primary["mean"]
    assert other["intervals"]["rag"] == [primary["low"], primary["high"]]
    fewer = compare_arms(lab, CompareRequest(str(task), arms=request.arms, mode="constrained", limit=5), Watching())
    assert fewer.run.summary["setting"]["others"] == [], "other items are another exam"
