"""The trainer on a tiny random Llama: real NF4, real LoRA, no download."""

from dataclasses import replace
from random import Random

import pytest

from core.comparison.prompts import build_prompt
from core.errors import Cancelled, LabError
from core.generation.decoder import load_generator
from core.generation.device import Device
from core.generation.loading import load_tokenizer
from core.storage import new_folder
from core.values import DecodeOptions, Evidence, Example, Hit, Passage
from finetune.adapters.card import AdapterCard
from finetune.adapters.store import save_adapter
from finetune.config import TrainConfig
from finetune.data import Encoded, encode_example, encode_examples, pack, show_evidence
from finetune.train.model import add_adapter, check_gradients, compute_loss, load_trainable
from finetune.train.packed_attention import Spans
from finetune.train.trainer import train

CONFIG = TrainConfig(rank=4, alpha=8, epochs=12, batch_size=3, learning_rate=2e-2, storage="nf4")


def ignore(_report):
    pass


@pytest.fixture
def loaded(tiny_model):
    return load_trainable(tiny_model, storage="nf4")


@pytest.fixture
def loaded_float32(tiny_model, monkeypatch):
    """Equalities of exact arithmetic are tested where rounding to 16 bits does not hide a mistake."""
    import torch

    monkeypatch.setattr("core.generation.loading.choose_device", lambda: Device("cpu", torch.float32))
    return load_trainable(tiny_model, storage="nf4")


@pytest.fixture
def examples(task, tiny_model):
    return encode_examples(task, task.train, load_tokenizer(tiny_model), max_tokens=2048)[0]


def test_the_answer_and_its_end_are_learned_and_nothing_else(task, tiny_model):
    tokenizer = load_tokenizer(tiny_model)
    item = encode_example(task, task.train[0], tokenizer)
    assert tokenizer.decode(item.answer[:-1]) == '{"answer": "40 euros", "area": "pay", "sure": true}'
    assert item.answer[-1] == tokenizer.eos_token_id
    assert tokenizer.decode(item.prompt).endswith("assistant\n")
    packed = pack([item])
    assert packed.targets.tolist() == item.answer
    assert packed.ids[0, packed.predicting + 1].tolist() == item.answer


def test_an_example_that_does_not_fit_is_left_out_never_cut(task, tiny_model):
    tokenizer = load_tokenizer(tiny_model)
    lengths = [len(item.prompt) + len(item.answer) for item in (encode_example(task, e, tokenizer) for e in task.train)]
    kept, dropped = encode_examples(task, task.train, tokenizer, max_tokens=max(lengths) - 1)
    assert len(kept) + len(dropped) == len(task.train)
    assert len(dropped) >= 1
    with pytest.raises(LabError, match="No training example"):
        encode_examples(task, task.train, tokenizer, max_tokens=3)


def test_one_packed_row_gives_the_loss_and_gradient_of_separate_rows(loaded_float32, examples):
    model = add_adapter(loaded_float32, CONFIG)
    parameters = {name: p for name, p in model.named_parameters() if p.requires_grad and "lora_B" in name}

    def gradients(batches):
        weights = [sum(len(item.answer) for item in batch) for batch in batches]
        loss = sum(compute_loss(model, pack(batch)) * weight for batch, weight in zip(batches, weights, strict=True)) / sum(
            weights
        )
        model.zero_grad()
        loss.backward()
        return float(loss.detach()), {name: p.grad.clone() for name, p in parameters.items()}

    together, alone = gradients([examples]), gradients([[item] for item in examples])
    assert together[0] == pytest.approx(alone[0], rel=1e-4)
    for name, gradient in together[1].items():
        assert (gradient - alone[1][name]).norm() <= 1e-3 * alone[1][name].norm() + 1e-9, name


def test_the_first_step_starts_from_the_base_model(loaded_float32, examples):
    before = float(compute_loss(loaded_float32.model, pack(examples)))
    model = add_adapter(loaded_float32, CONFIG)
    assert float(compute_loss(model, pack(examples))) == pytest.approx(before, rel=1e-4)


