"""Controls through a whole comparison: what their prompts show, and what is refused."""

import json

import pytest
from adapter_files import fake_adapter

from core.comparison.arms import ARMS
from core.comparison.runs import load_predictions
from core.errors import LabError
from core.evaluation.causes import has_evidence
from core.generation.fake import FakeGenerator
from core.tasks.leakage import fingerprint
from core.values import DecodeOptions, Example
from lab.answering import answer_items
from lab.comparison import compare_arms
from lab.lab import Lab
from lab.requests import CompareRequest
from tests.conftest import row, write_task

COUNT = 10


class Quiet:
    """Watches without a word."""

    def __call__(self, stage, step, total, note=""):
        """Take note of nothing."""

    def record(self, event):
        """Take note of nothing."""

    def say(self, text):
        """Take note of nothing."""


@pytest.fixture
def lab(settings, embedder):
    return Lab(settings, generator=FakeGenerator({}), embedder=embedder)


@pytest.fixture
def task(tmp_path, lab):
    """Questions of which each but the last has its own document; the search does not know which."""
    rows = [
        row(n, f"Question number {n} about otters?", f"{n} euros", "pay", evidence=[{"document": f"rule-{n}", "quote": f"costs {n} euros"}])
        for n in range(COUNT)
    ]  # fmt: skip
    rows.append(row(COUNT, "Question without an answer?", None, "none"))
    train = [row(100 + n, f"Earlier question {n}?", f"{n} euros", "pay") for n in range(4)]
    folder = write_task(tmp_path / "tasks" / "otters", train=train, test=rows)
    for n in range(COUNT):
        (folder / "documents" / f"rule-{n}.md").write_text(f"# Rule {n}\n\nAn otter of class {n} costs {n} euros a day.\n")
    task = lab.task(str(folder))
    lab.library.update(task)
    return task


def compare(lab, task, *arms, **more):
    run = compare_arms(lab, CompareRequest(str(task.folder), arms=arms, **more), Quiet()).run
    answers = {}
    for prediction in load_predictions(lab.settings, run.id):
        answers.setdefault(prediction.arm, []).append(prediction)
    return run, answers


def test_the_prompts_of_controls_show_the_right_and_the_wrong_passages(lab, task):
    run, answers = compare(lab, task, "base", "rag", "oracle", "wrong_passage")
    for item, rag, right, wrong in zip(task.test, answers["rag"], answers["oracle"], answers["wrong_passage"], strict=True):
        assert [hit.passage.document for hit in wrong.hits] != [hit.passage.document for hit in rag.hits]
        if item.evidence:
            assert [hit.passage.document for hit in right.hits] == [item.evidence[0].document]
            assert has_evidence(item, right.hits)
            assert not has_evidence(item, wrong.hits)
            document = lab.library.load_index(task).load_document(item.evidence[0].document)
            passage = right.hits[0].passage
            assert document.text[passage.start : passage.end] == passage.text
        else:
            assert right.hits == rag.hits, "there is no right passage: what the search brings is shown"
    assert run.summary["controls"]["sentences"][0].startswith("With the right passage RAG would reach ")
    assert "1 item names none" in run.summary["controls"]["sentences"][0]
    assert run.config["arms"]["oracle"]["passages"] == "oracle"
    assert "passages" not in run.config["arms"]["rag"], "arms of before are recorded as before"
    assert run.config["registration"]["arms"] == ("base", "rag")


def test_controls_are_asked_alike_each_time_and_otherwise_by_another_seed(lab, task):
    shown = [
        [answer.hits for answer in compare(lab, task, "wrong_passage", "base", seed=seed)[1]["wrong_passage"]]
        for seed in (0, 0, 1)
    ]
    assert shown[0] == shown[1] != shown[2]


def test_a_free_question_has_no_right_passage_and_a_wrong_one(lab, task):
    free = [Example("question", "How much is an otter?")]
    with pytest.raises(LabError, match="The question has no evidence, so nobody knows the right passage of otters"):
        next(answer_items(lab, task, free, ARMS["oracle"], options=DecodeOptions()))
    _, prediction = next(answer_items(lab, task, free, ARMS["wrong_passage"], options=DecodeOptions()))
    assert prediction.hits


def test_without_evidence_the_control_is_missing_and_the_others_go_on(lab, task):
    path = task.folder / "test.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    path.write_text("".join(json.dumps({key: value for key, value in one.items() if key != "evidence"}) + "\n" for one in rows))
    run, answers = compare(lab, task, "base", "rag", "oracle")
    assert list(answers) == ["base", "rag"]
    assert "The 11 questions have no evidence" in run.summary["arms"]["oracle"]["reason"]


def test_evidence_that_stands_nowhere_is_told(lab, task):
    path = task.folder / "test.jsonl"
    path.write_text(path.read_text().replace("costs", "is sold for"))
    run, _ = compare(lab, task, "base", "oracle")
    assert "evidence that stands in no indexed document" in run.summary["arms"]["oracle"]["reason"]
    assert "ragft check otters" in run.summary["arms"]["oracle"]["reason"]


def test_the_shuffled_adapter_answers_its_control_alone(lab, task):
    seen = tuple(fingerprint(example.input) for example in task.train)
    about = {"task": "otters", "weights": "none", "trained_on": seen, "schema": task.schema}
    fake_adapter(lab.settings, "whole", config={"prompts": "plain"}, **about)
    run, answers = compare(lab, task, "qlora", "shuffled")
    assert list(answers) == ["qlora"]
    assert "--shuffle-labels" in run.summary["arms"]["shuffled"]["reason"]
    fake_adapter(lab.settings, "spoilt", config={"prompts": "plain", "shuffle_labels": True}, **about)
    run, answers = compare(lab, task, "qlora", "shuffled")
    assert {name: {one.adapter for one in given} for name, given in answers.items()} == {
        "qlora": {"whole"},
        "shuffled": {"spoilt"},
    }
    assert run.summary["controls"]["sentences"][0].startswith("Trained on shuffled answers the adapter has ")
