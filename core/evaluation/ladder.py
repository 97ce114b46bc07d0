"""A ladder of models: each model's approaches with their marks, and what a small trained one is worth beside a bigger untrained one.

Everything is computed from stored runs, item by item: two approaches of different runs are compared over the items that both
answered.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from math import inf
from statistics import fmean
from typing import Any

from core.comparison.arms import find_title, is_control
from core.errors import LabError
from core.evaluation.board import Board, Cell
from core.evaluation.intervals import Interval, mean_interval
from core.evaluation.sampling import find_clusters
from core.evaluation.statistics import Contrast, Sample, contrast, correct_holm, measure_draws
from core.values import Example

BITS = {"nf4": 4, "int8": 8, "bf16": 16, "full": 16}  # Of a weight, by storage.


@dataclass(frozen=True, slots=True)
class Step:
    """One run of a ladder.

    Args:
        run: Its id.
        generator: What answered, as the run has it: model, storage, parameters.
        memory_mib: Of the process when the run ended; None where that was not measured.
        board: Its answers.
        stamp: Says that its marks are not to be trusted, or not known to be; empty where they are.
    """

    run: str
    generator: Mapping[str, Any]
    memory_mib: float | None
    board: Board
    stamp: str = ""

    @property
    def model(self) -> str:
        """The model's name."""
        return str(self.generator.get("model") or "unknown")

    @property
    def storage(self) -> str:
        """How its weights were kept; a fake has none."""
        return str(self.generator.get("storage") or "none")

    @property
    def size(self) -> tuple[float, int]:
        """What orders steps: parameters, then bits. Runs that do not say how many parameters come last, in the order asked."""
        parameters = self.generator.get("parameters")
        count = float(parameters) if isinstance(parameters, int | float) and parameters > 0 else inf
        return count, BITS.get(self.storage, 0)


Column = tuple[Step, str]  # A run and one of its arms.


@dataclass(frozen=True, slots=True)
class Rung:
    """One approach of one model.

    Args:
        name: `model/storage/arm`, by which a command names it; with `@run` where several runs have the same model and storage.
        run: The run that it comes from.
        model: The model.
        storage: How its weights were kept.
        arm: The approach's name.
        title: What people call it.
        trained: Whether an adapter answered.
        mark: Mean of the primary metric, with its 95 % interval.
        valid: Share of answers that the schema takes as they were written.
        seconds: Of the model's time an answer.
        memory_mib: Of the whole process when the run ended; None where that was not measured.
        n: Items.
    """

    name: str
    run: str
    model: str
    storage: str
    arm: str
    title: str
    trained: bool
    mark: Interval
    valid: float
    seconds: float
    memory_mib: float | None
    n: int


@dataclass(frozen=True, slots=True)
class Ladder:
    """All rungs, smallest model first, and the differences between some of them.

    Args:
        task: The task's name.
        metric: The primary metric.
        rungs: The approaches.
        contrasts: Paired differences; the first one is the one that `sentence` tells.
        sentence: What the ladder shows, as one sentence.
        notes: What a reader must know.
    """

    task: str
    metric: str
    rungs: tuple[Rung, ...]
    contrasts: tuple[Contrast, ...]
    sentence: str
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


def build_ladder(steps: Sequence[Step], *, lost: Sequence[str] = (), a: str = "", b: str = "") -> Ladder:
    """Lay runs of one task beside each other.

    Args:
        steps: The runs.
        lost: What a reader must know of runs that are not among them.
        a: Name of the rung whose lead over `b` is wanted; with neither, the small trained ones are set against the bigger
            untrained ones.
        b: The other rung.

    Raises:
        LabError: A rung is named that there is not, or only one is named.
    """
    ordered = sorted(steps, key=lambda step: step.size)
    columns = {name: column for step in ordered for name, column in _list_columns(step, ordered)}
    rungs = tuple(_describe_rung(name, *column) for name, column in columns.items())
    pairs = [_check_pair(columns, a, b)] if a or b else _choose_pairs(ordered, rungs)
    marks = {rung.name: rung.mark.mean for rung in rungs}
    # The sentence is about the best of each side, of those that may be trusted where any may; that they were picked by these very
    # items is said beside it.
    pairs.sort(key=lambda pair: (_is_stamped(columns, pair), -marks[pair[0]], -marks[pair[1]]))
    compared = [found for pair in pairs if (found := _contrast(columns, *pair)) is not None]
    contrasts = correct_holm(compared)
    stamps = [f"{step.run}: {step.stamp}" for step in ordered if step.stamp]
    notes = [*lost, *stamps, *dict.fromkeys(step.board.note for step in ordered if step.board.note), *_describe_items(ordered)]
    if len(contrasts) > 1:
        notes.append(
            f"The sentence tells the best of {len(contrasts)} pairs, picked by these very items: its corrected p is for all of them."
        )
    task = ordered[0].board.task
    return Ladder(task.name, task.primary_metric, rungs, tuple(contrasts), _tell(contrasts, columns), tuple(notes))


def _list_columns(step: Step, steps: Sequence[Step]) -> Iterator[tuple[str, Column]]:
    """Yield the approaches that answered, by names that no other run has."""
    twin = any(_is_twin(step, other) for other in steps)
    for arm in step.board.arms:
        if _count_answers(step.board, arm):
            yield f"{step.model}/{step.storage}/{arm}" + (f"@{step.run}" if twin else ""), (step, arm)


def _is_twin(step: Step, other: Step) -> bool:
    """Say whether two runs have the same model and storage."""
    return step.run != other.run and (step.model, step.storage) == (other.model, other.storage)


def _is_stamped(columns: Mapping[str, Column], pair: Sequence[str]) -> bool:
    return any(columns[name][0].stamp for name in pair)


