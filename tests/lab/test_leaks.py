"""Where the items of a comparison were seen: in the rows that its arms see, and nowhere else."""

from dataclasses import replace

import pytest
from adapter_files import CARD

from core.comparison.arms import ARMS
from core.settings import read_settings
from core.tasks.leakage import fingerprint
from core.tasks.loading import load_task
from lab.lab import Lab
from lab.leaks import find_leaks, read_documents
from tests.conftest import row, write_task

ASKED = "How many days of leave do new parents get?"
COPY = "How many weeks of leave do new parents get?"


@pytest.fixture
def lab(embedder):
    return Lab(read_settings(), embedder=embedder)


@pytest.fixture
def task(tmp_path):
    """Its second training row nearly repeats the first test row; the prompts' examples are others."""
    train = [row(1, "How high is the walrus bonus?", "40 euros", "pay"), row(2, COPY, "28", "time")]
    test = [row(9, ASKED, "28", "time"), row(10, "When do heron shifts start on a Monday?", "noon", "time")]
    folder = write_task(tmp_path / "tasks" / "leaky", train=train, test=test, toml='shots = ["x-1"]\n')
    return load_task(folder)


def find(lab, task, *arms, cards=(), items=None):
    return find_leaks(lab, task, items or task.test, [ARMS[name] for name in arms], list(cards))


def test_only_what_an_arm_saw_counts(lab, task):
    assert find(lab, task, "base").near == ()
    assert find(lab, task, "zero_shot").checked == ()
    assert find(lab, task, "base", "rag_examples").near == (("x-2", "x-9"),)
    assert find(lab, task, "rag_examples", items=task.test[1:]).near == ()
    trained = replace(CARD, trained_on=(fingerprint(COPY),))
    assert find(lab, task, "qlora", cards=[trained]).near == (("x-2", "x-9"),)
    other = replace(CARD, trained_on=(fingerprint(task.train[0].input),))
    assert find(lab, task, "qlora", cards=[other]).near == ()


def test_an_equal_item_is_no_near_one_too(lab, task):
    leaks = find(lab, task, "qlora", cards=[replace(CARD, trained_on=(fingerprint(COPY), fingerprint(f"{ASKED}!")))])
    assert (leaks.items, leaks.near) == (("x-9",), ())


def test_what_an_adapter_hides_is_said(lab, task):
    leaks = find(lab, task, "qlora", cards=[CARD])
    assert leaks.unknown == (CARD.id,)
    assert any("does not record" in sentence for sentence in leaks.unchecked)
    gone = find(lab, task, "qlora", cards=[replace(CARD, trained_on=(fingerprint(COPY), fingerprint("gone")))])
    assert any(sentence.startswith("1 rows that") for sentence in gone.unchecked)
    assert f"2 rows that {CARD.id} was trained on" in gone.checked
    assert any("paraphrases" in sentence for sentence in gone.unchecked)


def test_documents_with_the_exam_in_them_count_where_they_are_read(lab, task):
    assert any("no index" in sentence for sentence in find(lab, task, "rag").unchecked)
    faq = task.documents_folder / "faq.md"
    faq.write_text(f"# Questions\n\n{ASKED}\n\nThey get 28 days, time off at once.\n")
    (task.documents_folder / "scan.docx").write_bytes(b"no document")
    lab.library.update(task)
    leaks = find(lab, task, "rag")
    assert leaks.documents == ("faq holds 1 test question with its answer: 'x-9'",)
    assert leaks.in_documents == ("x-9",)
    assert "3 documents, for questions word for word with their answer within 60 words" in leaks.checked
    assert find(lab, task, "base").documents == ()
    documents, unread = read_documents(lab, task)
    assert {document.id for document in documents} == {"faq", "pay", "time"}
    assert len(unread) == 1
    assert unread[0].startswith("scan.docx: ")
