"""A ladder: every number comes from the runs' answers, pairs are over common items, and selection is said."""

import json

import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as some

from core.errors import LabError
from core.evaluation.board import build_board
from core.evaluation.ladder import Step, build_ladder
from core.tasks.loading import load_task
from core.values import Example, Generation, Prediction
from tests.conftest import row, write_task

N = 12


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    rows = [row(number, f"Question {number}?", f"answer {number}", "pay") for number in range(N)]
    return load_task(write_task(tmp_path_factory.mktemp("tasks") / "tiny", train=[row(99, "Other?", "x", "pay")], test=rows))


def predict(item, arm, right, *, adapter=None, seconds=0.5):
    value = {"answer": item.output["answer"] if right else "nonsense", "area": "pay", "sure": True}
    made = Generation(json.dumps(value), 10, 5, seconds, seconds, "stop")
    return Prediction(arm, item.id, (), made, value, (), "strict", adapter=adapter)


# What a run holds.
def make_step(task, run, model, right, *, parameters=None, storage="nf4", items=None, memory=None, stamp=""):
    """`right`: by arm, which items (by place) it answers right."""
    items = list(task.test) if items is None else items
    answers = {
        arm: [
            predict(item, arm, place in places, adapter="a" if arm in ("qlora", "hybrid") else None)
            for place, item in enumerate(items)
        ]
        for arm, places in right.items()
    }
    generator = {"model": model, "storage": storage, "parameters": parameters}
    return Step(run, generator, memory, build_board(task, items, answers), stamp)


def test_small_and_trained_stands_against_bigger_and_untrained(task):
    small = make_step(task, "r1", "small", {"base": [], "qlora": range(10), "hybrid": range(N)}, parameters=100, memory=300.0)
    bigger = make_step(task, "r2", "big", {"base": [0], "rag": range(3)}, parameters=500)
    ladder = build_ladder([bigger, small])  # Whatever the order in which they were asked.
    assert [rung.name for rung in ladder.rungs] == [
        "small/nf4/base", "small/nf4/qlora", "small/nf4/hybrid", "big/nf4/base", "big/nf4/rag",
    ]  # fmt: skip
    first = ladder.contrasts[0]
    assert (first.a, first.b, first.n) == ("small/nf4/hybrid", "big/nf4/rag", N)
    assert first.difference == pytest.approx(0.75)
    assert len(ladder.contrasts) == 4
    assert all(item.p_holm >= item.p for item in ladder.contrasts)
    assert "beats big (nf4)" in ladder.sentence
    assert "difference +0.750, 95 % from" in ladder.sentence
    assert any("picked by these very items" in note for note in ladder.notes)
    assert ladder.rungs[0].memory_mib == 300.0
    assert ladder.rungs[3].memory_mib is None
    json.dumps(ladder.as_json(), allow_nan=False)


def test_without_training_the_same_approach_is_compared(task):
    ladder = build_ladder([
        make_step(task, "r1", "m", {"rag": range(4)}, storage="nf4"),
        make_step(task, "r2", "m", {"rag": range(5)}, storage="bf16"),
    ])  # fmt: skip
    assert [(item.a, item.b) for item in ladder.contrasts] == [("m/nf4/rag", "m/bf16/rag")]
    assert "cannot be told apart" in ladder.sentence
    assert not ladder.notes


def test_named_rungs_are_compared_and_a_wrong_name_lists_the_right_ones(task):
    steps = [make_step(task, "r1", "m", {"base": [], "rag": range(4)}), make_step(task, "r2", "n", {"base": range(9)})]
    found = build_ladder(steps, a="m/nf4/rag", b="n/nf4/base")
    assert [item.difference for item in found.contrasts] == [pytest.approx(-5 / N)]
    with pytest.raises(LabError, match="no rung 'm/nf4/x'.*m/nf4/rag"):
        build_ladder(steps, a="m/nf4/x", b="n/nf4/base")
    with pytest.raises(LabError, match="one is named"):
        build_ladder(steps, a="m/nf4/rag")