def _count_answers(board: Board, arm: str) -> int:
    return sum(len(row.cells.get(arm, ())) for row in board.rows)


def _list_cells(step: Step, arm: str) -> dict[str, tuple[Example, tuple[Cell, ...]]]:
    """Return by an item's id the item and its answers, one for each draw."""
    return {row.item.id: (row.item, row.cells[arm]) for row in step.board.rows if row.cells.get(arm)}


def _sample(name: str, cells: Sequence[Sequence[Cell]]) -> Sample:
    """Return marks draw by draw; where items differ in their draws, the mean of each."""
    counts = {len(found) for found in cells}
    if len(counts) > 1:
        return Sample(name, [[fmean(cell.mark for cell in found) for found in cells]])
    draws = tuple(cell.draw or "" for cell in cells[0]) if counts != {1} else ()
    return Sample(name, [[found[place].mark for found in cells] for place in range(counts.pop())], draws)


def _describe_rung(name: str, step: Step, arm: str) -> Rung:
    answers = _list_cells(step, arm)
    items, cells = zip(*answers.values(), strict=True)
    sample = _sample(name, cells)
    flat = [cell for found in cells for cell in found]
    return Rung(
        name, step.run, step.model, step.storage, arm, find_title(arm),
        trained=any(cell.prediction.adapter is not None for cell in flat),
        mark=mean_interval(sample.marks, find_clusters(items), trainings=measure_draws(sample)),
        valid=fmean(cell.prediction.schema_valid for cell in flat),
        seconds=fmean(cell.prediction.generation.seconds for cell in flat),
        memory_mib=step.memory_mib, n=len(items),
    )  # fmt: skip


def _check_pair(columns: Mapping[str, Any], a: str, b: str) -> tuple[str, str]:
    for name in (a, b):
        if name not in columns:
            raise LabError(
                f"The ladder has no rung {name!r}." if name else "Two rungs are compared, and one is named.",
                f"Choose two of {', '.join(columns)}.",
            )
    return a, b


def _choose_pairs(steps: Sequence[Step], rungs: Sequence[Rung]) -> list[tuple[str, str]]:
    """Return pairs of rungs: small and trained against bigger and untrained; where nothing was trained, arm by arm.

    The smallest is the first step; of one model in several storages that with the fewest bits. Of models of unknown sizes none
    is the smallest.
    """
    first = steps[0].run
    sized = steps[0].size[0] < inf or len({step.model for step in steps}) == 1
    shown = [rung for rung in rungs if not is_control(rung.arm)]
    small = [rung for rung in shown if rung.run == first]
    bigger = [rung for rung in shown if rung.run != first]
    pairs = list(product([rung for rung in small if rung.trained], [rung for rung in bigger if not rung.trained]))
    if not pairs or not sized:
        pairs = [(one, other) for one, other in product(small, bigger) if one.arm == other.arm]
    return [(one.name, other.name) for one, other in pairs]


def _pair(columns: Mapping[str, Column], a: str, b: str) -> tuple[list[Example], list[Sample]]:
    """Return the items that two rungs both answered, asked and marked alike, and the marks of each; no marks without items."""
    one, other = _list_cells(*columns[a]), _list_cells(*columns[b])
    common = [name for name in one if name in other and one[name][0] == other[name][0]]
    sides = ((a, one), (b, other)) if common else ()
    return [one[name][0] for name in common], [_sample(name, [cells[item][1] for item in common]) for name, cells in sides]


def _contrast(columns: Mapping[str, Column], a: str, b: str) -> Contrast | None:
    """Compare two rungs over the items of both; None where there are none."""
    items, samples = _pair(columns, a, b)
    if not items:
        return None
    clusters = find_clusters(items)
    return contrast(*samples, metric=columns[a][0].board.task.primary_metric, slice_name="all", clusters=clusters)


def _describe_items(steps: Sequence[Step]) -> list[str]:
    """Say where runs did not ask the same."""
    asked = [{row.item.id for row in step.board.rows} for step in steps]
    common = set.intersection(*asked)
    if all(len(items) == len(common) for items in asked):
        return []
    return [f"The runs did not ask the same items: differences are over those that both answered ({len(common)} in all runs)."]


def _tell(contrasts: Sequence[Contrast], columns: Mapping[str, Column]) -> str:
    """Say what the first difference is worth; its marks are those of the items that both answered."""
    if not contrasts:
        return "There is nothing to compare: one run alone, or no item that two of them answered."
    first = contrasts[0]
    twin = _is_twin(columns[first.a][0], columns[first.b][0])
    a, b = (_title(*columns[name], twin=twin) for name in (first.a, first.b))
    marks = " against ".join(f"{sample.mean:.2f}" for sample in _pair(columns, first.a, first.b)[1])
    if _is_stamped(columns, (first.a, first.b)):
        return f"{a} and {b}: {marks}, and neither is said to be better, because these marks are stamped: see the notes."
    if first.ci_low is None or first.ci_high is None:
        return f"{a} has {marks} of {b}; {first.clusters} independent groups are too few to say more."
    shown = f"difference {first.difference:+.3f}, 95 % from {first.ci_low:+.3f} to {first.ci_high:+.3f}, {first.n} items"
    p = first.p_holm if first.p_holm is not None else first.p
    sure = p is not None and p < 0.05 and not first.ci_low <= 0 <= first.ci_high
    if not sure:
        return f"{a} and {b} cannot be told apart: {marks} ({shown})."
    return f"{a} {'beats' if first.difference > 0 else 'is beaten by'} {b}: {marks} ({shown})."


def _title(step: Step, arm: str, *, twin: bool) -> str:
    run = f", run {step.run}" if twin else ""
    return f"{step.model} ({step.storage}{run}) with {find_title(arm)}"
