from dataclasses import replace

import pytest

from core.errors import LabError
from core.evaluation.baselines import Material, choose_majority, find_nearest, list_baselines, measure_baselines
from core.evaluation.dictionary import answer_by_dictionary
from core.evaluation.sentence_reader import answer_with_spans, read_sentences
from core.values import Document, Example, Hit, Passage


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
    marks = measure_baselines(task, task.test, Material(Words(task)))
    assert marks["majority"]["means"]["exact"] == 0.5
    assert marks["nearest"]["n"] == 2
    assert marks["majority"]["means"]["schema_valid"] == 1
    strict = replace(task, schema={**task.schema, "required": [*task.schema.get("required", []), "absent"]})
    assert measure_baselines(strict, task.test, Material(Words(task)))["majority"]["means"]["schema_valid"] == 0
    assert marks["majority"]["slices"] == {}
    by_part = replace(task, test=tuple(replace(item, slice=f"part {item.id}") for item in task.test))
    parts = measure_baselines(by_part, by_part.test, Material(Words(task)))["majority"]["slices"]
    assert parts == {"part x-10": 0.0, "part x-9": 1.0}
    with pytest.raises(LabError, match="no test examples"):
        measure_baselines(task, (), Material(Words(task)))
    with pytest.raises(LabError, match="no training examples"):
        choose_majority(replace(task, train=()))


def test_a_rare_optional_field_is_not_in_the_majority_answer(task):
    outputs = [{"answer": "x", "area": "pay", "sure": True}] * 3 + [{"answer": "x", "area": "pay"}]
    train = tuple(replace(task.train[0], id=str(place), output=output) for place, output in enumerate(outputs))
    assert choose_majority(replace(task, train=train))["sure"] is True
    rare = tuple(replace(example, output={"answer": "x"} if place else outputs[0]) for place, example in enumerate(train))
    assert choose_majority(replace(task, train=rare)) == {"answer": "x"}


def test_a_sentence_answers_with_the_number_or_the_name_it_is_asked_for(task, tmp_path):
    documents = [
        Document(
            "a",
            "Loops",
            "# Loops\nA firmware loop takes 19 working days at most.\nThe loop is led by Petri Saarinen of the lab.\n",
        ),
        Document("b", "Pay", "Nobody is paid in shells or in driftwood."),
    ]
    asked = [Example(str(n), question) for n, question in enumerate(
        ["How long does a firmware loop take?", "Who leads the loop?", "May people be paid in shells?", "zzz"]
    )]  # fmt: skip
    spans = read_sentences(task, asked, documents)
    assert spans == ["19 working days", "Petri Saarinen", "Nobody is paid in shells or in driftwood.", None]
    assert read_sentences(task, asked, []) == [None] * 4
    assert answer_with_spans({"answer": "x", "area": "pay"}, "answer", ["y", None]) == [
        {"answer": "y", "area": "pay"}, {"answer": "x", "area": "pay"},
    ]  # fmt: skip


def test_length_alone_finds_what_only_length_tells(task):
    schema = {"type": "object", "properties": {
        "score": {"type": "integer", "minimum": 0, "maximum": 4, "x-score": "ordinal"}, "note": {"type": "string"}}}  # fmt: skip
    rows = [Example(str(n), "Question?\n\n" + "word " * (5 + 10 * (n % 5)), {"score": n % 5, "note": "n"}) for n in range(100)]
    graded = replace(task, schema=schema, primary_metric="score", train=tuple(rows), test=tuple(rows[:10]))
    assert "length" in list_baselines(graded)
    marks = measure_baselines(graded, graded.test, Material(Words(graded)))
    assert marks["length"]["means"]["score"] == 1.0 > marks["majority"]["means"]["score"]
    assert "length" not in list_baselines(task)


def test_a_dictionary_learns_what_stands_for_a_choice(task):
    schema = {"type": "object", "properties": {
        "skills": {"type": "array", "items": {"enum": ["AWS", "Machine Learning", "Go"]}}}}  # fmt: skip
    texts = {"EC2 and S3": ["AWS"], "machine learning": ["Machine Learning"], "gardening": []}
    rows = [Example(str(n), f"I know {text}, number {n}", {"skills": texts[text]}) for n in range(8) for text in texts]
    skilled = replace(task, schema=schema, primary_metric="score", train=tuple(rows), test=(Example("t", "I know EC2 and Machine Learning", {"skills": ["AWS", "Machine Learning"]}),))  # fmt: skip
    assert list_baselines(skilled) == ["majority", "nearest", "dictionary"]
    assert measure_baselines(skilled, skilled.test, Material(Words(skilled)))["dictionary"]["means"]["exact"] == 1.0
    assert list_baselines(replace(skilled, train=())) == []


def test_a_dictionary_needs_no_phrase_that_comes_back(task):
    schema = {"type": "object", "properties": {"skills": {"type": "array", "items": {"enum": ["AWS", "C++", "CI/CD"]}}}}
    rows = tuple(Example(str(n), f"w{n} x{n} y{n}", {"skills": []}) for n in range(5))
    asked = [Example("q", "I know AWS, C++ and CI/CD.", {"skills": []}), Example("r", "", {"skills": []})]
    few = replace(task, schema=schema, primary_metric="score", train=rows, test=tuple(asked))
    answers = answer_by_dictionary(few, asked, {"skills": []})
    assert [answer["skills"] for answer in answers] == [["AWS", "C++", "CI/CD"], []]
    exact = answer_by_dictionary(few, [Example("q", "CI/CD", {})], {"skills": []})
    assert exact == [{"skills": ["CI/CD"]}]


def test_documents_that_are_gone_leave_the_sentence_out(task):
    marks = measure_baselines(task, task.test, Material(Words(task), list))
    assert set(marks) == {"majority", "nearest"}
