"""What controls tell, and that they are no rivals."""

from dataclasses import replace

import numpy as np
import pytest

from core.comparison.arms import ARMS, is_control
from core.evaluation.controls import TITLES, lay_out_controls, measure_controls
from core.evaluation.layout import lay_out
from core.evaluation.registration import register
from core.evaluation.statistics import Sample
from core.evaluation.summary import Answered, summarize
from core.values import Evidence, Example, Generation, Hit, Passage, Prediction

COUNT = 120
ITEMS = [Example(f"x-{n}", f"q{n}", {"answer": str(n), "area": "pay", "sure": True}, group=str(n), evidence=(Evidence("d", f"e{n}"),)) for n in range(COUNT)]  # fmt: skip
CLUSTERS = [str(n) for n in range(COUNT)]
MEANS = {"base": 0.2, "rag": 0.5, "oracle": 0.7, "wrong_passage": 0.25, "qlora": 0.4, "shuffled": 0.1}


def right(count):
    """Return marks of which the first ones are full."""
    return [float(n < count) for n in range(COUNT)]


def samples(**means):
    return {name: Sample(name, right(round(mean * COUNT))) for name, mean in means.items()}


def tell(*, items=ITEMS, predictions=None, clusters=CLUSTERS, **means):
    return measure_controls(items, predictions or {}, samples(**means), clusters)


def test_each_control_gives_its_numbers_with_intervals():
    told = tell(**MEANS)
    sizes = {item.name: (item.arm, item.control, round(item.size, 3)) for item in told.findings}
    assert sizes == {
        "right": ("rag", "oracle", 0.7), "search": ("rag", "oracle", 0.2), "reading": ("rag", "oracle", 0.3),
        "wrong": ("rag", "wrong_passage", 0.25), "content": ("rag", "wrong_passage", 0.25),
        "presence": ("rag", "wrong_passage", 0.05), "shuffled": ("qlora", "shuffled", 0.1), "pairs": ("qlora", "shuffled", 0.3),
    }  # fmt: skip
    assert all(item.low < item.size < item.high for item in told.findings)
    assert set(sizes) == set(TITLES)
    first, second, third = told.sentences
    assert first.startswith("With the right passage RAG would reach 0.70 (0.61 to 0.77): the search loses 0.20 (0.1")
    assert "; reading loses 0.30 (0.23 to 0.39)." in first
    assert second.startswith("With another item's passage RAG has 0.25 (0.18 to 0.33): the passages' content brings 0.25 (")
    assert "Against no passages at all, wrong ones make a difference of 0.05 (" in second
    assert third.startswith("Trained on shuffled answers the adapter has 0.10 (0.06 to 0.17): form and frequencies alone. The right answer at each question brings 0.30 (")  # fmt: skip


@pytest.mark.parametrize(("rag", "words"), [(0.7, "is not sure: 0.00 (-0.0"), (0.9, "serve better than the right one alone (difference -0.20 (")])  # fmt: skip
def test_a_loss_that_is_not_sure_or_none_is_not_claimed(rag, words):
    (sentence,) = tell(rag=rag, oracle=0.7).sentences
    assert words in sentence
    assert "the search loses 0" not in sentence


def test_a_control_without_its_approach_tells_its_own_mean_alone():
    told = tell(oracle=0.7, wrong_passage=0.3, shuffled=0.1)
    assert [item.name for item in told.findings] == ["right", "reading", "wrong", "shuffled"]
    assert "RAG itself did not answer, so what the search loses is not known" in told.sentences[0]
    assert tell(rag=0.5, base=0.1).as_json() == {"findings": [], "sentences": []}


def test_too_few_groups_are_said_and_nothing_breaks():
    told = tell(**MEANS, clusters=["one"] * COUNT)
    differences = [item for item in told.findings if item.name in {"search", "content", "presence", "pairs"}]
    assert all(item.low is None for item in differences)
    assert "too few independent groups for an interval" in told.sentences[0]
    table = lay_out_controls({"primary_metric": "answer", "controls": told.as_json()}, "")
    assert len(table.rows) == len(told.findings)
    assert "nan" not in str(table).lower()


