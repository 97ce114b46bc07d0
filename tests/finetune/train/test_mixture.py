"""Training on a mixture: every example with and without its passages in turn, resumed and planned like any other."""

from contextlib import suppress
from dataclasses import replace
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as some

from core.generation.decoder import common_prefix
from core.generation.loading import load_tokenizer
from core.values import Hit, Passage
from finetune.config import TrainConfig
from finetune.data import Encoded, encode_both, encode_example, encode_examples, measure_own, take_turn
from finetune.plan.estimate import Machine, read_shape
from finetune.plan.preflight import inspect_training
from finetune.train.checkpoint import Checkpoints, read_adapter
from finetune.train.model import add_adapter, load_trainable
from finetune.train.schedule import order_batches
from finetune.train.trainer import train

HIT = Hit(Passage("pay", "Pay", 0, 4, "The walrus bonus is 40 euros and is paid in May.", ""), 1.0)
CONFIG = TrainConfig(rank=4, alpha=8, epochs=4, batch_size=2, learning_rate=2e-2, checkpoint_seconds=0, prompts="mixed")


class Killed(Exception):
    """The process ends here."""


@pytest.fixture
def tokenizer(tiny_model):
    return load_tokenizer(tiny_model)


@pytest.fixture
def examples(task, tokenizer):
    hits = [[HIT]] * len(task.train)
    return encode_examples(task, task.train, tokenizer, max_tokens=2048, hits=hits, mixed=True)[0]


@given(seed=some.integers(0, 9), names=some.sets(some.text(min_size=1), min_size=1, max_size=9), size=some.integers(1, 4))
def test_two_passes_show_each_example_both_ways_and_every_pass_each_once(seed, names, size):
    items = [Encoded(name, [0, place], [2], other=[1, place]) for place, name in enumerate(sorted(names))]
    steps = -(-len(items) // size)
    batches = list(islice(order_batches(items, TrainConfig(batch_size=size, seed=seed)), 2 * steps))
    passes = [[item for batch in part for item in batch] for part in (batches[:steps], batches[steps:])]
    assert [sorted(item.id for item in part) for part in passes] == [sorted(names)] * 2
    shown = {name: {item.prompt[0] for part in passes for item in part if item.id == name} for name in names}
    assert shown == {name: {0, 1} for name in names}
    for done in range(len(batches)):
        again = order_batches(items, TrainConfig(batch_size=size, seed=seed), done=done)
        assert list(islice(again, len(batches) - done)) == batches[done:]


def test_about_half_of_a_pass_shows_passages_whatever_the_order_and_the_seed_decides():
    items = [Encoded(f"x-{n}", [0], [2], other=[1]) for n in range(400)]
    for seed in range(3):
        assert 160 < sum(take_turn(item, 0, seed=seed).prompt[0] for item in items) < 240
    first, second = ([take_turn(item, 0, seed=seed).prompt[0] for item in items] for seed in (0, 1))
    assert first != second


def test_the_answer_is_the_same_and_the_prompts_are_those_that_are_asked_later(task, tokenizer, examples):
    for example, item in zip(task.train, examples, strict=True):
        plain, shown = (encode_example(task, example, tokenizer, hits=hits) for hits in ((), [HIT]))
        assert (item.prompt, item.other, item.answer) == (plain.prompt, shown.prompt, plain.answer)
        assert plain.answer == shown.answer


def test_passages_that_do_not_fit_are_left_out_and_the_example_stays(task, tokenizer):
    plain = encode_example(task, task.train[0], tokenizer)
    room = len(plain.prompt) + len(plain.answer)
    assert encode_both(task, task.train[0], tokenizer, hits=[HIT], max_tokens=room) == plain


def run(tiny_model, examples, states=None, *, die_at=None):
    losses = {}

    def on_step(report):
        losses[report.step] = report.loss
        if report.step == die_at:
            raise Killed

    model = add_adapter(load_trainable(tiny_model, storage="nf4"), CONFIG)
    with suppress(Killed):
        train(model, examples, CONFIG, on_step=on_step, checkpoints=states)
    return losses, read_adapter(model)


def test_a_resumed_mixture_repeats_the_uninterrupted_one(tiny_model, examples, tmp_path):
    losses, adapter = run(tiny_model, examples)
    states = Checkpoints(tmp_path / "states", "same")
    before, _ = run(tiny_model, examples, states, die_at=4)
    after, resumed = run(tiny_model, examples, states)
    assert {**before, **after} == losses
    assert min(after) == 4
    assert all((adapter[name] == resumed[name]).all() for name in adapter)


def test_the_planned_step_lies_between_those_of_both_kinds(task, tokenizer, tiny_model):
    hits, shape = [[HIT]] * len(task.train), read_shape(tiny_model)
    machine = Machine("cpu", 4, 2**34, 2**34)

    def look(prompts, shown):
        config = replace(CONFIG, prompts=prompts, holdout=0)
        return inspect_training(task, tokenizer, config, shape=shape, machine=machine, hits=shown)

    plain, mixed, shown = look("plain", None), look("mixed", hits), look("passages", hits)
    assert plain.estimate.tokens_per_step < mixed.estimate.tokens_per_step < shown.estimate.tokens_per_step
    assert plain.estimate.steps == mixed.estimate.steps == shown.estimate.steps
    assert mixed.estimate.peak == pytest.approx(shown.estimate.peak, rel=1e-2)  # A step may hold the longest alone.
    assert mixed.lengths["prompt"]["p100"] == shown.lengths["prompt"]["p100"]


def test_no_step_can_be_longer_than_is_planned_for(examples):
    prefix = common_prefix([item.prompt for item in examples])
    planned = sorted(measure_own(examples, prefix), reverse=True)
    longest = max(
        sum(len(item.prompt) - prefix + len(item.answer) for item in batch)
        for batch in islice(order_batches(examples, CONFIG), 40)
    )
    assert longest <= sum(planned[: CONFIG.batch_size])
