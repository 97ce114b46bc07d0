"""What approaches cost before their first answer: labelled rows, training, indexing; and what a change of the documents asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from statistics import fmean
from typing import Any

from core.comparison.arms import Arm
from core.errors import LabError
from core.evaluation.break_even import find_break_even
from core.evaluation.cost import Upkeep
from core.evaluation.prices import DEFAULT_PRICES
from core.tasks.task import Task
from lab.index_seconds import read_seconds
from lab.lab import Lab
from lab.plan import Plan
from lab.rounds import Answers


def stamp_costs(lab: Lab, plan: Plan, answers: Answers, summary: dict[str, Any]) -> None:
    """Add to each arm of a summary what its answers cost beside the model's seconds, and the break-even at default prices.

    Those are `search_seconds` an answer, `from_store` (answers whose seconds are an earlier run's), `labels`,
    `indexing_seconds`, `training_seconds`, `training_tokens` (None where not known, of several adapters the mean) and `upkeep`.
    """
    for name, arm in summary.get("arms", {}).items():
        if "cost" in arm:
            arms = [one for one in plan.arms if one.name == name]
            arm["cost"] |= {
                "search_seconds": answers.searching.get(name, 0.0) / len(plan.items),
                "from_store": answers.served.get(name, 0),
                **_find_one_off(lab, plan.task, arms),
            }
    if "arms" in summary:
        found = find_break_even(summary, DEFAULT_PRICES)
        summary["break_even"] = None if found is None else {"prices": asdict(DEFAULT_PRICES), **asdict(found)}


def _find_one_off(lab: Lab, task: Task, arms: Sequence[Arm]) -> dict[str, Any]:
    first = arms[0]
    outcomes = [_read_outcome(arm) for arm in arms] if first.uses_adapter else []
    rows = [outcome.get("rows") for outcome in outcomes]
    return {
        "labels": _count_labels(task, first) if not outcomes else _mean(rows),
        "indexing_seconds": _find_indexing(lab, task) if first.top_k else 0.0,
        "training_seconds": _mean([outcome.get("seconds") for outcome in outcomes]) if outcomes else 0.0,
        "training_tokens": _mean([outcome.get("tokens") for outcome in outcomes]) if outcomes else 0.0,
        "upkeep": _find_upkeep(lab, task, first),
    }


def _read_outcome(arm: Arm) -> Mapping[str, Any]:
    """Return what a training took, and the labelled rows that it learned from."""
    from finetune.adapters.card import is_number, read_card

    with suppress(LabError):  # Deleted meanwhile, or damaged: then it is not known.
        card = read_card(Path(str(arm.adapter)))
        told = {name: card.outcome[name] for name in ("seconds", "tokens") if is_number(card.outcome.get(name))}
        return {**told, **({"rows": len(card.trained_on)} if card.trained_on else {})}
    return {}


def _count_labels(task: Task, arm: Arm) -> int:
    """Return how many labelled rows an arm without an adapter needs: its examples, or all that the nearest are chosen from."""
    if not arm.shots:
        return 0
    return len(task.train) if arm.nearest else min(arm.shots, len(task.train))


def _find_indexing(lab: Lab, task: Task) -> float | None:
    from retrieval.index.versions import read_stamp

    folder = lab.library.index_folder(task)
    return read_seconds(folder, read_stamp(folder))


def _find_upkeep(lab: Lab, task: Task, arm: Arm) -> Upkeep:
    """Say what an arm needs when the documents change. Shown passages change with the index, facts in weights do not."""
    if arm.top_k:
        return "re-index"
    if not (task.documents_folder.is_dir() or lab.library.added_folder(task).is_dir()):
        return "nothing"
    return "re-train" if arm.uses_adapter else "cannot follow"


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known and len(known) == len(values) else None
