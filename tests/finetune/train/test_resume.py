"""Checkpoints, held-out answers, warnings: a training survives what happens to it."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import Cancelled, LabError
from core.generation.loading import load_tokenizer
from core.jobs import find_job, read_events, read_status, resume_job
from core.storage import read_json, write_json, write_manifest
from core.values import Example
from finetune.config import TrainConfig
from finetune.data import Encoded, encode_examples
from finetune.plan.memory import MemoryPlan
from finetune.train.checkpoint import Checkpoints, read_adapter
from finetune.train.held_out import Evaluator, split_holdout
from finetune.train.lora_kernel import fuse_adapter
from finetune.train.model import add_adapter, check_gradients, compute_loss, load_trainable
from finetune.train.report import Evaluation, Listeners
from finetune.train.trainer import Diverged, train
from finetune.train.warnings import describe_best, describe_evaluations, describe_holdout, describe_steps
from lab.jobs import start
from lab.requests import TrainRequest
from tests.conftest import row, write_task
from ui.command import RUNNER

CONFIG = TrainConfig(rank=4, alpha=8, epochs=12, batch_size=3, learning_rate=2e-2, checkpoint_seconds=0)
ROOT = Path(__file__).resolve().parents[3]


class Killed(Exception):
    """Stands for a process that dies: nothing is caught, nothing is cleaned up."""


@pytest.fixture
def examples(task, tiny_model):
    return encode_examples(task, task.train, load_tokenizer(tiny_model), max_tokens=2048)[0]


def make(tiny_model, config=CONFIG):
    return add_adapter(load_trainable(tiny_model, storage="nf4"), config)


def run(tiny_model, examples, checkpoints=None, *, die_at=None, config=CONFIG, evaluate=None, memory=None):
    """Train; returns (outcome or None, losses by step, adapter)."""
    losses = {}

    def on_step(report):
        losses[report.step] = report.loss
        if report.step == die_at:
            raise Killed

    model = make(tiny_model, config)
    try:
        outcome = train(model, examples, config, on_step=on_step, checkpoints=checkpoints, evaluate=evaluate, memory=memory)
    except Killed:
        outcome = None
    return outcome, losses, read_adapter(model)


def evaluation(step, score, loss=1.0):
    return Evaluation(step, 2, loss, 1.0, 1.0, score, 0.0, 5.0, 1.0, 0.1)


@pytest.mark.parametrize("die_at", [1, 2, 5, 11])
def test_a_resumed_training_repeats_the_uninterrupted_one(tiny_model, examples, tmp_path, die_at):
    whole, losses, adapter = run(tiny_model, examples)
    states = Checkpoints(tmp_path / "states", "same")
    _, before, _ = run(tiny_model, examples, states, die_at=die_at)
    outcome, after, resumed = run(tiny_model, examples, states)
    assert outcome.steps == whole.steps == 12
    assert outcome.resumed_from == max(0, die_at - 1)  # The state of the step at which it died was not written yet.
    assert {**before, **after} == losses
    assert all((adapter[name] == resumed[name]).all() for name in adapter)
    assert outcome.last_loss == pytest.approx(whole.last_loss, abs=1e-6)


@pytest.mark.filterwarnings("ignore:Paged optimizers are not supported on CPU")
def test_a_paged_optimizer_is_kept_and_is_that_of_the_resumed_training(tiny_model, examples, tmp_path):
    paged = MemoryPlan(paged_optimizer=True)
    _, losses, adapter = run(tiny_model, examples, memory=paged)
    states = Checkpoints(tmp_path / "states", "same")
    _, before, _ = run(tiny_model, examples, states, die_at=6, memory=paged)
    outcome, after, resumed = run(tiny_model, examples, states)  # Memory is free again, yet the moments are of 8 bits.
    assert outcome.resumed_from == 5
    assert {**before, **after} == losses
    assert all((adapter[name] == resumed[name]).all() for name in adapter)


def test_two_trainings_with_one_seed_give_identical_adapters(tiny_model, examples):
    first, second = (run(tiny_model, examples)[2] for _ in range(2))
    assert all((first[name] == second[name]).all() for name in first)
    other = run(tiny_model, examples, config=replace(CONFIG, seed=1))[2]
    assert any((first[name] != other[name]).any() for name in first)


def test_a_damaged_state_is_passed_over_for_the_one_before(tiny_model, examples, tmp_path):
    states = Checkpoints(tmp_path / "states", "same")
    run(tiny_model, examples, states, die_at=7)
    kept = sorted(path.name for path in (tmp_path / "states").glob("step-*"))
    assert kept == ["step-00000005", "step-00000006"]
    (tmp_path / "states" / "step-00000006" / "optimizer.safetensors").write_bytes(b"junk")
    outcome, _, _ = run(tiny_model, examples, states)
    assert outcome.resumed_from == 5


def test_a_state_of_another_training_is_not_used(tiny_model, examples, tmp_path):
    run(tiny_model, examples, Checkpoints(tmp_path, "one"), die_at=6)
    other = Checkpoints(tmp_path, "other")
    run(tiny_model, examples, other, die_at=4)
    assert sorted(path.name for path in tmp_path.glob("step-*")) == ["step-00000002", "step-00000003"]
    assert run(tiny_model, examples, other)[0].resumed_from == 3


@pytest.mark.parametrize("change", [{"later": 1}, {"losses": []}, {"seconds": "1"}])
def test_a_state_of_another_form_is_passed_over(tiny_model, examples, tmp_path, change):
    states = Checkpoints(tmp_path, "x")
    run(tiny_model, examples, states, die_at=7)
    newest = tmp_path / "step-00000006"
    write_json(newest / "state.json", {**read_json(newest / "state.json"), **change})
    write_manifest(newest)
    assert run(tiny_model, examples, states)[0].resumed_from == 5


def test_a_full_disk_costs_the_state_not_the_training(tiny_model, examples, tmp_path, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("core.storage.tempfile.mkdtemp", refuse)
    said = []
    model = make(tiny_model)
    listeners = Listeners(lambda report: None, on_warning=lambda step, text: said.append(text))
    outcome = train(model, examples, CONFIG, listeners=listeners, checkpoints=Checkpoints(tmp_path / "s", "x"))
    assert outcome.steps == 12
    assert len([text for text in said if "No space left" in text]) == 1


def test_a_cancelled_training_goes_on_where_it_was(tiny_model, examples, tmp_path):
    states = Checkpoints(tmp_path, "x")

    def on_step(report):
        if report.step == 6:
            raise Cancelled

    model = make(tiny_model)
    assert train(model, examples, CONFIG, on_step=on_step, checkpoints=states).cancelled
    outcome, after, adapter = run(tiny_model, examples, states)
    assert (outcome.resumed_from, min(after)) == (6, 7)
    whole = run(tiny_model, examples)[2]
    assert all((adapter[name] == whole[name]).all() for name in whole)


def test_the_adapter_that_answers_best_is_kept_and_no_better_one_ends_it(tiny_model, examples):
    scores = {0: 0.1, 3: 0.9, 6: 0.5, 9: 0.5, 12: 0.5}
    seen, adapters = [], {}
    model = make(tiny_model)

    def evaluate(step):
        seen.append(step)
        adapters[step] = read_adapter(model)
        return evaluation(step, scores[step])

    outcome = train(model, examples, CONFIG, on_step=lambda report: None, evaluate=evaluate)
    assert seen == [0, 3, 6, 9, 12]
    assert (outcome.best_step, outcome.stopped_early, len(outcome.evaluations)) == (3, False, 5)
    kept = read_adapter(model)
    assert all((kept[name] == adapters[3][name]).all() for name in kept)
    assert any((kept[name] != adapters[12][name]).any() for name in kept)
    model, seen = make(tiny_model), []
    outcome = train(model, examples, replace(CONFIG, patience=2), on_step=lambda report: None, evaluate=evaluate)
    assert (seen, outcome.stopped_early, outcome.steps) == ([0, 3, 6, 9], True, 9)


def record(model, scores, adapters, losses=None):
    """Return an evaluation with given scores that remembers the adapter of every step it was asked about."""

    def evaluate(step):
        adapters[step] = read_adapter(model)
        return evaluation(step, scores[step], (losses or {}).get(step, 1.0))

    return evaluate


def test_a_cancelled_training_stores_the_adapter_it_reports(tiny_model, examples, tmp_path):
    def on_step(report):
        if report.step == 8:
            raise Cancelled

    scores = {0: 0.1, 3: 0.9, 6: 0.2, 9: 0.2, 12: 0.2}
    model, adapters, states = make(tiny_model), {}, Checkpoints(tmp_path, "x")
    evaluate = record(model, scores, adapters)
    outcome = train(model, examples, CONFIG, on_step=on_step, evaluate=evaluate, checkpoints=states)
    assert (outcome.cancelled, outcome.steps, outcome.best_step) == (True, 8, 3)
    stored = read_adapter(model)
    assert all((stored[name] == adapters[3][name]).all() for name in stored)
    outcome, after, _ = run(tiny_model, examples, states, evaluate=lambda step: evaluation(step, scores[step]))
    assert (outcome.resumed_from, min(after)) == (8, 9)
    assert after == {step: loss for step, loss in run(tiny_model, examples)[1].items() if step > 8}


def test_a_training_is_stopped_while_it_answers_and_answers_again_when_resumed(tiny_model, examples, tmp_path):
    asked, states = [], Checkpoints(tmp_path, "x")

    def evaluate(step):
        asked.append(step)
        if step == 6 and asked.count(6) == 1:
            raise Cancelled
        return evaluation(step, step / 100)

    outcome = run(tiny_model, examples, states, evaluate=evaluate)[0]
    assert (outcome.cancelled, outcome.steps, outcome.best_step) == (True, 6, 3)
    outcome = run(tiny_model, examples, states, evaluate=evaluate)[0]
    assert (outcome.resumed_from, outcome.cancelled, outcome.best_step) == (6, False, 12)
    assert asked == [0, 3, 6, 6, 9, 12]


def test_a_long_evaluation_asks_whether_to_go_on(task, tiny_model, examples):
    calls = []

    def on_wait():
        calls.append(1)
        if len(calls) == 5:
            raise Cancelled

    model = make(tiny_model)
    evaluate = Evaluator(model.eval(), load_tokenizer(tiny_model), task, task.train, examples, 60, on_wait)
    with pytest.raises(Cancelled):
        evaluate(0)
    calls[:] = [1] * 5
    assert evaluate(0).n == 3  # The attention of training was put back.


def test_the_untrained_adapter_is_never_what_is_stored(tiny_model, examples):
    said, adapters = [], {}
    model = make(tiny_model)
    evaluate = record(model, {0: 0.5, 3: 0.4, 6: 0.45, 9: 0.3, 12: 0.3}, adapters)
    listeners = Listeners(lambda report: None, on_warning=lambda step, text: said.append(text))
    outcome = train(model, examples, CONFIG, listeners=listeners, evaluate=evaluate)
    assert outcome.best_step == 6
    stored = read_adapter(model)
    assert all((stored[name] == adapters[6][name]).all() for name in stored)
    assert [text for text in said if text.startswith("No step answered better than the base model: ")]
    assert describe_best([{"step": 0, "score": 0.1}, {"step": 3, "score": 0.4}], 3) == []


def test_held_out_answers_without_a_number_are_told_and_the_last_state_is_kept(tiny_model, examples, tmp_path):
    def evaluate(step):
        return evaluation(step, 0.1, float("nan") if step == 6 else 1.0)

    with pytest.raises(Diverged, match="held-out loss became nan at step 6"):
        run(tiny_model, examples, Checkpoints(tmp_path, "x"), evaluate=evaluate)
    assert (tmp_path / "step-00000005").is_dir()


def test_a_training_that_ended_early_ends_again_when_resumed(tiny_model, examples, tmp_path):
    scores = {0: 0.1, 3: 0.9, 6: 0.5, 9: 0.5, 12: 0.95}
    config, states = replace(CONFIG, patience=2), Checkpoints(tmp_path, "x")
    for resumed in (0, 9):  # It died between the last state and the stored adapter.
        outcome = run(tiny_model, examples, states, config=config, evaluate=lambda step: evaluation(step, scores[step]))[0]
        assert (outcome.resumed_from, outcome.steps, outcome.stopped_early, outcome.best_step) == (resumed, 9, True, 3)


def test_an_evaluation_answers_the_held_out_examples_and_changes_nothing(task, tiny_model, examples):
    model = make(tiny_model)
    tokenizer = load_tokenizer(tiny_model)
    evaluate = Evaluator(model, tokenizer, task, task.train, examples, 60)
    outcome = train(model, examples, replace(CONFIG, epochs=60), on_step=lambda report: None, evaluate=evaluate)
    last = outcome.evaluations[-1]
    assert (last["schema_valid"], last["ended"], last["exact"]) == (1.0, 1.0, 1.0)  # It has learned them by heart.
    assert outcome.evaluations[0]["schema_valid"] == 0.0
    assert last["held_loss"] < 0.3 * outcome.evaluations[0]["held_loss"]
    alone = run(tiny_model, examples, config=replace(CONFIG, epochs=60))[0]
    assert outcome.last_loss == pytest.approx(alone.last_loss, abs=1e-6)


def test_held_out_examples_leave_by_whole_groups_and_the_same_ones_again():
    rows = [Example(f"e{n}", f"input {n}", {}, group=f"g{n // 4}") for n in range(100)]
    kept, held = split_holdout(rows, 8, seed=0)
    assert len(held) == 8
    assert not {item.group for item in kept} & {item.group for item in held}
    assert split_holdout(rows, 8, seed=0) == (kept, held)
    assert split_holdout(rows, 8, seed=1)[1] != held
    assert split_holdout(rows[:9], 8, seed=0) == (rows[:9], [])
    assert split_holdout(rows, 0, seed=0)[1] == []
    large = [Example(f"e{n}", f"input {n}", {}, group="small" if n < 9 else f"g{n // 50}") for n in range(100)]
    kept, held = split_holdout(large, 4, seed=0)
    assert ({item.group for item in held}, len(held)) == ({"small"}, 9)  # Larger than asked for, within a tenth.
    assert describe_holdout(4, large, held) == []
    kept, held = split_holdout(large[9:], 4, seed=0)
    assert (len(kept), held) == (91, [])
    assert describe_holdout(4, large[9:], held)[0].startswith("Nothing held out: ")
    assert describe_holdout(0, large[9:], held) == []


@pytest.mark.parametrize("storage", ["nf4", "full"])
def test_the_fused_product_has_pefts_values_and_gradients(tiny_model, examples, storage, monkeypatch):
    import torch

    from core.generation.device import Device
    from finetune.data import pack

    monkeypatch.setattr("core.generation.loading.choose_device", lambda: Device("cpu", torch.float32))
    found = []
    for fused in (True, False):
        monkeypatch.setattr("finetune.train.model.fuse_adapter", fuse_adapter if fused else lambda model: 0)
        model = add_adapter(load_trainable(tiny_model, storage=storage), CONFIG)
        torch.manual_seed(0)
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if "lora_B" in name:
                    parameter.normal_(0, 0.05)
        loss = compute_loss(model, pack(examples))
        loss.backward()
        found.append((float(loss.detach()), {name: p.grad for name, p in model.named_parameters() if p.grad is not None}))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-5)
    assert len(found[0][1]) == len(found[1][1]) == 2 * 7 * 2
    for name, gradient in found[0][1].items():
        assert torch.allclose(gradient, found[1][1][name], rtol=1e-3, atol=1e-6), name


@pytest.mark.parametrize("changes", [{"rslora": True}, {"dora": True}, {"storage": "int8"}])
def test_every_kind_of_adapter_learns(tiny_model, examples, changes):
    config = replace(CONFIG, epochs=10, **changes)
    model = add_adapter(load_trainable(tiny_model, storage=config.storage), config)
    outcome = train(model, examples, config, on_step=lambda report: None)
    assert outcome.last_loss < 0.9 * outcome.first_loss


def test_the_self_test_passes_and_names_a_cut_gradient(tiny_model, examples):
    model = make(tiny_model)
    model.train()
    assert check_gradients(model, examples[0]) == 14
    for name, parameter in model.named_parameters():
        if "layers.1.mlp.up_proj.lora_B" in name:
            parameter.requires_grad_(False)
    with pytest.raises(LabError, match=r"No gradient reaches .*up_proj"):
        check_gradients(model, examples[0])


def test_data_that_make_no_number_are_told_and_the_last_state_is_kept(tiny_model, examples, tmp_path):
    import torch

    model = make(tiny_model)

    def poison(report):
        if report.step == 5:
            with torch.no_grad():
                next(p for n, p in model.named_parameters() if "lora_A" in n).fill_(float("nan"))

    with pytest.raises(LabError, match="The loss became nan at step 6"):
        train(model, examples, CONFIG, on_step=poison, checkpoints=Checkpoints(tmp_path, "x"))
    assert sorted(path.name for path in tmp_path.glob("step-*"))[0] == "step-00000004"


def test_curves_are_put_into_words():
    falling = [3.0 - 0.05 * n for n in range(40)]
    assert describe_steps(falling, [1.0] * 40) == []
    assert describe_steps([2.0] * 30, [1.0] * 30)[0].startswith("Flat")
    assert describe_steps([*falling, *[4.0] * 10], [1.0] * 50)[0].startswith("Diverging")
    assert describe_steps([2.0] * 3, [0.0] * 3)[0].startswith("Frozen")
    assert describe_steps([2.0] * 3, [500.0] * 3)[0].startswith("Steep")
    assert describe_evaluations([2.0, 1.0, 1.5], [1.0, 0.5])[0].startswith("Overfitting")
    assert describe_evaluations([2.0, 1.5, 1.0], [1.0, 0.5]) == []


@pytest.fixture
def job_settings(settings, tiny_model, tmp_path, monkeypatch):
    rows = [row(n, f"How high is bonus {n}?", f"{n} euros", "pay") for n in range(24)]
    write_task(settings.folder("tasks") / "bonus", train=rows, test=[row(99, "Bonus ninety-nine?", "99 euros", "pay")])
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return replace(settings, model=str(tiny_model))


def wait_for(folder, *, step=None):
    """Wait for a step of the job, or for its end."""
    for _ in range(9000):
        status = read_status(folder)
        if not status.active or (step is not None and any(e["step"] >= step for e in read_events(folder))):
            return read_status(folder)
        time.sleep(0.02)
    raise AssertionError(read_status(folder))


@pytest.mark.slow
def test_a_killed_worker_is_noticed_and_resumed_to_the_same_end(job_settings):
    request = TrainRequest("bonus", TrainConfig(epochs=3, batch_size=4, rank=4, holdout=0))
    whole = start(job_settings, request, runner=RUNNER)
    assert wait_for(whole).state == "done", (whole / "log.txt").read_text()
    killed = start(job_settings, request, runner=RUNNER)
    os.kill(wait_for(killed, step=9).pid, signal.SIGKILL)
    status = wait_for(killed)
    assert status.state == "failed"
    assert "ended before its work was done" in status.message
    with pytest.raises(LabError, match="is done"):
        resume_job(job_settings, whole, runner=RUNNER)
    resume_job(job_settings, find_job(job_settings, killed.name), runner=RUNNER)
    assert wait_for(killed).state == "done"
    losses = [[event["loss"] for event in read_events(folder) if "loss" in event] for folder in (whole, killed)]
    assert losses[1] == pytest.approx(losses[0], abs=1e-5)
    assert not (killed / "states").exists()


@pytest.mark.slow
def test_jobs_are_watched_and_shown_on_the_command_line(job_settings):
    def ragft(*arguments):
        done = subprocess.run(
            [sys.executable, "-m", "ui.cli", *arguments, "--json"], capture_output=True, text=True, cwd=ROOT,
            env={**os.environ, "RAGFT_HOME": str(job_settings.home), "RAGFT_MODEL": job_settings.model},
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr

    code, out, err = ragft("train", "bonus", "--epochs", "4", "--batch-size", "4", "--rank", "2", "--holdout", "2")
    assert code == 0, err
    card = json.loads(out)
    assert [item["step"] for item in card["outcome"]["evaluations"]][0] == 0
    name = json.loads(ragft("jobs", "list")[1])[0]["job"]
    code, out, _ = ragft("jobs", "watch", name)
    assert (code, json.loads(out)["state"]) == (0, "done")
    shown = json.loads(ragft("jobs", "show", name)[1])
    assert any(event.get("kind") == "evaluation" for event in shown["events"])
    code, _, err = ragft("jobs", "resume", name)
    assert (code, "is done" in err) == (2, True)
    assert ragft("jobs", "watch", "nothing")[0] == 2


def test_an_example_of_no_prompt_tokens_in_common_still_trains(tiny_model):
    items = [Encoded("a", [5, 6], [7, 2]), Encoded("b", [8, 9], [7, 2])]
    outcome = train(make(tiny_model), items, replace(CONFIG, epochs=2), on_step=lambda report: None)
    assert outcome.steps == 2