@pytest.fixture
def repacking(monkeypatch):
    """Let 4-bit layers do on every machine what bitsandbytes does on CPUs with AVX512-bf16.

    An evaluation repacks their weights, and what is computed from these has no gradient. The fused product does not
    call the layers' own forward, so peft's is used.
    """
    import bitsandbytes
    import torch

    plain = bitsandbytes.nn.Linear4bit.forward

    def forward(self, x):
        if not self.training and not torch.is_grad_enabled() and self.support_avx512bf16_for_cpu is not False:
            self.repacked = True
        found = plain(self, x)
        return found.detach() if getattr(self, "repacked", False) else found

    monkeypatch.setattr(bitsandbytes.nn.Linear4bit, "support_avx512bf16_for_cpu", True, raising=False)
    monkeypatch.setattr(bitsandbytes.nn.Linear4bit, "forward", forward)
    monkeypatch.setattr("finetune.train.model.fuse_adapter", lambda model: 0)


def test_the_self_test_names_an_evaluation_that_cuts_gradients(tiny_model, examples, repacking, monkeypatch):
    monkeypatch.setattr("core.generation.loading.keep_gradients", lambda model: None)
    model = add_adapter(load_trainable(tiny_model, storage="nf4"), CONFIG)
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = True
    model.train()
    with pytest.raises(LabError, match="An evaluation changed the gradient"):
        check_gradients(model, examples[0])


@pytest.mark.parametrize("forward", ["fused", "repacking"])
def test_an_evaluation_in_between_changes_no_loss(tiny_model, examples, forward, request):
    """On CPUs with AVX512-bf16, bitsandbytes repacks 4-bit weights in an evaluation and later gradients vanish."""
    import torch

    if forward == "repacking":
        request.getfixturevalue(forward)
    curves = []
    for evaluating in (False, True):
        model = add_adapter(load_trainable(tiny_model, storage="nf4"), CONFIG)
        losses = []

        def on_step(report, model=model, losses=losses, evaluating=evaluating):
            losses.append(report.loss)
            if evaluating:
                model.eval()
                with torch.inference_mode():
                    compute_loss(model, pack(examples))
                model.train()

        train(model, examples, replace(CONFIG, epochs=6), on_step=on_step)
        curves.append(losses)
    assert curves[0] == pytest.approx(curves[1], rel=1e-5)


def test_training_learns_stops_and_survives_storage(settings, task, tiny_model, loaded, examples):
    model = add_adapter(loaded, CONFIG)
    outcome = train(model, examples, replace(CONFIG, epochs=60), on_step=ignore)
    assert outcome.last_loss < 0.2 * outcome.first_loss
    card = AdapterCard("first", task.name, "tiny", loaded.weights_hash, "d", {}, {}, "now")
    folder = save_adapter(settings, model, card)
    assert not list(folder.glob("*.bin"))

    generator = load_generator(tiny_model)
    prompts = [build_prompt(task, example.input) for example in task.train]
    options = DecodeOptions(max_new_tokens=80)
    base = dict(generator.generate(prompts, adapter=None, options=options))
    tuned = dict(generator.generate(prompts, adapter=str(folder), options=options))
    again = dict(generator.generate(prompts, adapter=None, options=options))
    assert [tuned[i].finish for i in range(3)] == ["stop"] * 3  # the end token was learned
    assert tuned[0].text == '{"answer": "40 euros", "area": "pay", "sure": true}'
    assert [base[i].text for i in range(3)] == [again[i].text for i in range(3)]
    assert base[0].text != tuned[0].text


def test_merged_and_attached_adapters_answer_alike(settings, task, tiny_model, loaded, examples):
    model = add_adapter(loaded, CONFIG)
    train(model, examples, replace(CONFIG, epochs=60), on_step=ignore)
    folder = save_adapter(settings, model, AdapterCard("both", task.name, "tiny", loaded.weights_hash, "d", {}, {}, "now"))
    prompts = [build_prompt(task, example.input) for example in task.train]
    texts = []
    for merge in (True, False):
        generator = load_generator(tiny_model, merge=merge)
        answers = dict(generator.generate(prompts, adapter=str(folder), options=DecodeOptions(max_new_tokens=80)))
        texts.append([answers[index].text for index in range(len(prompts))])
    assert texts[0] == texts[1]


def test_an_adapter_of_other_weights_is_refused(settings, task, tiny_model, loaded, examples):
    model = add_adapter(loaded, CONFIG)
    card = AdapterCard("alien", task.name, "tiny", "0" * 64, "d", {}, {}, "now")
    folder = save_adapter(settings, model, card)
    prompts = [build_prompt(task, "q")]
    with pytest.raises(LabError, match="was trained on weights 000000000000"):
        list(load_generator(tiny_model).generate(prompts, adapter=str(folder), options=DecodeOptions()))


