"""What makes a training useless or impossible is said before any weights are loaded."""

import json
from dataclasses import replace

import pytest

from core.generation.loading import load_tokenizer
from core.tasks.loading import load_task
from core.values import Example
from finetune.config import TrainConfig
from finetune.data import Encoded
from finetune.plan.estimate import Machine, ModelShape, read_shape
from finetune.plan.preflight import inspect_training, label_tokens
from tests.conftest import row, write_task

ROOMY = Machine("cpu", 4, 2**36, 2**36)
CONFIG = TrainConfig(rank=4, batch_size=2)


@pytest.fixture(scope="module")
def tokenizer(tiny_model):
    return load_tokenizer(tiny_model)


@pytest.fixture(scope="module")
def shape(tiny_model):
    return read_shape(tiny_model)


@pytest.fixture
def inspect(tokenizer, shape):
    def run(task, *, context=2048, machine=ROOMY):
        return inspect_training(task, tokenizer, CONFIG, shape=replace(shape, context=context), machine=machine)

    return run


def make(tmp_path, train, test=None):
    return load_task(write_task(tmp_path / "made", train=train, test=test or [row(9, "q9?", "9", "pay")]), lenient=True)


def test_a_sound_task_is_a_go(inspect, task):
    report = inspect(task)
    assert report.go
    assert report.counts["trained_on"] == 3
    assert report.estimate.trainable > 0
    assert any("only 3 examples" in warning for warning in report.warnings)
    assert any("'sure' has one value" in warning for warning in report.warnings)
    json.dumps(report.as_json, allow_nan=False)
    assert report.as_json["estimate"]["go"]
    both = report.lengths["both"]
    assert both["p5"] <= both["p50"] <= both["p100"]
    assert both["p100"] <= report.lengths["prompt"]["p100"] + report.lengths["answer"]["p100"]


def test_no_weights_are_read(inspect, task, tiny_model, monkeypatch):
    import safetensors
    from transformers import PreTrainedModel

    def refuse(*_arguments, **_options):
        raise AssertionError("weights were read")

    monkeypatch.setattr(PreTrainedModel, "from_pretrained", refuse)
    monkeypatch.setattr(safetensors, "safe_open", refuse)
    read_shape(tiny_model)
    assert inspect(task).go


def test_the_shown_tokens_are_those_of_the_loss(inspect, task, tokenizer):
    shown = inspect(task).labelled
    assert [item.id for item in shown] == ["x-1", "x-2", "x-3"]
    texts = {
        part: "".join(piece.text for piece in shown[0].pieces if piece.part == part) for part in ("given", "learned", "end")
    }
    assert texts["learned"] == '{"answer": "40 euros", "area": "pay", "sure": true}'
    assert texts["end"] == "<|im_end|>"  # The end token is learned too, or answers would never stop.
    assert texts["given"].endswith("Question: How high is the walrus bonus?<|im_end|>\n<|im_start|>assistant\n")
    assert shown[0].pieces[-1].part == "end"


def test_tokens_of_one_character_are_shown_together(tokenizer):
    prompt, answer = (tokenizer(text)["input_ids"] for text in ("Größe 🦭?", "ä"))
    pieces = label_tokens(Encoded("x", prompt, [*answer, tokenizer.eos_token_id]), tokenizer).pieces
    assert [piece.text for piece in pieces] == [*"Größe 🦭?", "ä", "<|im_end|>"]


def test_empty_and_one_example_sets_are_no_go(inspect, tmp_path):
    empty = inspect(make(tmp_path, []))
    assert "no usable examples" in empty.problems[0]
    assert empty.estimate is None
    assert empty.as_json["estimate"] is None
    one = inspect(make(tmp_path / "one", [row(1, "q?", "a", "pay")]))
    assert "1 usable example." in one.problems[0]


def test_equal_targets_are_no_go(inspect, tmp_path):
    report = inspect(make(tmp_path, [row(n, f"question {n}?", "same", "pay") for n in range(4)]))
    assert ["same answer" in problem for problem in report.problems] == [True]


