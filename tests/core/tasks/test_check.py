"""What `check_task` says was looked for, and where nothing could be looked for."""

from core.tasks.check import check_task
from core.tasks.loading import load_task
from core.values import Document
from tests.conftest import row, write_task

ASKED = "How many days of leave do new parents get?"


def load(tmp_path, *, train, test):
    return load_task(write_task(tmp_path / "task", train=train, test=test), lenient=True)


def test_a_near_copy_makes_a_task_unusable_and_both_texts_are_shown(tmp_path):
    copy = ASKED.replace("leave", "holiday")
    report = check_task(load(tmp_path, train=[row(1, copy, "28", "pay")], test=[row(2, ASKED, "28", "pay")]))
    assert (report["usable"], report["overlap_near"], report["overlap_normalized"]) == (False, 1, 0)
    (shown,) = report["overlap_examples"]
    assert (shown["kind"], shown["train_text"], shown["test_text"]) == ("words", copy, ASKED)


def test_documents_that_give_the_exam_away_are_named(tmp_path):
    task = load(tmp_path, train=[row(1, "What is new?", "a", "pay")], test=[row(2, ASKED, "28 days", "pay")])
    documents = [Document("faq", "FAQ", f"{ASKED} 28 days, that is pay."), Document("pay", "Pay", "28 days")]
    report = check_task(task, documents=documents, unread=["scan.pdf: it has no text"])
    assert report["usable"] is False
    assert report["document_leaks"] == ["faq holds 1 test question with its answer: 'x-2'"]
    assert "2 documents, for questions word for word with their answer within 60 words" in report["checked"]
    assert "the document scan.pdf: it has no text" in report["unchecked"]


def test_what_was_not_looked_at_is_said(tmp_path):
    test = [row(2, "Else?", "a", "pay"), {"id": "broken"}]
    report = check_task(load(tmp_path, train=[row(1, "What is new?", "a", "pay")], test=test))
    assert report["document_leaks"] == []
    assert not any("documents" in sentence for sentence in report["checked"])
    assert "1 question of fewer than 3 words: only equal texts (first: 'x-2')" in report["unchecked"]
    assert "1 rows that are wrong" in report["unchecked"]
    assert any("paraphrases" in sentence for sentence in report["unchecked"])
    assert "documents: they were not read" in report["unchecked"]
    assert any("too short" in sentence for sentence in check_task(load_again(tmp_path), documents=[_page()])["unchecked"])


def load_again(tmp_path):
    return load_task(tmp_path / "task", lenient=True)


def _page():
    return Document("page", "Page", "A page.")
