"""Answers that are as right as the expected one earn what it earns, and nothing else does."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import LabError
from core.evaluation.acceptance import choose_expected, score_example
from core.evaluation.scoring import score_answer
from core.tasks.loading import load_task
from core.values import Example

SCHEMA = {
    "type": "object",
    "properties": {
        "answer": {"type": ["string", "null"], "x-score": "text"},
        "points": {"type": "array", "items": {"type": "string", "maxLength": 20}},
        "level": {"enum": ["low", "high"]},
    },
    "required": ["answer", "points"],
}
ITEM = Example(
    "1", "q", {"answer": "20 minutes", "points": ["rank r", "alpha"]},
    accept={"answer": ["more than 20 minutes", None], "points": {"rank r": ["the rank", "r"]}, "level": ["low"]},
)  # fmt: skip


@pytest.mark.parametrize("answer", ["20 minutes", "more than 20 minutes", None])
@pytest.mark.parametrize("points", [["rank r", "alpha"], ["alpha", "The rank"], ["r", "alpha"]])
@pytest.mark.parametrize("more", [{}, {"level": "low"}])
def test_every_accepted_answer_is_exactly_right(answer, points, more):
    score = score_example({"answer": answer, "points": points, **more}, ITEM, SCHEMA)
    assert (score.score, score.exact) == (1.0, 1.0)


def test_what_is_not_accepted_earns_no_more_than_before():
    wrong = {"answer": "30 days", "points": ["beta"], "level": "high"}
    score = score_example(wrong, ITEM, SCHEMA)
    assert score.fields == {"answer": 0.0, "points": 0.0, "level": 0.0}
    half = score_example({"answer": "20 minutes", "points": ["r", "the rank"]}, ITEM, SCHEMA)
    assert half.fields["points"] == 0.5  # One item said twice is one item.
    assert score_example("20 minutes", ITEM, SCHEMA).score == 0.0


def test_a_partly_right_answer_is_marked_against_the_nearest():
    assert score_example({"answer": "more than 20", "points": []}, ITEM, SCHEMA).fields["answer"] == pytest.approx(6 / 7)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["answer", "points", "level", "x"]), inner)))  # fmt: skip
def test_accepting_more_never_costs_a_mark(value):
    few = score_answer(value, ITEM.output, SCHEMA)
    more = score_example(value, ITEM, SCHEMA)
    for name in few.fields:
        if name in ITEM.output:
            assert more.fields[name] >= few.fields[name]


def test_without_accept_the_expected_object_is_the_output():
    assert choose_expected({"answer": "x"}, Example("1", "q", {"answer": "y"}), SCHEMA) == {"answer": "y"}


@pytest.mark.parametrize(
    ("accept", "problem"),
    [
        ({"answer": [7]}, "accept/answer"),
        ({"answer": "20"}, "accept/answer: must be"),
        ({"points": {"beta": ["b"]}}, "accept/points: 'beta' is not in the output"),
        ({"points": {"rank r": ["a wording of more than twenty letters"]}}, "accept/points"),
        (["20"], "accept: must be"),
        ({"other": [1]}, "accept/other"),
    ],
)
def test_accept_that_does_not_fit_is_named(tmp_path, accept, problem):
    folder = tmp_path / "task"
    folder.mkdir()
    (folder / "task.toml").write_text('title = "t"\ndescription = "d"\ninstruction = "i"\n')
    (folder / "schema.json").write_text(json.dumps({**SCHEMA, "additionalProperties": False}))
    row = {"id": "1", "input": "q", "output": ITEM.output, "accept": accept}
    for split in ("train", "test"):
        (folder / f"{split}.jsonl").write_text(json.dumps(row) + "\n")
    with pytest.raises(LabError, match=problem):
        load_task(folder)
    row["accept"] = ITEM.accept
    for split in ("train", "test"):
        (folder / f"{split}.jsonl").write_text(json.dumps(row) + "\n")
    task = load_task(folder)
    assert task.test[0].accept == ITEM.accept
    plain = Example("1", "q", ITEM.output)
    assert task.hash_split(task.test) != task.hash_split((plain,))
