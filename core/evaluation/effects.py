"""What retrieval brings, what training brings, and whether they help each other: the effects of the 2 x 2 of arms.

Source: Box, Hunter and Hunter 2005, *Statistics for Experimenters*, section 5: main effects and the interaction of a two-level
factorial design, here paired item by item.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.evaluation.intervals import NO_SPREAD, Spread, estimate_difference
from core.evaluation.statistics import Sample, measure_draws

# Weights of base, rag, qlora, hybrid. The interaction is by how much retrieval brings more with an adapter than without.
WEIGHTS: Mapping[str, Mapping[str, float]] = {
    "retrieval": {"base": -0.5, "rag": 0.5, "qlora": -0.5, "hybrid": 0.5},
    "training": {"base": -0.5, "rag": -0.5, "qlora": 0.5, "hybrid": 0.5},
    "interaction": {"base": 1.0, "rag": -1.0, "qlora": -1.0, "hybrid": 1.0},
}
SENTENCES = {
    "retrieval": "Retrieval, on average with and without training",
    "training": "Training, on average with and without retrieval",
    "interaction": "More from retrieval with training than without",
}


@dataclass(frozen=True, slots=True)
class Effect:
    """An effect on the primary metric's mean; the bounds are None where there are too few groups."""

    name: str
    size: float
    low: float | None
    high: float | None
    p: float | None


def measure_effects(samples: Mapping[str, Sample], clusters: Sequence[str]) -> list[Effect]:
    """Return the effects of retrieval, of training and of both together; none where one of the four arms is missing.

    Args:
        samples: Marks of the primary metric by arm, over the same items.
        clusters: Shape (items,): which items belong together.
    """
    return [_measure(name, weights, samples, clusters) for name, weights in WEIGHTS.items() if weights.keys() <= samples.keys()]


def _measure(name: str, weights: Mapping[str, float], samples: Mapping[str, Sample], clusters: Sequence[str]) -> Effect:
    scale = sum(abs(weight) for weight in weights.values()) / 2  # The estimate's range is -1 to 1.
    values = sum(weight / scale * samples[arm].marks for arm, weight in weights.items())
    found = estimate_difference(values, clusters, trainings=_measure_spread(weights, samples, scale))
    low, high = (None if bound is None else bound * scale for bound in (found.low, found.high))
    return Effect(name, found.mean * scale, low, high, found.p)


def _measure_spread(weights: Mapping[str, float], samples: Mapping[str, Sample], scale: float) -> Spread:
    """Return what training anew adds to the error of a weighted sum.

    Arms that the same adapters answer rise and fall together, so their weighted marks are added draw by draw.
    """
    sums: dict[tuple[str, ...], Any] = {}
    for arm, weight in weights.items():
        draws = samples[arm].draws if len(samples[arm].rows) > 1 else ()
        own = draws or (arm,)  # Of one draw, or of unnamed ones: its own.
        sums[own] = sums.get(own, 0.0) + weight / scale * samples[arm].rows
    spreads = [measure_draws(Sample("", rows.tolist())) for rows in sums.values()]
    known = [(spread.variance, spread.freedom) for spread in spreads if spread.variance > 0]
    if not known:
        return NO_SPREAD
    variance = sum(part for part, _ in known)
    return Spread(variance, variance**2 / sum(part**2 / freedom for part, freedom in known))  # Satterthwaite 1946.
