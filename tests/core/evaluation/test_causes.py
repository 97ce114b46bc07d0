"""Every answer has one cause, and the causes' losses add up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.evaluation.causes import CAUSES, count_causes, find_cause, has_evidence, measure_refusals
from core.values import Evidence, Example, Generation, Hit, Issue, Passage, Prediction

ITEM = Example("1", "q", {"answer": "19 days"}, evidence=(Evidence("loops", "The loop takes 19 working days at most."),))
NOTHING = Example("2", "q", {"answer": None})


def found(text, document="loops"):
    return Hit(Passage(document, "Loops", 0, len(text), text), 1.0)


GOOD, BAD = found("Loops. The loop takes 19 working"), found("Herons wait for nobody.")


def predict(value, *, hits=(), stage="strict", issues=(), finish="stop"):
    return Prediction("rag", "1", tuple(hits), Generation("", 1, 1, 0.1, 0.1, finish), value, tuple(issues), stage)


@pytest.mark.parametrize(
    ("item", "prediction", "mark", "cause"),
    [
        (ITEM, predict({"answer": "19 days"}), 1.0, "right"),
        (ITEM, predict(None, stage="failed"), 0.0, "not JSON"),
        (ITEM, predict(None, stage="failed", finish="length"), 0.0, "cut off"),
        (ITEM, predict({"answer": 3}, issues=[Issue("/answer", "type", "x")]), 0.0, "invalid"),
        (ITEM, predict({"answer": "3 days"}, hits=[BAD]), 0.0, "passage not found"),
        (ITEM, predict({"answer": None}, hits=[BAD]), 0.0, "passage not found"),
        (ITEM, predict({"answer": "3 days"}, hits=[BAD, GOOD]), 0.5, "passage ignored"),
        (ITEM, predict({"answer": None}, hits=[GOOD]), 0.0, "false refusal"),
        (ITEM, predict({"answer": None}), 0.0, "false refusal"),
        (ITEM, predict({"answer": "3 days"}), 0.0, "wrong"),
        (NOTHING, predict({"answer": "3 days"}, hits=[GOOD]), 0.0, "false answer"),
        (NOTHING, predict({"answer": None}), 1.0, "right"),
    ],
)
def test_the_first_thing_that_went_wrong_is_the_cause(item, prediction, mark, cause):
    assert find_cause(item, prediction, mark, metric="answer") == cause


def test_evidence_cut_by_a_passage_counts_by_half_and_only_in_its_document():
    assert has_evidence(ITEM, [GOOD])
    assert not has_evidence(ITEM, [found("The loop takes")])
    assert not has_evidence(ITEM, [found("The loop takes 19 working days at most.", "other")])
    both = Example("3", "q", {}, evidence=(*ITEM.evidence, Evidence("pay", "40 euros")))
    assert not has_evidence(both, [GOOD])
    assert has_evidence(both, [GOOD, found("Pay is 40\neuros.", "pay")])


@given(st.lists(st.tuples(st.sampled_from(["a", None, 3]), st.floats(0, 1), st.sampled_from(["strict", "failed"])), min_size=1))
def test_counts_add_up_to_the_answers_and_losses_to_the_missing_marks(rows):
    predictions = [predict(None if stage == "failed" else {"answer": value}, stage=stage) for value, _, stage in rows]
    marks = [mark for _, mark, _ in rows]
    counted = count_causes([ITEM], predictions, marks, metric="answer")
    assert sum(loss.count for loss in counted.values()) == len(rows)
    assert sum(loss.lost for loss in counted.values()) == pytest.approx(1 - sum(marks) / len(marks))
    assert list(counted) == [cause for cause in CAUSES if cause in counted]


def test_refusals_are_judged_where_null_is_right():
    items = [NOTHING, NOTHING, ITEM]
    said = [predict({"answer": None}), predict({"answer": "x"}), predict({"answer": None})]
    assert measure_refusals(items, said, metric="answer") == {"expected": 2, "given": 2, "precision": 0.5, "recall": 0.5}
    assert measure_refusals([ITEM], said[:1], metric="answer") is None
    assert measure_refusals([NOTHING], [predict(None, stage="failed")], metric="answer")["precision"] is None
