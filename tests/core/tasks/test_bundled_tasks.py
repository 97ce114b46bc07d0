"""The bundled tasks are the exam: their sizes, their splits, and that their generators give the same bytes."""

import pytest

from core.evaluation.baselines import choose_majority
from core.evaluation.scoring import score_answer
from core.settings import BUNDLED_TASKS
from core.tasks.check import check_task
from core.tasks.loading import load_task
from retrieval.documents import read_documents

LEAST = {
    "hiring-handbook": (350, 300),
    "cv-screening": (600, 230),
    "cv-match": (200, 90),
    "answer-grading": (400, 240),
    "ml-interview": (240, 190),
}


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
    assert len(documents) >= {"cv-screening": 6, "cv-match": 4, "answer-grading": 60}.get(bundled.name, 40)


def test_a_constant_answer_does_not_pass(bundled):
    majority = choose_majority(bundled)
    marks = [score_answer(majority, example.output, bundled.schema) for example in bundled.test]
    assert sum(mark.exact for mark in marks) / len(marks) < 0.2
