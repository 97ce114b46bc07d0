"""Two stored runs side by side: what differs, and whether the one may take the place of the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from core.comparison.arms import is_control
from core.comparison.runs import Run, load_run
from core.errors import LabError
from core.evaluation.gate import Gate, check_alike, check_metric, find_same, judge_gate
from core.evaluation.layout import lay_out
from core.evaluation.run_difference import RunDifference, compare_runs
from core.evaluation.summary import find_fault
from core.evaluation.verdict import DEFAULT_MARGIN
from lab.boards import open_board
from lab.lab import Lab
from lab.run_names import find_pinned


def diff_runs(lab: Lab, first: str, second: str, *, metric: str | None = None) -> RunDifference:
    """Compare two stored runs.

    Args:
        lab: Where they lie.
        first: Id of the run that is measured against.
        second: Id of the other.
        metric: A mark; by default the first run's primary metric.

    Raises:
        LabError: A run is not there, is damaged, or its items are gone; or it has no such metric.
    """
    runs = load_run(lab.settings, first), load_run(lab.settings, second)
    boards = open_board(lab, first), open_board(lab, second)
    chosen = metric or boards[0].task.primary_metric
    if metric is not None or boards[0].task.schema == boards[1].task.schema:
        check_metric(boards, chosen)
    return compare_runs(*runs, boards, metric=chosen)


# What is gated against what, by how much, on which marks and approaches.
def gate_run(
    lab: Lab, run_id: str, *, baseline: str | None = None, margin: float | None = None, arms: Sequence[str] = (),
    metric: str | None = None,
) -> Gate:  # fmt: skip
    """Judge a run against a baseline.

    Args:
        lab: Where the runs lie.
        run_id: The run.
        baseline: The run that it is measured against; by default the one that is pinned for its task.
        margin: By how much it may be worse; by default what the task declares for the metric.
        arms: The approaches that count; by default all of the baseline, controls left out.
        metric: A mark, or `schema_valid` or `json_valid`; by default the primary metric.

    Raises:
        LabError: A run is not there, is damaged, was stopped, or has marks that do not count (leaks, adapters that do not
            fit); they did not ask the same; or an approach is missing.
    """
    run = _load_whole(lab, run_id)
    other = _load_whole(lab, baseline or _find_baseline(lab, run))
    if other.id == run.id:
        raise LabError(f"The run {run.id} is the baseline itself.", "Name another run, or another --baseline.")
    boards = open_board(lab, other.id), open_board(lab, run.id)
    chosen = check_metric(boards, metric)
    difference = compare_runs(other, run, boards, metric=chosen)
    check_alike(boards, difference)
    gone = [name for name in boards[0].arms if name not in boards[1].arms and not is_control(name)]
    if gone and not arms:
        raise LabError(
            f"The run {run.id} has no answers of {', '.join(gone)}, which the baseline has.",
            "Name those that count: --arm NAME.",
        )
    allowed = boards[0].task.margins.get(chosen, DEFAULT_MARGIN) if margin is None else margin
    gate = judge_gate(difference, margin=allowed, arms=arms, same=find_same(boards))
    stamps = [f"{one.id}: {stamp}" for one in (other, run) if (stamp := lay_out(one.summary).stamp)]
    return replace(gate, notes=(*gate.notes, *stamps))


def _load_whole(lab: Lab, run_id: str) -> Run:
    run = load_run(lab.settings, run_id)
    if run.status != "ok":
        raise LabError(f"The run {run_id} was stopped before its end.", "Finish it: `ragft runs list` says how.")
    if fault := find_fault(run.summary):
        raise LabError(f"The marks of the run {run_id} do not count: {fault}", "Mend that, and compare again.")
    return run


def _find_baseline(lab: Lab, run: Run) -> str:
    pinned = find_pinned(lab.settings, run.task)
    if pinned is None:
        raise LabError(
            f"No run of {run.task} is pinned as the baseline.", "Name one: --baseline ID, or pin one: `ragft runs pin ID`."
        )
    return pinned