def test_cancelling_late_keeps_what_was_learned_and_early_does_not(loaded, examples):
    model = add_adapter(loaded, CONFIG)

    def cancel_at(step):
        def on_step(report):
            if report.step == step:
                raise Cancelled

        return on_step

    outcome = train(model, examples, CONFIG, on_step=cancel_at(6))
    assert (outcome.cancelled, outcome.steps) == (True, 6)
    with pytest.raises(Cancelled):
        train(model, examples, CONFIG, on_step=cancel_at(2))


def test_the_same_seed_gives_the_same_losses(tiny_model, examples):
    curves = []
    for _ in range(2):
        losses = []
        model = add_adapter(load_trainable(tiny_model, storage="nf4"), CONFIG)
        train(model, examples, replace(CONFIG, epochs=4), on_step=lambda report, losses=losses: losses.append(report.loss))
        curves.append(losses)
    assert curves[0] == curves[1]


def test_a_time_budget_plans_fewer_steps(loaded, examples):
    totals = []
    model = add_adapter(loaded, CONFIG)
    train(model, examples, replace(CONFIG, epochs=500, minutes=0.01), on_step=lambda report: totals.append(report.total))
    assert totals[0] == 500
    assert 4 <= totals[-1] < 500


@pytest.mark.parametrize("wrong", [{"rank": 0}, {"learning_rate": -1}, {"minutes": 0}, {"storage": "int3"}])
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(LabError, match=next(iter(wrong))):
        TrainConfig(**wrong)


def test_the_shared_prefix_changes_no_answer(tiny_model, task):
    generator = load_generator(tiny_model)
    prompts = [build_prompt(task, f"Question {'long ' * number}?") for number in range(5)]
    batched = dict(generator.generate(prompts, adapter=None, options=DecodeOptions(max_new_tokens=12, batch_size=2)))
    for index, prompt in enumerate(prompts):
        alone = dict(generator.generate([prompt], adapter=None, options=DecodeOptions(max_new_tokens=12)))[0]
        assert batched[index].text == alone.text
        assert batched[index].prompt_tokens == alone.prompt_tokens


def test_packing_keeps_a_prefix_longer_than_one_prompt_apart():
    random = Random(0)
    head = [random.randrange(50) for _ in range(6)]
    packed = pack([Encoded("a", [*head, 1], [2, 3]), Encoded("b", [*head, 1, 4], [5])])
    assert packed.ids[0].tolist() == [*head, 1, 2, 3, 1, 4, 5]
    assert packed.positions[0].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 6, 7, 8]
    assert packed.targets.tolist() == [2, 3, 5]
    assert packed.spans == Spans(6, ((6, 9), (9, 12)))


def test_evidence_that_retrieval_missed_is_mostly_shown_beside_wrong_passages():
    wrong = [Hit(Passage("time", "Time", 0, 5, "Breaks"), 1.0 - n / 10) for n in range(3)]
    right = Hit(Passage("pay", "Pay", 0, 20, "The bonus is paid\nin May."), 1.0)
    proof = (Evidence("pay", "is paid in May"),)
    examples = [Example(f"e{n}", "When?", {}, evidence=proof) for n in range(400)]
    shown = [show_evidence(example, wrong, lambda proof: right, seed=0) for example in examples]
    assert all(hits in ([*wrong[:2], right], wrong) for hits in shown)
    assert 0.75 < sum(right in hits for hits in shown) / 400 < 0.85
    assert shown == [show_evidence(example, wrong, lambda proof: right, seed=0) for example in examples]
    assert shown != [show_evidence(example, wrong, lambda proof: right, seed=1) for example in examples]
    found = [right, *wrong]
    assert all(show_evidence(example, found, lambda proof: None, seed=0) == found for example in examples)
    assert show_evidence(Example("e0", "When?", {}), wrong, lambda proof: right, seed=0) == wrong


def test_a_disk_that_fills_while_tensors_are_written_is_told(tmp_path):
    from safetensors import SafetensorError

    with pytest.raises(LabError, match="Cannot write .*os error 28.*disk space"), new_folder(tmp_path / "adapter"):
        raise SafetensorError("Error while serializing: IoError(Os { code: 28, os error 28 })")
    assert not list(tmp_path.iterdir())
