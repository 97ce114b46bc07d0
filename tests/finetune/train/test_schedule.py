"""How a training is laid out: its rate, its batches, when it is marked."""

from itertools import islice

import pytest

from finetune.config import TrainConfig
from finetune.data import Encoded
from finetune.train.checkpoint import TrainingProgress
from finetune.train.schedule import count_steps, fit_steps, is_evaluation_due, order_batches, scale_rate


def test_the_rate_rises_to_its_peak_falls_and_is_never_nothing():
    shares = [scale_rate(step, TrainingProgress(total=20), 0.1) for step in range(1, 21)]
    assert shares[:2] == [0.5, 1.0]
    assert all(a > b for a, b in zip(shares[1:], shares[2:], strict=False))
    assert 0 < shares[-1] < 0.02
    assert [scale_rate(step, TrainingProgress(total=2), 0.1) for step in (1, 2)] == pytest.approx([1.0, 0.5])


def test_a_time_budget_does_not_make_the_rate_jump():
    before = scale_rate(3, TrainingProgress(total=750), 0.1)
    planned = TrainingProgress(total=60, planned_at=3, planned_share=before)
    shares = [before, *(scale_rate(step, planned, 0.1) for step in range(4, 61))]
    assert all(0 < b - a < 0.17 for a, b in zip(shares[:6], shares[1:7], strict=True))
    assert shares[6] == 1.0
    assert all(a > b for a, b in zip(shares[6:], shares[7:], strict=False))


@pytest.mark.parametrize(
    ("total", "parts", "due"), [(12, 4, [3, 6, 9, 12]), (10, 4, [3, 5, 8, 10]), (3, 4, [1, 2, 3]), (5, 1, [5])]
)
def test_the_sample_is_answered_at_even_distances_and_at_the_end_once(total, parts, due):
    steps = [TrainingProgress(step=step, total=total) for step in range(1, total + 1)]
    assert [progress.step for progress in steps if is_evaluation_due(progress, parts)] == due
    assert not is_evaluation_due(TrainingProgress(step=total, total=total, evaluations=({"step": total},)), parts)


def test_a_resumed_training_sees_the_batches_that_it_would_have_seen():
    config = TrainConfig(batch_size=3, epochs=2, seed=1)
    items = [Encoded(str(number), [number], [2]) for number in range(7)]
    whole = list(islice(order_batches(items, config), 9))
    assert list(islice(order_batches(items, config, done=4), 5)) == whole[4:]
    assert sorted(item.id for batch in whole[:3] for item in batch) == [item.id for item in items]
    assert whole[:3] != whole[3:6]
    assert count_steps(7, config) == 6


def test_a_time_budget_never_takes_a_step_back_and_adds_none():
    assert (fit_steps(100, 20.0, 2.0, 3), fit_steps(10, 1e6, 2.0, 3), fit_steps(100, -5.0, 2.0, 3)) == (13, 10, 4)