def test_only_items_asked_alike_are_compared(task):
    items = list(task.test)
    changed = [Example(items[0].id, "Another wording?", items[0].output), *items[1:6]]
    ladder = build_ladder([
        make_step(task, "r1", "m", {"rag": range(N)}),
        make_step(task, "r2", "n", {"rag": range(3)}, items=changed),
    ])  # fmt: skip
    assert ladder.contrasts[0].n == 5
    assert any("did not ask the same items" in note for note in ladder.notes)
    assert "1.00 against 0.40" in ladder.sentence  # Over the five, not all twelve and six.


def test_marks_under_a_stamp_win_nothing(task):
    small = make_step(task, "r1", "small", {"qlora": range(N)}, parameters=1, stamp="LEAKED: all.")
    big = make_step(task, "r2", "big", {"rag": []}, parameters=2)
    ladder = build_ladder([small, big])
    assert ladder.contrasts[0].difference == 1
    assert "1.00 against 0.00, and neither is said to be better" in ladder.sentence
    assert "beat" not in ladder.sentence
    assert "r1: LEAKED: all." in ladder.notes


def test_the_sentence_is_about_marks_without_a_stamp_where_there_are_any(task):
    small = make_step(task, "r1", "small", {"qlora": range(N)}, parameters=1)
    big = make_step(task, "r2", "big", {"rag": range(5)}, parameters=2, stamp="LEAKED: all.")
    bigger = make_step(task, "r3", "bigger", {"rag": range(2)}, parameters=3)
    assert "small (nf4) with QLoRA beats bigger (nf4) with RAG" in build_ladder([small, big, bigger]).sentence


def test_a_model_of_unknown_size_is_never_the_smallest(task):
    unknown = make_step(task, "r1", "unknown", {"base": [0], "qlora": range(N)})
    small = make_step(task, "r2", "small", {"base": [], "qlora": range(9)}, parameters=7)
    ladder = build_ladder([unknown, small])
    assert [rung.model for rung in ladder.rungs] == ["small", "small", "unknown", "unknown"]
    assert [(item.a, item.b) for item in ladder.contrasts] == [("small/nf4/qlora", "unknown/nf4/base")]
    neither = build_ladder([unknown, make_step(task, "r3", "other", {"base": range(3)})])
    assert [(item.a, item.b) for item in neither.contrasts] == [("unknown/nf4/base", "other/nf4/base")]


def test_runs_of_one_model_and_storage_do_not_replace_each_other(task):
    ladder = build_ladder([make_step(task, name, "m", {"rag": right}) for name, right in (("r1", range(N)), ("r2", []))])
    assert [rung.name for rung in ladder.rungs] == ["m/nf4/rag@r1", "m/nf4/rag@r2"]
    assert [rung.mark.mean for rung in ladder.rungs] == [1, 0]
    assert "m (nf4, run r1) with RAG beats m (nf4, run r2) with RAG" in ladder.sentence


def test_one_run_and_no_common_item_are_sentences(task):
    one = make_step(task, "r1", "m", {"rag": [1]})
    assert "nothing to compare" in build_ladder([one]).sentence
    other = make_step(task, "r2", "n", {"rag": [0]}, items=[Example("else", "Else?", task.test[0].output)])
    found = build_ladder([one, other], lost=["r3: gone"])
    assert not found.contrasts
    assert "r3: gone" in found.notes


@limits(deadline=None)
@given(some.lists(some.sets(some.integers(0, N - 1)), min_size=2, max_size=3))
def test_a_difference_is_that_of_the_marks(task, rights):
    steps = [make_step(task, f"r{place}", f"m{place}", {"rag": right}) for place, right in enumerate(rights)]
    ladder = build_ladder(steps)
    marks = {rung.name: rung.mark.mean for rung in ladder.rungs}
    for item in ladder.contrasts:
        assert item.difference == pytest.approx(marks[item.a] - marks[item.b])
    json.dumps(ladder.as_json(), allow_nan=False)
