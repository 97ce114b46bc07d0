"""A run against a run: what differs in the settings, which items flipped, and what the difference is worth."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from core.comparison.runs import Run
from core.evaluation.board import Board, BoardRow
from core.evaluation.rules import list_marked
from core.evaluation.sampling import find_clusters
from core.evaluation.statistics import Contrast, Sample, contrast
from core.evaluation.summary import ALL, VALIDITIES
from core.tasks.task import Task
from core.values import Example

ABSENT = "-"  # Shown where a run does not have a setting.
NONE = "null"
# Of the configuration: what a run asked in other words (items, request), says of itself, or learned from runs before it.
LEFT_OUT = frozenset({"items", "request", "registration", "from_store", "title", "input_label", "rerun_of"})


@dataclass(frozen=True, slots=True)
class SettingChange:
    """One setting that differs.

    Args:
        name: Its place in the record, for example `decoding.mode`.
        before: Its value in the first run, as text.
        after: Its value in the second.
    """

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class ArmChange:
    """What changed for one approach over the items that both runs asked.

    Args:
        arm: Its name.
        lost: Ids of items that were right and are not any more.
        won: Ids of items that are right now and were not.
        contrast: The paired difference, second run minus first; None where no item has an answer in both, or a run has no
            such mark.
    """

    arm: str
    lost: tuple[str, ...]
    won: tuple[str, ...]
    contrast: Contrast | None


@dataclass(frozen=True, slots=True)
class RunDifference:
    """All that differs between two runs.

    Args:
        first: Id of the run that is measured against.
        second: Id of the other.
        metric: What is compared.
        settings: What differs in the settings, in the order of the record.
        common: How many items both asked, as they are.
        only_first: Ids of the items that only the first asked.
        only_second: Ids of the items that only the second asked.
        changed: Ids of the items that are another question, or expect another answer, in the second.
        arms: The approaches that answered in both.
        notes: What a reader must know.
    """

    first: str
    second: str
    metric: str
    settings: tuple[SettingChange, ...]
    common: int
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]
    changed: tuple[str, ...]
    arms: tuple[ArmChange, ...]
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


def compare_runs(first: Run, second: Run, boards: tuple[Board, Board], *, metric: str | None = None) -> RunDifference:
    """Compare two runs.

    Args:
        first: The run that is measured against.
        second: The other.
        boards: Their boards.
        metric: A mark: `score`, `exact` or a field. By default the first run's primary metric. Where a run has no such mark,
            its schema having changed, there is no difference of it.
    """
    before, after = boards
    metric = metric or before.task.primary_metric
    olds, news = ({row.item.id: row for row in board.rows} for board in boards)
    shared = [name for name in olds if name in news]
    same = [name for name in shared if is_same_item(olds[name].item, news[name].item)]
    pairs = [(olds[name], news[name]) for name in same]
    arms = [arm for arm in before.arms if arm in after.arms]
    strange = list(_find_missing(boards, metric, names=(first.id, second.id)))
    return RunDifference(
        first.id,
        second.id,
        metric,
        settings=(*list_changes(first, second), *_compare_tasks(before, after)),
        common=len(same),
        only_first=tuple(name for name in olds if name not in news),
        only_second=tuple(name for name in news if name not in olds),
        changed=tuple(name for name in shared if name not in set(same)),
        arms=tuple(_compare_arm(arm, pairs, metric if not strange else None) for arm in arms),
        notes=(*_describe_limits(boards, arms, len(same)), *strange),
    )


def list_metrics(task: Task) -> list[str]:
    """Return the names of all marks of a task's answers."""
    return ["score", "exact", *VALIDITIES, *list_marked(task.schema)]


def list_changes(first: Run, second: Run) -> list[SettingChange]:
    """List what differs in the settings of two runs: model, weights, adapters, decoding, prompts, data, versions, machine."""
    olds, news = (_flatten(run) for run in (first, second))
    return [
        SettingChange(name, olds.get(name, ABSENT), news.get(name, ABSENT))
        for name in dict.fromkeys([*olds, *news])
        # A setting that an older version did not know is as good as one that is not set.
        if olds.get(name, NONE) != news.get(name, NONE)
    ]


def is_same_item(a: Example, b: Example) -> bool:
    """Say whether two items ask the same and take the same for right; their groups, which intervals rest on, count too."""
    return (a.input, a.output, dict(a.accept), a.group, a.evidence) == (b.input, b.output, dict(b.accept), b.group, b.evidence)


