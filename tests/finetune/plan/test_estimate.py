"""What a training will cost, known before weights are loaded and equal to what it then costs."""

from dataclasses import replace

import pytest

from core.errors import LabError
from core.generation.device import choose_device
from finetune.adapters.card import AdapterCard
from finetune.config import TrainConfig
from finetune.plan.estimate import (
    MARGIN,
    Machine,
    choose_unpacking,
    describe_estimate,
    estimate_training,
    inspect_machine,
    read_shape,
)
from finetune.train.model import add_adapter, load_trainable

GIB = 2**30
ROOMY = Machine("cpu", 4, 64 * GIB, 64 * GIB)
LENGTHS = {"prefix": 50, "own": [40, 60, 50, 50], "answers": [20, 30, 20, 25]}


@pytest.fixture(scope="module")
def shape(tiny_model):
    return read_shape(tiny_model)


@pytest.mark.parametrize("rank", [4, 16])
@pytest.mark.parametrize("variant", [{}, {"use_rslora": True}, {"use_dora": True}], ids=str)
def test_parameters_are_those_that_peft_trains(tiny_model, shape, rank, variant):
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear", task_type="CAUSAL_LM", **variant)
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(tiny_model), config)
    trainable, everything = model.get_nb_trainable_parameters()
    assert shape.count_trainable(rank, dora="use_dora" in variant) == trainable
    assert shape.parameters == everything - trainable


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_parameters_and_weights_are_those_of_the_trainer(tiny_model, shape, device):
    config = TrainConfig(rank=4, alpha=8, storage="nf4")
    machine = replace(ROOMY, device=device, dtype_bytes=choose_device().dtype.itemsize)
    unpack = choose_unpacking(shape, machine, storage="nf4")
    model = add_adapter(load_trainable(tiny_model, storage="nf4", unpack=unpack), config)
    trained = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    estimate = estimate_training(shape, config, machine, **LENGTHS)
    assert unpack == (device == "cpu")
    assert (estimate.trainable, estimate.adapter) == (trained, 4 * trained)
    # The library counts the codes but not the scales, which are an eighth of a bit and less.
    frozen = model.get_memory_footprint() - estimate.adapter
    assert estimate.weights == pytest.approx(frozen, rel=0.03)


def test_other_architectures_are_counted_without_their_weights(tmp_path):
    from transformers import GPT2Config

    GPT2Config(n_layer=2, n_embd=48, n_head=2, vocab_size=100, n_positions=64).save_pretrained(tmp_path)
    shape = read_shape(tmp_path)
    assert shape.linears == ((144, 48), (48, 48), (192, 48), (48, 192)) * 2  # Kept by GPT-2 as its transposed Conv1D.
    assert (shape.context, shape.vocabulary, shape.width) == (64, 100, 48)


def test_a_folder_without_a_config_is_named(tmp_path):
    with pytest.raises(LabError, match=str(tmp_path)):
        read_shape(tmp_path)


def test_fewer_bits_take_less_and_an_unknown_storage_is_refused(shape):
    sizes = [shape.weigh(name, dtype_bytes=2) - 2 * (shape.parameters - shape.linear_parameters) for name in ("nf4", "int8")]
    assert sizes[1] == shape.linear_parameters
    assert sizes[0] / shape.linear_parameters * 8 == pytest.approx(4.127, abs=1e-3)
    assert shape.weigh("full", dtype_bytes=4) == 4 * shape.parameters
    with pytest.raises(LabError, match="int3"):
        shape.weigh("int3")


def test_each_choice_costs_what_it_should(shape):
    config = TrainConfig(rank=4, batch_size=2, epochs=2)
    base = estimate_training(shape, config, ROOMY, **LENGTHS)
    assert base.go
    assert base.steps == 4
    assert base.tokens_per_step == 2 * (50 + 50)
    assert estimate_training(shape, replace(config, rank=8), ROOMY, **LENGTHS).trainable == 2 * base.trainable
    larger = estimate_training(shape, replace(config, batch_size=4), ROOMY, **LENGTHS)
    assert (larger.steps, larger.logits / base.logits) == (2, pytest.approx((20 + 30 + 20 + 25) / (30 + 25)))
    # The shared prefix is computed once a step, whatever the batch.
    assert larger.activations / base.activations == pytest.approx((50 + 200) / (50 + 110), rel=1e-3)
    assert base.optimizer == 3 * base.adapter
    parts = (base.weights, base.adapter, base.optimizer, base.activations, base.logits, base.process)
    assert base.peak == sum(parts)


