"""How often the verdict is wrong: simulated comparisons of known truth, through the product's own functions.

    python -m benchmarks.verdict_truth [--quick]

Every rate stands beside its limit. Cells: continuous, right-or-wrong and mostly-zero marks; 2, 4 and 7 arms; 10 to 300
items, independent or in 6 to 48 groups; identical arms (A/A) and one that leads (A/B); one or three trainings. The peer is
the percentile bootstrap over groups, as most tools have it.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from scipy.stats import norm

from benchmarks.measure import print_report, read_arguments
from core.comparison.arms import sort_by_simplicity
from core.evaluation.statistics import Contrast, Sample, contrast
from core.evaluation.verdict import DEFAULT_MARGIN, Exam, choose, count_needed

KINDS = ("continuous", "binary", "zeros")
SHAPES = ((10, 0), (30, 0), (60, 0), (150, 0), (300, 0), (60, 6), (60, 10), (150, 10), (150, 20), (150, 48), (300, 48))
ITEM_ALIKE = 0.4  # Share of a mark's variance that is the item's, alike for all arms.
GROUP_SHARED = 0.2  # Share that is the group's.
GROUP_OWN = 0.15  # Share that is the group's for one arm: it makes differences go together.
ZERO_MARKS = 0.95
SPREAD = 0.3  # Standard deviation of continuous marks.
NAMES = ("base", "rag", "qlora", "hybrid", "rag_examples", "zero_shot", "more")
ADVISED_LEADS = (DEFAULT_MARGIN, 0.1)
MIN_PILOTS = 100  # Of fewer the power has a standard error above 0.04.
MIN_GROUPS = 10  # From here on the intervals promise their coverage.

LIMITS = {
    "false_better": 0.06, "false_equivalent": 0.03, "coverage_low": 0.93, "coverage_high": 0.97,
    "power_150_4_arms": 0.20, "advice_low": 0.75, "advice_high": 0.85,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cell:
    """One kind of comparison.

    Args:
        kind: Of marks.
        arms: How many.
        items: How many.
        groups: Independent groups; 0 where every item is one.
        lead: Of the last arm's true mean over all others.
        trainings: Adapters of each arm that uses one.
        deviation: Standard deviation of a training's true mean.
    """

    kind: str
    arms: int
    items: int
    groups: int = 0
    lead: float = 0.0
    trainings: int = 1
    deviation: float = 0.0


@dataclass(frozen=True, slots=True)
class Draw:
    """One simulated comparison."""

    exam: Exam
    samples: dict[str, Sample]
    contrasts: list[Contrast]
    best: str


def main() -> None:
    """Run all cells and print the rates."""
    arguments = read_arguments(__doc__ or "")
    draws = 200 if arguments.quick else 2_000
    start, ours, peer = time.perf_counter(), {}, {}
    for name, cells, measure in list_studies(quick=arguments.quick):
        rows = [{**asdict(cell), **measure(cell, draws)} for cell in cells]
        ours[name] = rows
        sys.stderr.write(f"{name}: {len(rows)} cells, {time.perf_counter() - start:.0f} s\n")
    peer["coverage"] = [
        {**asdict(cell), "percentile_coverage": measure_peer(cell, draws // 4)}
        for cell in (Cell("continuous", 2, 60, 6), Cell("continuous", 2, 150, 10), Cell("binary", 2, 60, 6))
    ]
    print_report(
        "verdict_truth",
        config={"draws": draws, "margin": DEFAULT_MARGIN, "seconds": round(time.perf_counter() - start)},
        ours={"failed": list_failures(ours), **ours}, peer=peer, limits=LIMITS,
    )  # fmt: skip


Measure = Callable[[Cell, int], dict[str, Any]]


def list_studies(*, quick: bool) -> Iterator[tuple[str, list[Cell], Measure]]:
    """Yield the name of a study, its cells, and what measures one."""
    shapes = SHAPES[1::3] if quick else SHAPES
    counts = (2, 4) if quick else (2, 4, 7)
    plain = [Cell(kind, arms, *shape) for kind, arms, shape in product(KINDS, counts, shapes)]
    yield "identical_arms", plain, measure_verdicts
    yield "lead_of_margin", [replace(cell, lead=DEFAULT_MARGIN) for cell in plain if cell.arms < 7], measure_verdicts
    yield "coverage", [replace(c, lead=lead) for c in plain if c.arms == 2 for lead in (0.0, 0.1)], measure_coverage
    yield "power", [Cell(kind, arms, 150, lead=0.1) for kind in KINDS for arms in (2, 4)], measure_verdicts
    seeds = [Cell("continuous", 2, 150, 0, 0.0, trainings, sd) for trainings in (3, 5) for sd in (0.01, 0.02, 0.03)]
    yield "trainings", seeds[:1] if quick else seeds, measure_trainings_cell
    advised = [Cell(kind, arms, n) for kind in KINDS for arms in (2, 4) for n in (60, 150)]
    yield "advice", advised[:2] if quick else advised, measure_advice


def measure_verdicts(cell: Cell, draws: int) -> dict[str, Any]:
    """Return how often each verdict is given; `false_equivalent` counts those that name the leader as equal to another."""
    states: Counter[str] = Counter()
    right = false_equal = pair_equal = 0
    for number in range(draws):
        found = simulate(cell, seed=number)
        verdict = choose(found.exam, found.samples, found.contrasts)
        states[verdict.state] += 1
        right += verdict.state == "better" and verdict.arm == NAMES[cell.arms - 1]
        pairs = [item for item in found.contrasts if NAMES[cell.arms - 1] in (item.a, item.b)]
        false_equal += verdict.state == "equivalent" and any(item.is_equivalent(DEFAULT_MARGIN) for item in pairs)
        pair_equal += pairs[0].is_equivalent(DEFAULT_MARGIN)
    rates = {state: states[state] / draws for state in ("better", "equivalent", "inconclusive")}
    if cell.lead:
        return {
            **rates,
            "better_right": right / draws,
            "false_equivalent": false_equal / draws,
            "pair_equivalent": pair_equal / draws,
        }
    return {**rates, "false_better": states["better"] / draws}


def measure_coverage(cell: Cell, draws: int) -> dict[str, Any]:
    """Return how often the interval of a difference holds the truth, and how many groups differ on average."""
    truth, covered, informative, bounds, contradictions = find_truth(cell), 0, 0, 0, 0
    for number in range(draws):
        (item,) = simulate(cell, seed=number).contrasts
        item = item if item.a == NAMES[1] else item.turn()
        low, high = item.ci_low or 0.0, item.ci_high or 0.0
        covered += low <= truth <= high
        informative += item.informative
        bounds += item.method == "bound"
        contradictions += (item.p is not None and item.p < 0.05) != (low > 0 or high < 0)
    return {
        "coverage": covered / draws, "informative": informative / draws, "bounds": bounds / draws,
        "contradictions": contradictions,
    }  # fmt: skip


def measure_trainings_cell(cell: Cell, draws: int) -> dict[str, Any]:
    """Return how often identical recipes are told apart, with all trainings, with one, and by a two-level bootstrap."""
    rates = measure_verdicts(cell, draws)
    one = measure_verdicts(replace(cell, trainings=1), draws)
    fewer = max(draws // 10, 50)
    missed = sum(_two_level_misses(simulate(cell, seed=number), seed=number) for number in range(fewer))
    return {**rates, "one_training_better": one["better"], "two_level_bootstrap_better": missed / fewer}


def measure_advice(cell: Cell, draws: int) -> dict[str, Any]:
    """Return the mean power at the number of items that an inconclusive first comparison advises.

    The true lead is the one that the advice names: the margin, and 0.10. The second comparison is drawn anew.
    """
    rates: dict[str, Any] = {}
    for lead in ADVISED_LEADS:
        found = asked = total = 0
        world = replace(cell, lead=lead)
        for number in range(max(draws // 4, 40)):
            pilot = simulate(world, seed=number)
            first = choose(pilot.exam, pilot.samples, pilot.contrasts)
            if first.state != "inconclusive":
                continue
            needed = count_needed(pilot.exam, pilot.samples, first.best, first.against, lead=lead)
            if needed is None:
                continue
            asked += 1
            total += needed
            again = simulate(replace(world, items=max(round(needed), 2)), seed=10_000_000 + number)
            verdict = choose(again.exam, again.samples, again.contrasts)
            found += verdict.state == "better" and verdict.arm == NAMES[cell.arms - 1]
        rates |= {f"power_{lead}": found / max(asked, 1), f"advised_{lead}": total / max(asked, 1), f"pilots_{lead}": asked}
    return rates


def measure_peer(cell: Cell, draws: int) -> float:
    """Return the coverage of the percentile bootstrap over groups."""
    covered, truth = 0, find_truth(cell)
    for number in range(draws):
        found = simulate(cell, seed=number)
        low, high = _percentile(found.samples[NAMES[1]].marks - found.samples[NAMES[0]].marks, found.exam.clusters, number)
        covered += low <= truth <= high
    return covered / draws


def simulate(cell: Cell, *, seed: int) -> Draw:
    """Draw one comparison. Marks are a hidden normal number of item, group and arm, turned into the kind's marks."""
    random = np.random.default_rng([seed, hash_cell(cell)])
    count = cell.groups or cell.items
    index = random.integers(0, count, cell.items) if cell.groups else np.arange(cell.items)
    rows = cell.arms * cell.trainings
    shared = random.normal(size=cell.items) * np.sqrt(ITEM_ALIKE)
    own_share = 1 - ITEM_ALIKE
    hidden = np.tile(shared, (rows, 1))
    if cell.groups:
        hidden += random.normal(size=count)[index] * np.sqrt(GROUP_SHARED)
        hidden += np.repeat(random.normal(size=(cell.arms, count))[:, index], cell.trainings, axis=0) * np.sqrt(GROUP_OWN)
        own_share -= GROUP_SHARED + GROUP_OWN
    hidden += random.normal(size=(rows, cell.items)) * np.sqrt(own_share)
    leads = np.zeros(rows)
    leads[-cell.trainings :] = cell.lead
    marks = to_marks(cell.kind, hidden, leads[:, None])
    marks += random.normal(size=(rows, 1)) * cell.deviation
    samples = {
        name: Sample(name, marks[place * cell.trainings : (place + 1) * cell.trainings], _name_adapters(name, cell.trainings))
        for place, name in enumerate(NAMES[: cell.arms])
    }
    exam = Exam("score", DEFAULT_MARGIN, [str(number) for number in index], cell.items)
    best = max(sort_by_simplicity(samples), key=lambda name: samples[name].mean)
    contrasts = [
        contrast(samples[best], samples[name], metric="score", slice_name="all", clusters=exam.clusters)
        for name in samples
        if name != best
    ]
    return Draw(exam, samples, contrasts, best)


