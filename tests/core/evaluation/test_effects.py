"""The effects of the 2 x 2 are those that were put in."""

import numpy as np
import pytest

from core.evaluation.effects import measure_effects
from core.evaluation.statistics import Sample


def make(retrieval, training, interaction, n=200, seed=0):
    noise = np.random.default_rng(seed)
    base = noise.uniform(0.2, 0.3, n)
    jitter = lambda: noise.normal(0, 0.05, n)  # noqa: E731
    return {
        "base": Sample("base", (base + jitter()).tolist()),
        "rag": Sample("rag", (base + retrieval + jitter()).tolist()),
        "qlora": Sample("qlora", (base + training + jitter()).tolist()),
        "hybrid": Sample("hybrid", (base + retrieval + training + interaction + jitter()).tolist()),
    }


def test_effects_are_found_with_their_intervals():
    samples = make(0.1, 0.2, 0.06)
    effects = {effect.name: effect for effect in measure_effects(samples, [str(n) for n in range(200)])}
    for name, true in {"retrieval": 0.13, "training": 0.23, "interaction": 0.06}.items():
        effect = effects[name]
        assert effect.size == pytest.approx(true, abs=0.02)
        assert effect.low < true < effect.high
    assert effects["retrieval"].p < 0.001


def test_no_interaction_is_not_called_one_and_ranges_beyond_one_hold():
    none = {effect.name: effect for effect in measure_effects(make(0.1, 0.2, 0.0), [str(n) for n in range(200)])}
    assert none["interaction"].low < 0 < none["interaction"].high
    far = {"base": Sample("base", [1.0] * 20), "rag": Sample("rag", [0.0] * 20), "qlora": Sample("qlora", [0.0] * 20), "hybrid": Sample("hybrid", [1.0] * 20)}  # fmt: skip
    effect = measure_effects(far, [str(n) for n in range(20)])[2]
    assert effect.size == pytest.approx(2.0)
    assert 0 < effect.low <= 2.0


def test_without_one_of_the_four_arms_there_is_no_effect():
    samples = make(0.1, 0.2, 0.0)
    samples.pop("rag")
    assert measure_effects(samples, ["a"] * 200) == []


def test_several_trainings_widen_what_depends_on_them():
    samples = make(0.1, 0.2, 0.0)
    rows = [np.asarray(samples["qlora"].marks) + shift for shift in (-0.1, 0.0, 0.1)]
    wide = samples | {"qlora": Sample("qlora", [row.tolist() for row in rows], ("a", "b", "c"))}
    clusters = [str(n) for n in range(200)]
    narrow, wider = measure_effects(samples, clusters)[1], measure_effects(wide, clusters)[1]
    assert wider.high - wider.low > 2 * (narrow.high - narrow.low)


def test_one_adapter_in_two_arms_counts_once_in_what_training_brings():
    """Where the same draws answer both arms their errors add up in training's effect and cancel in retrieval's."""
    samples = make(0.1, 0.2, 0.0)
    clusters = [str(n) for n in range(200)]
    shifts = (-0.1, 0.0, 0.1)

    def draw(arm, names):
        return Sample(arm, [(np.asarray(samples[arm].marks) + shift).tolist() for shift in shifts], names)

    def widths(other):
        arms = samples | {"qlora": draw("qlora", ("a", "b", "c")), "hybrid": draw("hybrid", other)}
        return [effect.high - effect.low for effect in measure_effects(arms, clusters)]

    shared, apart = widths(("a", "b", "c")), widths(("d", "e", "f"))
    assert shared[1] > 1.2 * apart[1]
    assert shared[0] < 0.5 * apart[0]