def test_targets_longer_than_the_context_are_left_out_never_cut(inspect, tmp_path, tokenizer):
    long = row(5, "How?", "long " * 100, "pay")
    task = make(tmp_path, [row(1, "q1?", "a", "pay"), row(2, "q2?", "b", "time"), long])
    report = inspect(task, context=600)
    assert report.go
    assert (report.counts["trained_on"], report.counts["too_long"]) == (2, 1)
    assert any("left out, not cut" in warning and "'x-5'" in warning for warning in report.warnings)
    assert any("fits into the context" in problem for problem in inspect(task, context=50).problems)


def test_rows_of_another_schema_are_no_go_and_named(inspect, tmp_path):
    bad = {"id": "bad", "input": "q?", "output": {"answer": "a", "area": "nowhere", "sure": True}}
    report = inspect(make(tmp_path, [row(1, "q1?", "a", "pay"), row(2, "q2?", "b", "time"), bad]))
    assert report.counts["invalid_rows"] == 1
    assert "train.jsonl:3: output/area" in report.problems[0]


def test_a_target_that_was_never_validated_is_refused(inspect, task):
    wrong = Example("made", "q?", {"answer": "a", "area": "nowhere", "sure": True})
    report = inspect(replace(task, train=(*task.train, wrong)))
    assert report.counts["refused"] == 1
    assert "'made' is not valid: output/area" in report.problems[0]


def test_a_template_that_joins_prompt_and_answer_is_reported(task, tiny_model, shape):
    tokenizer = load_tokenizer(tiny_model)
    tokenizer.chat_template = "{% for message in messages %}{{ message['content'] }}{% endfor %}{{ messages | length }}"
    report = inspect_training(task, tokenizer, CONFIG, shape=shape, machine=ROOMY)
    assert report.counts["refused"] == 3
    assert "'x-1'" in report.problems[0]
    assert any("3 examples could not be encoded" in warning for warning in report.warnings)


def test_leakage_duplicates_and_contradictions_are_counted(inspect, tmp_path):
    train = [row(1, "How high?", "a", "pay"), row(2, "how HIGH", "b", "pay"), row(3, "q3?", "c", "time", group="g")]
    test = [row(9, "How high!", "a", "pay"), row(10, "q10?", "c", "time", group="g")]
    report = inspect(make(tmp_path, train, test))
    assert (report.counts["leaked"], report.counts["duplicates"], report.counts["contradictions"]) == (1, 1, 1)
    assert any("'x-9'" in problem for problem in report.problems)
    assert any("both sides" in problem and "'g'" in problem for problem in report.problems)


def test_too_little_memory_is_a_no_go(inspect, task):
    report = inspect(task, machine=replace(ROOMY, memory=2**20))
    assert not report.go
    assert "GiB of memory" in report.problems[0]


def test_a_model_of_eight_billion_is_refused_on_a_laptop_before_it_loads(task, tokenizer):
    layers = ((4096, 4096), (1024, 4096), (1024, 4096), (4096, 4096), (14336, 4096), (14336, 4096), (4096, 14336)) * 32
    large = ModelShape("llama-8b", layers, 8_030_261_248, 4096, 32, 128_256, 2048)
    laptop = replace(ROOMY, memory=8 * 2**30)
    report = inspect_training(task, tokenizer, CONFIG, shape=large, machine=laptop)
    assert large.count_trainable(16) == 41_943_040  # The published number for all linear layers at r = 16.
    assert not report.go


def test_examples_that_are_held_out_are_not_trained_on(tokenizer, shape, tmp_path):
    task = make(tmp_path, [row(n, f"question {n}?", f"answer {n}", "pay") for n in range(40)])
    report = inspect_training(task, tokenizer, replace(CONFIG, holdout=16), shape=shape, machine=ROOMY)
    assert (report.counts["held_out"], report.counts["trained_on"]) == (4, 36)
    assert report.estimate.steps == 3 * 18


def test_short_memory_is_a_note_where_savings_help(tokenizer, shape, task):
    roomy = inspect_training(task, tokenizer, CONFIG, shape=shape, machine=ROOMY).estimate
    short = replace(ROOMY, memory=int((roomy.least + roomy.peak) * 1.1 / 2))
    report = inspect_training(task, tokenizer, CONFIG, shape=shape, machine=short)
    assert report.go
    assert any("Memory is short" in warning for warning in report.warnings)