def hash_cell(cell: Cell) -> int:
    """Return a number that tells cells apart, the same in every process."""
    return KINDS.index(cell.kind) + 10 * cell.arms + 1_000 * cell.items + 10_000_000 * cell.groups + round(1e11 * cell.lead)


def to_marks(kind: str, hidden: Any, leads: Any) -> Any:
    """Turn standard normal numbers into marks whose mean is the kind's, and higher by the leads."""
    if kind == "continuous":
        return 0.5 + SPREAD * hidden + leads
    if kind == "binary":
        return (hidden > norm.ppf(0.5 - leads)).astype(float)
    above = norm.ppf(ZERO_MARKS - leads / 0.65)  # Marks above are from 0.3 to 1, 0.65 on average.
    share = norm.sf(hidden) / norm.sf(above)
    return np.where(hidden > above, 1.0 - 0.7 * share, 0.0)


def find_truth(cell: Cell) -> float:
    """Return the true difference of the last arm from the others."""
    return cell.lead


def list_failures(studies: dict[str, list[dict[str, Any]]]) -> list[str]:
    """Name every cell whose rate is beyond its limit by more than two standard errors of the simulation would explain."""
    failed = []
    for study, rows in studies.items():
        for row in rows:
            where = f"{study} {row['kind']} arms {row['arms']} items {row['items']} groups {row['groups']} lead {row['lead']}"
            wrong = [f"{where}: {what}" for what in find_faults(study, row)]
            failed += wrong
    return failed


