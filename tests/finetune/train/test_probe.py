"""The learning-rate helper and the starting values, on a tiny random Llama."""

from dataclasses import replace

import pytest

from core.errors import Cancelled, LabError
from core.generation.loading import load_tokenizer
from finetune.config import TrainConfig
from finetune.data import encode_examples
from finetune.plan.estimate import read_shape
from finetune.plan.presets import choose_preset
from finetune.train.checkpoint import read_adapter
from finetune.train.model import add_adapter, load_trainable
from finetune.train.probe import check_rates, plan_probe, probe_rates

CONFIG = TrainConfig(rank=4, alpha=8, epochs=40, batch_size=2, storage="nf4")


@pytest.fixture
def model(tiny_model):
    return add_adapter(load_trainable(tiny_model, storage="nf4"), CONFIG)


@pytest.fixture
def examples(task, tiny_model):
    return encode_examples(task, task.train, load_tokenizer(tiny_model), max_tokens=2048)[0]


def test_every_rate_starts_alike_and_the_adapter_is_given_back(model, examples):
    before = read_adapter(model)
    told = []
    probe = probe_rates(model, examples, CONFIG, rates=(3e-2, 1e-4), on_step=lambda *step: told.append(step))
    assert [curve.rate for curve in probe.curves] == [1e-4, 3e-2]
    assert probe.curves[0].losses[0] == probe.curves[1].losses[0]  # The same adapter and batch.
    assert probe.curves[0].losses[1] != probe.curves[1].losses[1]
    assert {len(curve.losses) for curve in probe.curves} == {probe.steps}
    assert [step[:2] for step in told] == [(n, 2 * probe.steps) for n in range(1, 2 * probe.steps + 1)]
    assert probe.suggestion == 3e-2  # So few steps at 1e-4 hardly learn.
    after = read_adapter(model)
    assert all((after[name] == value).all() for name, value in before.items())


def test_rates_at_which_the_loss_rises_are_out(model, examples, monkeypatch):
    from finetune.train import trainer

    known, calls = trainer.compute_loss, []

    def rising(*given):
        calls.append(1)
        return known(*given) * (1.0 + len(calls))

    monkeypatch.setattr(trainer, "compute_loss", rising)
    probe = probe_rates(model, examples, CONFIG, rates=(1e-5, 1e-4))
    assert [curve.mark for curve in probe.curves] == [None, None]
    assert probe.suggestion is None


def test_losses_that_are_no_number_end_a_curve_not_the_probe(model, examples, monkeypatch):
    from finetune.train import trainer

    monkeypatch.setattr(trainer, "compute_loss", lambda *given, known=trainer.compute_loss: known(*given) * float("nan"))
    probe = probe_rates(model, examples, CONFIG, rates=(1e-3, 1e-2))
    assert [curve.losses for curve in probe.curves] == [(), ()]
    assert probe.suggestion is None


@pytest.mark.parametrize("at", [2, 9, 11])
def test_a_cancelled_probe_stops(model, examples, at):
    def on_step(done, total, rate, loss):
        if done == at:
            raise Cancelled

    with pytest.raises(Cancelled):
        probe_rates(model, examples, TrainConfig(rank=4, alpha=8, epochs=90, batch_size=2), rates=(1e-3, 1e-2), on_step=on_step)


def test_a_probe_takes_a_tenth_of_the_steps_and_refuses_where_that_is_too_few():
    assert plan_probe(300, 3) == 10
    for rates in (2, 3, 4):
        assert rates * plan_probe(30 * rates, rates) == 3 * rates
        for planned in (1, 10, 30 * rates - 1):
            with pytest.raises(LabError, match=f"has {planned} steps.* so {30 * rates} planned"):
                plan_probe(planned, rates)


def test_a_short_training_is_refused_before_its_model_is_loaded(task, monkeypatch):
    from lab.training.probe import check_plan, run_probe

    monkeypatch.setattr("lab.training.run.probe_task", lambda *_, **__: pytest.fail("loaded"))
    with pytest.raises(LabError, match="has 6 steps; a tenth of them is too few to compare 2 learning rates"):
        run_probe(None, task, replace(CONFIG, epochs=3), [1e-3, 1e-2], None)
    check_plan(task, replace(CONFIG, epochs=45))


@pytest.mark.parametrize(("rates", "said"), [((1e-3,), "1 learning rates"), ((1e-3, 0), "rate is 0"), ((2, 1e-3), "rate is 2")])
def test_impossible_rates_are_refused(rates, said):
    with pytest.raises(LabError, match=said):
        check_rates(rates)


def test_larger_models_start_with_smaller_rates(tiny_model):
    known = read_shape(tiny_model)

    def choose(size, gib):
        return choose_preset(replace(known, parameters=int(size)), gib * 2**30)

    presets = [choose(size, 1000) for size in (135e6, 3e9, 7e9, 32e9, 70e9)]
    rates = [preset.learning_rate for preset in presets]
    assert rates == sorted(rates, reverse=True)
    assert len(set(rates)) >= 4
    assert all(preset.learning_rate in preset.rates for preset in presets)
    assert [choose(7e9, 140).storage, choose(7e9, 24).storage, choose(70e9, 140).storage] == ["full", "nf4", "nf4"]
