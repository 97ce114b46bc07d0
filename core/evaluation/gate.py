"""The gate: may a run take the place of the one before it? For pipelines that stop where answers got worse.

With the paired difference d = run - baseline, its 95 % interval and the margin M, an approach

- passes where the interval's lower bound is above -M: it is not worse by the margin or more (non-inferiority at a one-sided
  2.5 %; Piaggio et al. 2012, JAMA 308:2594, and ICH E9, section 3.3.2),
- is a regression where the whole interval is below 0 and d itself is at or below -M: it is surely worse, and by what was
  measured too much worse. Where even the upper bound is below -M, it is surely too much worse;
- is inconclusive otherwise: more items would tell.

Where every answer is the same text as before nothing was sampled anew, and the approach passes.

A run passes when all its approaches pass (then no correction is needed: an intersection-union test, Berger 1982), and is a
regression when one is. Controls cheat or are spoilt on purpose: they count only where they are named.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from math import ceil
from typing import Any, Literal

from core.comparison.arms import find_title, is_control
from core.errors import LabError
from core.evaluation.board import Board
from core.evaluation.intervals import MIN_CLUSTERS
from core.evaluation.run_difference import ArmChange, RunDifference, list_metrics
from core.evaluation.statistics import Contrast
from core.evaluation.verdict import Z_LEVEL, count_units, write_number

GateState = Literal["ok", "regression", "inconclusive"]
EXIT_CODES: dict[GateState, int] = {"ok": 0, "regression": 1, "inconclusive": 3}
Z_POWER = 0.84  # z(80 %): in 4 of 5 runs.
ROUNDING = 1e-9  # Of a mean of marks: 0.30 - 0.35 is a little above -0.05.
SHOWN = 5  # Ids of flipped items that a sentence names.


@dataclass(frozen=True, slots=True)
class ArmGate:
    """Whether one approach passes.

    Args:
        arm: Its name.
        state: What the rule at the head of this file says.
        difference: Run minus baseline.
        low: Lower bound of its 95 % interval; None where there are too few independent groups.
        high: Upper bound.
        needed: Independent units (items, or groups where those are fewer) that show in 4 of 5 runs that nothing changed, where
            nothing did; None where they are not asked for.
        lost: Ids of items that were right and are not any more.
        won: Ids of items that are right now and were not.
        sentence: The same for people.
    """

    arm: str
    state: GateState
    difference: float
    low: float | None
    high: float | None
    needed: int | None
    lost: tuple[str, ...]
    won: tuple[str, ...]
    sentence: str


@dataclass(frozen=True, slots=True)
class Gate:
    """Whether a run passes.

    Args:
        run: Its id.
        baseline: Id of the run that it is measured against.
        metric: What is compared.
        margin: By how much it may be worse.
        state: Over all approaches.
        arms: Approach by approach.
        notes: What a reader must know.
    """

    run: str
    baseline: str
    metric: str
    margin: float
    state: GateState
    arms: tuple[ArmGate, ...]
    notes: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """What the command ends with."""
        return EXIT_CODES[self.state]

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {**asdict(self), "exit_code": self.exit_code}


def check_metric(boards: Sequence[Board], metric: str | None) -> str:
    """Return the metric to compare, after checking that all boards have it.

    Args:
        boards: Those of the runs.
        metric: As asked for; by default the primary metric, which must be one.

    Raises:
        LabError: The runs decide by different metrics, or one has no such metric.
    """
    primary = list(dict.fromkeys(board.task.primary_metric for board in boards))
    if metric is None and len(primary) > 1:
        raise LabError(f"The runs decide by different metrics: {' and '.join(primary)}.", "Name one: --metric METRIC.")
    chosen = metric or primary[0]
    for board in boards:
        known = list_metrics(board.task)
        if chosen not in known:
            raise LabError(f"There is no metric {chosen!r} in {board.task.name}.", f"Choose one of {', '.join(known)}.")
    return chosen


def check_alike(boards: tuple[Board, Board], difference: RunDifference) -> None:
    """Refuse runs that did not sit the same exam.

    Raises:
        LabError: Task, schema or items differ.
    """
    before, after = boards
    if before.task.name != after.task.name:
        raise LabError(f"The runs are of different tasks: {before.task.name} and {after.task.name}.", "Name a run of the same.")
    if before.task.schema != after.task.schema:
        raise LabError(
            f"The schema of {after.task.name} changed between the runs, so their marks are not the same thing.",
            "Compare again with the present schema, and pin that run.",
        )
    if difference.only_first or difference.only_second or difference.changed:
        counts = [
            f"{len(ids)} {what}"
            for ids, what in (
                (difference.only_first, "only in the baseline"),
                (difference.only_second, "only in the run"),
                (difference.changed, "with another question or answer"),
            )
            if ids
        ]
        raise LabError(
            f"The runs did not ask the same items: {', '.join(counts)}.",
            "Compare with the same --limit and --seed; `ragft runs diff` shows the items that both asked.",
        )


def find_same(boards: tuple[Board, Board]) -> frozenset[str]:
    """Return the approaches whose every answer is the same text in both runs."""
    texts = [
        {
            arm: [[cell.prediction.generation.text for cell in row.cells.get(arm, ())] for row in board.rows]
            for arm in board.arms
        }
        for board in boards
    ]
    ids = [[row.item.id for row in board.rows] for board in boards]
    return frozenset(arm for arm, own in texts[0].items() if ids[0] == ids[1] and texts[1].get(arm) == own)


def judge_gate(
    difference: RunDifference, *, margin: float, arms: Sequence[str] = (), same: frozenset[str] = frozenset()
) -> Gate:
    """Judge a run against its baseline, the first of the difference's two runs.

    Args:
        difference: Of two runs over the same items.
        margin: By how much the run may be worse, above 0 and below 1.
        arms: The approaches that count; by default all that answered in both, controls left out.
        same: Those whose every answer is the same text (`find_same`).

    Raises:
        LabError: The margin is none, an approach did not answer in both runs, or only controls did.
    """
    if not 0 < margin < 1:
        raise LabError(f"The margin is {margin:g}.", "It must be above 0 and below 1: by how much a mark may be worse.")
    known = {change.arm: change for change in difference.arms}
    for arm in arms or ():
        if arm not in known:
            raise LabError(
                f"The approach {arm!r} did not answer in both runs.", f"Those that did: {', '.join(known) or 'none'}."
            )
    if not known:
        raise LabError("No approach answered in both runs.", "Compare the same approaches again.")
    counting = tuple(arms) or tuple(arm for arm in known if not is_control(arm))
    if not counting:
        raise LabError(
            f"Only controls answered in both runs: {', '.join(known)}.", "Name one that counts all the same: --arm NAME."
        )
    judged = tuple(_judge_arm(known[arm], margin, same=arm in same) for arm in counting)
    states = {one.state for one in judged}
    state: GateState = "regression" if "regression" in states else "inconclusive" if "inconclusive" in states else "ok"
    return Gate(difference.second, difference.first, difference.metric, margin, state, judged, difference.notes)


def find_state(contrast: Contrast | None, margin: float) -> GateState:
    """Apply the rule at the head of this file to a paired difference, run minus baseline."""
    if contrast is None or contrast.ci_low is None or contrast.ci_high is None:
        return "inconclusive"
    if contrast.ci_low > -margin:
        return "ok"
    return "regression" if contrast.ci_high < 0 and contrast.difference <= -margin + ROUNDING else "inconclusive"


def count_needed(contrast: Contrast, margin: float) -> int:
    """Return how many independent units pass in 4 of 5 runs where nothing changed (Julious 2004, Statistics in Medicine 23).

    Where no mark differed yet the score interval of no difference at all counts instead: its bound is z² / (n + z²) (Tango 1998).
    """
    rare = Z_LEVEL**2 * (1 - margin) / margin
    growth = ((Z_LEVEL + Z_POWER) * _find_error(contrast) / margin) ** 2
    return max(MIN_CLUSTERS, ceil(rare), ceil(growth * contrast.clusters))


def _find_error(contrast: Contrast) -> float:
    """Return the standard error of a difference; the one that its interval stands for where few items differ."""
    if not contrast.error and not contrast.informative:
        return 0.0
    if contrast.informative >= MIN_CLUSTERS or contrast.ci_low is None or contrast.ci_high is None:
        return contrast.error
    return max(contrast.error, (contrast.ci_high - contrast.ci_low) / (2 * Z_LEVEL))


def _judge_arm(change: ArmChange, margin: float, *, same: bool) -> ArmGate:
    contrast, state = change.contrast, find_state(change.contrast, margin)
    if contrast is None:
        raise LabError(f"{find_title(change.arm)} has no item with an answer in both runs.", "Compare again.")
    if same:
        told = f"{find_title(change.arm)}: all answers to {contrast.n} items are the same texts as before."
        return ArmGate(change.arm, "ok", contrast.difference, contrast.ci_low, contrast.ci_high, None, (), (), told)
    needed = count_needed(contrast, margin) if state == "inconclusive" else None
    gate = ArmGate(
        change.arm, state, contrast.difference, contrast.ci_low, contrast.ci_high, needed, change.lost, change.won, ""
    )
    return replace(gate, sentence=_write_sentence(gate, contrast, margin))


def _write_sentence(gate: ArmGate, contrast: Contrast, margin: float) -> str:
    start = f"{find_title(gate.arm)}: {gate.difference:+.3f}"
    if gate.low is None or gate.high is None:
        return (
            f"{start}; {count_units(contrast)} are too few to tell. It takes {MIN_CLUSTERS} independent ones for any interval, "
            f"and about {gate.needed} for this margin."
        )
    start += f" (95 % {gate.low:+.3f} to {gate.high:+.3f}, {count_units(contrast)}): "
    if gate.state == "ok":
        worse = " It is surely worse, by less than the margin." if gate.high < 0 else ""
        return f"{start}not worse by {write_number(margin)} or more.{worse}"
    if gate.state == "regression":
        surely = "surely by more than the margin" if gate.high < -margin else "as measured by more than the margin"
        shown = ", ".join(gate.lost[:SHOWN]) + (", …" if len(gate.lost) > SHOWN else "")
        lost = f" {len(gate.lost)} items were right and are not any more: {shown}." if gate.lost else ""
        return f"{start}worse, {surely} of {write_number(margin)}.{lost}"
    return f"{start}it may be worse by {write_number(margin)} or more. {_advise(gate, contrast)}"


def _advise(gate: ArmGate, contrast: Contrast) -> str:
    """Say how many units would settle it."""
    unit = "groups" if contrast.clusters < contrast.n else "items"
    if gate.needed is not None and gate.needed > contrast.clusters:
        return f"If nothing really changed, about {gate.needed} {unit} show it in 4 of 5 runs."
    return (
        f"If nothing really changed, {gate.needed} {unit} would show it in 4 of 5 runs, and there are {contrast.clusters}: "
        "look at the items that flipped."
    )