def predict(arm, item, hits=(), *, text="{}", value=None):
    return Prediction(arm, item.id, hits, Generation(text, 9, 3, 0.1, 0.1, "stop"), value or {}, (), "strict")


def test_it_is_counted_how_often_the_search_brought_the_evidence():
    hit = {n: Hit(Passage("d", "", 0, 9, f"e{n} and more"), 1.0) for n in range(COUNT)}
    items = [*ITEMS[:100], *(replace(item, evidence=()) for item in ITEMS[100:])]
    answers = [predict("rag", item, (hit[n],) if n < 40 else ()) for n, item in enumerate(items)]
    (sentence,) = tell(items=items, predictions={"rag": [*answers, *answers]}, rag=0.5, oracle=0.7).sentences
    assert "The search brought the evidence of 40 of the 100 items that name some. 20 items name none" in sentence


def summarize_arms(task, **means):
    """Summarize arms of which each answers a share of the items right."""
    task = replace(task, test=tuple(ITEMS), train=())
    noise = np.random.default_rng(0)
    predictions = {}
    for name, mean in means.items():
        known = noise.permutation(COUNT) < round(mean * COUNT)
        values = [item.output if good else {**item.output, "answer": "no"} for item, good in zip(ITEMS, known, strict=True)]
        predictions[name] = [predict(name, item, value=value) for item, value in zip(ITEMS, values, strict=True)]
    return summarize(task, ITEMS, Answered(predictions)).as_json()


def test_controls_are_no_rivals_whatever_they_reach(task):
    alone = summarize_arms(task, base=0.2, rag=0.6)
    spied = summarize_arms(task, base=0.2, rag=0.6, oracle=0.99, wrong_passage=0.2, oracle_hybrid=0.95)
    assert alone["verdict"]["arm"] == spied["verdict"]["arm"] == "rag"
    assert spied["verdict"] == alone["verdict"]
    assert spied["contrasts"] == alone["contrasts"], "nor are they in the family whose p are corrected"
    assert list(spied["arms"])[-3:] == ["oracle", "wrong_passage", "oracle_hybrid"]
    assert {name for name, arm in spied["arms"].items() if arm["control"]} == {"oracle", "wrong_passage", "oracle_hybrid"}


@pytest.mark.parametrize(("means", "words"), [({"rag": 0.5}, "Only one arm"), ({}, "No arm but controls")])
def test_controls_alone_are_no_comparison(task, means, words):
    summary = summarize_arms(task, oracle=0.7, wrong_passage=0.2, **means)
    assert summary["verdict"]["state"] == "invalid"
    assert summary["verdict"]["sentence"].startswith(words)
    assert len(summary["controls"]["sentences"]) == 2
    assert lay_out(summary).tables


def test_the_table_stands_in_the_layout_and_older_runs_have_none(task):
    summary = summarize_arms(task, base=0.2, rag=0.6, oracle=0.9)
    (table,) = [table for table in lay_out(summary).tables if table.title == "Controls"]
    assert summary["controls"]["sentences"][0] in table.lead
    assert [row.cells[0] for row in table.rows][0] == "RAG with the right passage"
    approaches = next(table for table in lay_out(summary).tables if table.title == "Approaches")
    assert [row.cells[0] for row in approaches.rows][-1] == "Control: right passage"
    older = {name: value for name, value in summary.items() if name != "controls"}
    assert not [table for table in lay_out(older).tables if table.title == "Controls"]


def test_controls_are_not_registered_as_rivals(task):
    plain = register(task, ITEMS, ("base", "rag"))
    assert register(task, ITEMS, ("base", "oracle", "rag", "shuffled")) == plain
    assert all(is_control(name) == ARMS[name].is_control for name in ARMS)