def test_time_comes_from_past_trainings_of_the_same_model_and_storage(settings, shape):
    def card(model, storage, tokens):
        outcome = {"tokens": tokens, "seconds": 10.0}
        return AdapterCard("id", "t", model, "w", "d", {"storage": storage}, outcome, "now")

    cards = [card(shape.name, "nf4", 1000), card(shape.name, "nf4", 3000), card(shape.name, "nf4", 2000)]
    others = [card("another", "nf4", 9), card(shape.name, "full", 9), card(shape.name, "nf4", 0)]
    machine = inspect_machine(settings.home / "not" / "yet", [*cards, *others], model=shape.name, storage="nf4")
    assert sorted(machine.speeds) == [100, 200, 300]
    assert machine.memory > 0
    assert machine.disk > 0
    config = TrainConfig(batch_size=2, epochs=2)
    estimate = estimate_training(shape, config, machine, **LENGTHS)
    assert estimate.tokens_per_second == 200
    assert "measured in 3 trainings" in estimate.speed_source
    assert estimate.minutes == pytest.approx(4 * 200 / 200 / 60)
    assert estimate_training(shape, replace(config, minutes=0.001), machine, **LENGTHS).minutes == 0.001
    assert "assumed" in estimate_training(shape, config, ROOMY, **LENGTHS).speed_source


@pytest.mark.parametrize(("limit", "words"), [({"memory": GIB // 4}, "0.2 are free"), ({"disk": 1000}, "MiB of disk")])
def test_what_does_not_fit_is_a_no_go_with_the_reason(shape, limit, words):
    estimate = estimate_training(shape, TrainConfig(), replace(ROOMY, **limit), **LENGTHS)
    assert not estimate.go
    assert words in estimate.problems[0]
    assert describe_estimate(estimate)["go"] is False


@pytest.mark.parametrize(("limit", "expected"), [("max", 5000), ("3000", 2000), ("9000", 5000)])
def test_a_containers_limit_counts(monkeypatch, tmp_path, limit, expected):
    import psutil

    import finetune.plan.estimate

    (tmp_path / "memory.max").write_text(limit + "\n")
    (tmp_path / "memory.current").write_text("1000\n")
    monkeypatch.setattr(finetune.plan.estimate, "CONTROL_GROUP", tmp_path)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: type("Memory", (), {"available": 5000}))
    assert finetune.plan.estimate._free_memory() == expected


def test_disk_is_what_the_states_and_the_adapter_take_at_most(shape):
    estimate = estimate_training(shape, TrainConfig(rank=4), ROOMY, **LENGTHS)
    assert estimate.disk == 3 * 16 * estimate.trainable + estimate.adapter


def test_what_fits_with_savings_is_no_no_go(shape):
    lengths = {"prefix": 500, "own": [900] * 8, "answers": [20] * 8}
    roomy = estimate_training(shape, TrainConfig(), ROOMY, **lengths)
    assert roomy.least < roomy.peak
    short = replace(ROOMY, memory=int((roomy.least + roomy.peak) * MARGIN / 2))
    assert estimate_training(shape, TrainConfig(), short, **lengths).go
    assert not estimate_training(shape, TrainConfig(), replace(ROOMY, memory=roomy.least), **lengths).go


def test_divided_weights_count_by_their_share_once_they_are_loaded(shape):
    alone, divided = replace(ROOMY, device="cuda"), replace(ROOMY, device="cuda", processes=4)
    whole, part = (estimate_training(shape, TrainConfig(), machine, **LENGTHS) for machine in (alone, divided))
    assert whole.weights == part.weights
    assert whole.peak - part.peak == whole.weights - whole.weights // 4
    large = replace(shape, parameters=10**10)
    held = estimate_training(large, TrainConfig(), divided, **LENGTHS)
    assert held.peak == held.least == held.weights  # Each process loads them whole.
    assert choose_unpacking(shape, ROOMY, storage="nf4")
    assert not choose_unpacking(shape, replace(ROOMY, processes=2), storage="nf4")
