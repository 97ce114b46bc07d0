import json

import pytest

from core.settings import BUNDLED_TASKS
from core.tasks.document_leaks import find_document_leaks, find_too_short
from core.tasks.loading import load_task
from core.values import Document, Example
from retrieval.documents import read_documents

QUESTION = "How many days of leave do new parents get?"
EXAM = [
    Example("t1", QUESTION, {"answer": "28 working days", "area": "leave"}),
    Example("t2", "Is the canteen open on Sundays?", {"open": False}),
    Example("t3", "Why so?", {"answer": "because"}),
]
FILLER = " ".join(f"word{number}" for number in range(200))


def found(text):
    return [leak.tests for leak in find_document_leaks(EXAM, [Document("page", "Page", text)])]


def test_a_question_with_its_answer_is_found_however_it_is_written():
    assert found("# FAQ\n\n**HOW many days of  leave do new parents gét?**\n\nThey get 28 working days.") == [("t1",)]
    assert found(f"| {QUESTION} | 28 working days |") == [("t1",)]
    assert found(f"Answer: 28 working days\nQuestion: {QUESTION}") == [("t1",)]


def test_an_answer_alone_a_question_alone_and_both_far_apart_are_no_leak():
    assert found("New parents get 28 working days of leave, says the handbook.") == []
    assert found(f"We are often asked: {QUESTION} It depends.") == []
    assert found(f"{QUESTION} {FILLER} 28 working days of leave") == []


def test_a_label_or_a_short_text_gives_nothing_away():
    schema = {"properties": {"answer": {"type": "string"}, "area": {"enum": ["pay", "leave"]}}}
    exam = [Example("t1", QUESTION, {"answer": "six months", "area": "pay"})]

    def search(text, **how):
        return [leak.tests for leak in find_document_leaks(exam, [Document("page", "Page", text)], **how)]

    for how in ({}, {"schema": schema}):
        assert search(f"{QUESTION}? We will pay attention to this.", **how) == []
        assert search(f"{QUESTION} Up to six months.", **how) == [("t1",)]
    exam = [Example("t1", QUESTION, {"answer": "six months", "area": "leave"})]
    assert search(f"{QUESTION}? They leave at once.", schema=schema) == []
    exam = [Example("t1", QUESTION, {"answer": "28", "area": "leave"})]
    assert search(f"{QUESTION} They leave at once.", schema=schema) == []
    assert search(f"{QUESTION} They get 28.", schema=schema) == [("t1",)]


def test_the_longest_open_text_must_stand_there():
    exam = [Example("t1", QUESTION, {"answer": "twenty working days at full pay", "source": "handbook"})]
    document = Document("page", "Page", f"{QUESTION} See the handbook.")
    assert find_document_leaks(exam, [document]) == []
    told = Document("page", "Page", f"{QUESTION} Twenty working days at full pay.")
    assert [leak.tests for leak in find_document_leaks(exam, [told])] == [("t1",)]


def test_an_answer_without_text_must_stand_close_by():
    assert found("Is the canteen open on Sundays? false") == [("t2",)]
    assert found(f"Is the canteen open on Sundays? {' '.join(FILLER.split()[:20])} false") == []


def test_short_questions_are_told_instead_of_found():
    assert find_too_short(EXAM) == ["t3"]
    assert found("Why so? because") == []


@pytest.mark.parametrize("name", ["hiring-handbook", "cv-screening", "cv-match", "answer-grading", "ml-interview"])
def test_the_bundled_documents_are_clean_and_the_exam_as_a_document_is_found(name, tmp_path):
    task = load_task(BUNDLED_TASKS / name)
    assert find_document_leaks(task.test, read_documents(task.documents_folder).documents, schema=task.schema) == []
    exam = (task.folder / "test.jsonl").read_text(encoding="utf-8")
    (tmp_path / "exam.jsonl").write_text(exam, encoding="utf-8")
    (tmp_path / "exam.txt").write_text(exam, encoding="utf-8")
    (tmp_path / "escaped.md").write_text("\n".join(json.dumps(json.loads(line)) for line in exam.splitlines()))
    asked = len(task.test) - len(find_too_short(task.test))
    leaks = find_document_leaks(task.test, read_documents(tmp_path).documents, schema=task.schema)
    least = 0.95 * asked if name == "cv-match" else asked  # A nested answer that is laid out in lines may reach too far.
    assert [len(leak.tests) >= least for leak in leaks] == [True] * 3
