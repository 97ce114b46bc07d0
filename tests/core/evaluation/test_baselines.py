from dataclasses import replace

import pytest

from core.errors import LabError
from core.evaluation.baselines import choose_majority, find_nearest, measure_baselines
from core.values import Hit, Passage


class Words:
    """Finds the training example that shares most words."""

    def __init__(self, task):
        self.task = task

    def search(self, queries, *, top_k):
        found = []
        for query in queries:
            words = set(query.lower().strip("?.").split())
            ranked = sorted(self.task.train, key=lambda e: -len(words & set(e.input.lower().strip("?.").split())))
            passages = [Passage(e.id, "", 0, 1, "x") for e in ranked for _ in range(2)]
            found.append([Hit(passage, 1.0) for passage in passages[:top_k]])
        return found


def test_majority_is_taken_field_by_field(task):
    assert choose_majority(task) == {"answer": "40 euros", "area": "pay", "sure": True}


def test_nearest_examples_are_distinct_and_of_train(task):
    (found,) = find_nearest(task, ["the walrus bonus"], Words(task), count=2)
    assert found[0].id == "x-1"
    assert len({example.id for example in found}) == 2


def test_baselines_are_marked_like_any_answer(task):
    marks = measure_baselines(task, task.test, Words(task))
    assert marks["majority"]["means"]["exact"] == 0.5
    assert marks["nearest"]["n"] == 2
    assert marks["majority"]["means"]["schema_valid"] == 1
    strict = replace(task, schema={**task.schema, "required": [*task.schema.get("required", []), "absent"]})
    assert measure_baselines(strict, task.test, Words(task))["majority"]["means"]["schema_valid"] == 0
    assert marks["majority"]["slices"] == {}
    by_part = replace(task, test=tuple(replace(item, slice=f"part {item.id}") for item in task.test))
    parts = measure_baselines(by_part, by_part.test, Words(task))["majority"]["slices"]
    assert parts == {"part x-10": 0.0, "part x-9": 1.0}
    with pytest.raises(LabError, match="no test examples"):
        measure_baselines(task, (), Words(task))
    with pytest.raises(LabError, match="no training examples"):
        choose_majority(replace(task, train=()))


def test_a_rare_optional_field_is_not_in_the_majority_answer(task):
    outputs = [{"answer": "x", "area": "pay", "sure": True}] * 3 + [{"answer": "x", "area": "pay"}]
    train = tuple(replace(task.train[0], id=str(place), output=output) for place, output in enumerate(outputs))
    assert choose_majority(replace(task, train=train))["sure"] is True
    rare = tuple(replace(example, output={"answer": "x"} if place else outputs[0]) for place, example in enumerate(train))
    assert choose_majority(replace(task, train=rare)) == {"answer": "x"}