def find_faults(study: str, row: dict[str, Any]) -> Iterator[str]:
    """Yield what of a cell is beyond its limit."""
    for name in ("false_better", "false_equivalent"):
        if row.get(name, 0.0) > LIMITS[name]:
            yield f"{name} {row[name]:.3f}"
    if study == "coverage" and (row["groups"] or row["items"]) >= MIN_GROUPS:
        # Where hardly any group differs the interval is a bound, and wide on purpose.
        high = LIMITS["coverage_high"] if row["informative"] >= MIN_GROUPS else 1.0
        if not LIMITS["coverage_low"] <= row["coverage"] <= high or row["contradictions"]:
            yield f"coverage {row['coverage']:.3f}, {row['contradictions']} intervals contradict their p"
    if study == "power" and row["arms"] == 4 and row["better_right"] < LIMITS["power_150_4_arms"]:
        yield f"power {row['better_right']:.3f}"
    for name in (f"power_{lead}" for lead in ADVISED_LEADS):
        enough = name in row and row[name.replace("power", "pilots")] >= MIN_PILOTS
        if enough and not LIMITS["advice_low"] <= row[name] <= LIMITS["advice_high"]:
            yield f"{name} {row[name]:.3f} at the advised number of items"


def _name_adapters(arm: str, trainings: int) -> tuple[str, ...]:
    return tuple(f"{arm}-{number}" for number in range(trainings)) if trainings > 1 else ()


def _percentile(differences: Any, clusters: Any, seed: int) -> tuple[float, float]:
    names, index = np.unique(clusters, return_inverse=True)
    sums, sizes = np.bincount(index, weights=differences), np.bincount(index).astype(float)
    chosen = np.random.default_rng(seed).integers(0, len(names), (999, len(names)))
    low, high = np.percentile(sums[chosen].sum(axis=1) / sizes[chosen].sum(axis=1), (2.5, 97.5))
    return float(low), float(high)


def _two_level_misses(found: Draw, *, seed: int) -> bool:
    """Say whether resampling trainings, then items, finds identical recipes different."""
    random, (a, b) = np.random.default_rng(seed), (found.samples[name].rows for name in NAMES[:2])
    trainings, items = a.shape
    means = [
        (a[random.integers(0, trainings, trainings)][:, place] - b[random.integers(0, trainings, trainings)][:, place]).mean()
        for place in random.integers(0, items, (999, items))
    ]
    low, high = np.percentile(means, (2.5, 97.5))
    return bool(low > 0 or high < 0)


if __name__ == "__main__":
    main()
