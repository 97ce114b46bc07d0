"""The bundled tasks are the exam: their sizes, their splits, and that their generators give the same bytes."""

import json

import pytest

from benchmarks.tasks import answer_grading
from core.evaluation.baselines import choose_majority
from core.evaluation.scoring import score_answer
from core.settings import BUNDLED_TASKS
from core.tasks.check import check_task
from core.tasks.loading import load_task
from retrieval.documents import read_documents

LEAST = {"hiring-handbook": (350, 300), "cv-screening": (600, 150), "answer-grading": (500, 250), "ml-interview": (200, 150)}


@pytest.fixture(scope="module", params=LEAST)
def bundled(request):
    return load_task(BUNDLED_TASKS / request.param)


def test_sizes_and_splits(bundled):
    report = check_task(bundled)
    train, test = LEAST[bundled.name]
    assert report["train"] >= train
    assert report["test"] >= test
    assert report["usable"], report
    assert (report["duplicates_train"], report["duplicates_test"], report["same_everywhere"]) == (0, 0, [])


def test_evidence_is_verbatim_and_documents_are_enough(bundled):
    documents = {document.id: document.text for document in read_documents(bundled.documents_folder).documents}
    for example in (*bundled.train, *bundled.test):
        for evidence in example.evidence:
            assert evidence.quote in documents[evidence.document], example.id
    assert len(documents) >= {"cv-screening": 6, "answer-grading": 60}.get(bundled.name, 40)


def test_a_constant_answer_does_not_pass(bundled):
    majority = choose_majority(bundled)
    marks = [score_answer(majority, example.output, bundled.schema) for example in bundled.test]
    assert sum(mark.exact for mark in marks) / len(marks) < 0.2


def read(task, split):
    return [json.loads(line) for line in (BUNDLED_TASKS / task / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()]


def test_grades_follow_from_what_was_said():
    bank = {question["id"]: question for question in json.loads((answer_grading.FOLDER / "source" / "bank.json").read_text())}
    assert len(bank) >= 60
    for row in read("answer-grading", "train") + read("answer-grading", "test"):
        question, output = bank[row["group"]], row["output"]
        names = [point["name"] for point in question["points"]]
        assert sorted([*output["covered"], *output["missing"]]) == sorted(names)
        said = {point["name"] for point in question["points"] if any(text in row["input"] for text in point["said"])}
        assert said == set(output["covered"]), row["id"]
        wrong = any(text in row["input"] for text in question["misconceptions"])
        assert output["score"] == max(0, len(said) - wrong)
        assert (output["verdict"] == "KNOT") == wrong