def pair_marks(
    arm: str, pairs: Sequence[tuple[BoardRow, BoardRow]], metric: str
) -> tuple[list[Example], Sample | None, Sample | None]:
    """Return the marks of an arm in two runs over the items that it answered in both.

    Args:
        arm: Its name.
        pairs: The item's rows in both runs.
        metric: A mark: `score`, `exact`, a field, `schema_valid` or `json_valid`.

    Returns:
        The items, and the samples of the first and the second run; None where there is no item.
    """
    answered = [pair for pair in pairs if pair[0].cells.get(arm) and pair[1].cells.get(arm)]
    if not answered:
        return [], None, None
    first, second = (_sample(arm, [pair[side] for pair in answered], metric) for side in (0, 1))
    return [pair[0].item for pair in answered], first, second


def _sample(arm: str, rows: Sequence[BoardRow], metric: str) -> Sample:
    """Return an arm's marks, draw by draw where each draw answered every item, else the mean over those that did."""
    cells = [row.cells[arm] for row in rows]
    draws = tuple(cell.draw or "" for cell in cells[0])
    if all(tuple(cell.draw or "" for cell in of_item) == draws for of_item in cells):
        marks = [[_read_mark(of_item[place], metric) for of_item in cells] for place in range(len(draws))]
        return Sample(arm, marks, draws if len(draws) > 1 else ())
    return Sample(arm, [sum(_read_mark(cell, metric) for cell in of_item) / len(of_item) for of_item in cells])


def _read_mark(cell: Any, metric: str) -> float:
    if metric in {"schema_valid", "json_valid"}:
        return float(getattr(cell.prediction, metric))
    return float(cell.score.metric(metric))


def _compare_arm(arm: str, pairs: Sequence[tuple[BoardRow, BoardRow]], metric: str | None) -> ArmChange:
    """Compare an arm; without a metric only by what flipped."""
    lost, won = [], []
    for old, new in pairs:
        if old.cells.get(arm) and new.cells.get(arm):
            was, now = _is_right(old, arm), _is_right(new, arm)
            if was and not now:
                lost.append(old.item.id)
            if now and not was:
                won.append(old.item.id)
    if metric is None:
        return ArmChange(arm, tuple(lost), tuple(won), None)
    items, first, second = pair_marks(arm, pairs, metric)
    found = None
    if first is not None and second is not None:
        found = contrast(second, first, metric=metric, slice_name=ALL, clusters=find_clusters(items))
    return ArmChange(arm, tuple(lost), tuple(won), found)


def _is_right(row: BoardRow, arm: str) -> bool:
    """Say whether every draw of an arm has full marks on an item."""
    return all(cell.state == "right" for cell in row.cells[arm])


def _compare_tasks(before: Board, after: Board) -> Iterator[SettingChange]:
    """Yield what differs in the task itself, of which the record keeps no copy."""
    for name in ("name", "instruction", "input_label", "primary_metric"):
        old, new = getattr(before.task, name), getattr(after.task, name)
        if old != new:
            yield SettingChange(f"task.{name}", str(old), str(new))
    if before.task.schema != after.task.schema:
        yield SettingChange("task.schema", "as it was", "changed")


def _describe_limits(boards: tuple[Board, Board], arms: Sequence[str], common: int) -> Iterator[str]:
    """Yield what a reader must know of a comparison of two runs."""
    before, after = boards
    yield from dict.fromkeys(board.note for board in boards if board.note)
    if not common:
        yield "The runs share no item: there is nothing to compare but their settings."
    if not arms:
        yield "No approach answered in both runs."
    if before.task.schema != after.task.schema:
        yield "The schema changed between the runs: a mark of one is not quite a mark of the other."


def _find_missing(boards: tuple[Board, Board], metric: str, *, names: tuple[str, str]) -> Iterator[str]:
    """Say which run has no such mark: an absent one is not a mark of 0."""
    for name, board in zip(names, boards, strict=True):
        if metric not in list_metrics(board.task):
            yield f"The schema of the run {name} has no {metric!r}, so there is no difference in it."


def _flatten(run: Run) -> dict[str, str]:
    """Return the settings of a run by their places in the record, each as text."""
    config = {name: value for name, value in run.config.items() if name not in LEFT_OUT}
    environment = {"environment": dict(run.environment)} if run.environment else {}
    return dict(_walk("", {"task": run.task, **config, **environment}))


def _walk(place: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        for name, inner in value.items():
            yield from _walk(f"{place}.{name}" if place else str(name), inner)
    else:
        yield place, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
